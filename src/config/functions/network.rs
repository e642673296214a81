//! Functions of IP networks: RFC 4632 and RFC 4291 prefixes. Pure.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use bigdecimal::num_bigint::BigInt;
use bigdecimal::num_traits::ToPrimitive as _;
use ipnet::IpNet;

use crate::config::value::Value;

use super::{Call, Failure, Function, Parameter, Want};

const PREFIX: Parameter = Parameter::new("prefix", Want::String);

pub(super) const TABLE: &[Function] = &[
    Function::new(
        "cidrhost",
        &[PREFIX, Parameter::new("hostnum", Want::Number)],
        Want::String,
        host,
    ),
    Function::new("cidrnetmask", &[PREFIX], Want::String, netmask),
    Function::new(
        "cidrsubnet",
        &[
            PREFIX,
            Parameter::new("newbits", Want::Number),
            Parameter::new("netnum", Want::Number),
        ],
        Want::String,
        subnet,
    ),
    Function::new("cidrsubnets", &[PREFIX], Want::Strings, subnets)
        .and_more(Parameter::new("newbits", Want::Number)),
];

/// A network as bits, so that both families are computed alike.
struct Network {
    first: u128,
    prefix: u32,
    /// 32 or 128.
    width: u32,
}

impl Network {
    fn of(call: &Call<'_>) -> Result<Self, Failure> {
        let net: IpNet = call
            .text(0)
            .parse()
            .map_err(|_| Failure::argument(0, "a network is required, such as \"10.0.0.0/8\""))?;
        let first = match net.network() {
            IpAddr::V4(address) => u128::from(u32::from(address)),
            IpAddr::V6(address) => u128::from(address),
        };
        Ok(Self {
            first,
            prefix: u32::from(net.prefix_len()),
            width: u32::from(net.max_prefix_len()),
        })
    }

    fn address(&self, bits: u128) -> IpAddr {
        if self.width == 32 {
            let bits = u32::try_from(bits & u128::from(u32::MAX)).expect("masked to 32 bits");
            IpAddr::V4(Ipv4Addr::from(bits))
        } else {
            IpAddr::V6(Ipv6Addr::from(bits))
        }
    }

    /// Returns the longer prefix, checked against the width.
    fn longer(&self, call: &Call<'_>, index: usize) -> Result<u32, Failure> {
        let new_bits = call.count(index)?;
        u32::try_from(new_bits)
            .ok()
            .and_then(|bits| self.prefix.checked_add(bits))
            .filter(|prefix| *prefix <= self.width)
            .ok_or_else(|| {
                Failure::argument(
                    index,
                    format!(
                        "the prefix /{} has room for {} bits more",
                        self.prefix,
                        self.width - self.prefix
                    ),
                )
            })
    }
}

/// A negative number counts from the network's end.
fn host(call: &Call<'_>) -> Result<Value, Failure> {
    let network = Network::of(call)?;
    let number = call
        .number(1)
        .to_bigint()
        .ok_or_else(|| Failure::argument(1, "a whole number is required"))?;
    let size = BigInt::from(1) << (network.width - network.prefix);
    let offset = if number < BigInt::from(0) {
        &size + &number
    } else {
        number.clone()
    };
    let offset = if offset < BigInt::from(0) || offset >= size {
        None
    } else {
        offset.to_u128()
    };
    let offset = offset.ok_or_else(|| {
        Failure::argument(
            1,
            format!("the prefix /{} has {size} hosts only", network.prefix),
        )
    })?;
    Ok(network.address(network.first | offset).to_string().into())
}

fn netmask(call: &Call<'_>) -> Result<Value, Failure> {
    let net: IpNet = call
        .text(0)
        .parse()
        .map_err(|_| Failure::argument(0, "a network is required, such as \"10.0.0.0/8\""))?;
    match net.netmask() {
        IpAddr::V4(mask) => Ok(mask.to_string().into()),
        IpAddr::V6(_) => Err(Failure::argument(
            0,
            "a network of IPv4 is required; IPv6 has no netmasks",
        )),
    }
}

fn subnet(call: &Call<'_>) -> Result<Value, Failure> {
    let network = Network::of(call)?;
    let prefix = network.longer(call, 1)?;
    let new_bits = prefix - network.prefix;
    let number = call
        .number(2)
        .to_bigint()
        .ok_or_else(|| Failure::argument(2, "a whole number is required"))?;
    let total = BigInt::from(1) << new_bits;
    let number = if number < BigInt::from(0) || number >= total {
        None
    } else {
        number.to_u128()
    };
    let number = number.ok_or_else(|| {
        Failure::argument(2, format!("{new_bits} bits make {total} networks only"))
    })?;
    let shift = network.width - prefix;
    let offset = number.checked_shl(shift).unwrap_or(0);
    Ok(format!("{}/{prefix}", network.address(network.first | offset)).into())
}

/// Networks one behind the other, each aligned to its size.
fn subnets(call: &Call<'_>) -> Result<Value, Failure> {
    let network = Network::of(call)?;
    let end = BigInt::from(network.first) + (BigInt::from(1) << (network.width - network.prefix));
    let mut next = BigInt::from(network.first);
    let mut made = Vec::new();
    for index in 1..call.args.len() {
        let prefix = network.longer(call, index)?;
        if prefix == network.prefix {
            return Err(Failure::argument(index, "at least one bit is required"));
        }
        let size = BigInt::from(1) << (network.width - prefix);
        let rest = &next % &size;
        if rest != BigInt::from(0) {
            next = next - rest + &size;
        }
        let first = next.to_u128().filter(|_| &next + &size <= end);
        let first = first.ok_or_else(|| {
            Failure::argument(
                index,
                format!(
                    "there is no room left in {} for a prefix /{prefix}",
                    call.text(0)
                ),
            )
        })?;
        made.push(Value::from(format!("{}/{prefix}", network.address(first))));
        next += size;
    }
    Ok(Value::list(made))
}
