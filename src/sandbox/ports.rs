//! Chooses free ports on loopback for the brokers of a record. I/O: it binds each port for a moment.

use std::io;
use std::net::{Ipv4Addr, TcpListener};

use rand::Rng as _;

use super::record::Record;

/// Below the range from which Linux and macOS take the ports of outgoing connections, so that no client's
/// connection can sit on a broker's port while the broker is down.
const RANGE: std::ops::Range<u16> = 20_000..32_000;

/// Gives every listener of the record a port: the one that it had, if that is still free, or a new one.
pub(super) fn assign(record: &mut Record) -> io::Result<()> {
    // The listeners stay bound until every port is chosen, so that no port is chosen twice.
    let mut held = Vec::new();
    for broker in &mut record.brokers {
        for port in broker.ports.all_mut() {
            let listener = if *port == 0 {
                free()
            } else {
                bind(*port).or_else(|_| free())
            }?;
            *port = listener.local_addr()?.port();
            held.push(listener);
        }
    }
    Ok(())
}

fn free() -> io::Result<TcpListener> {
    let mut rng = rand::rng();
    let mut last = None;
    for _ in 0..1000 {
        match bind(rng.random_range(RANGE)) {
            Ok(listener) => return Ok(listener),
            Err(error) => last = Some(error),
        }
    }
    Err(last.unwrap_or_else(|| io::ErrorKind::AddrInUse.into()))
}

fn bind(port: u16) -> io::Result<TcpListener> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_are_distinct_and_kept_while_they_are_free() -> io::Result<()> {
        let mut record = Record::new(3, true);
        assign(&mut record)?;
        let ports = |record: &Record| -> Vec<u16> {
            let mut copy = record.clone();
            copy.brokers
                .iter_mut()
                .flat_map(|b| b.ports.all_mut())
                .map(|p| *p)
                .collect()
        };
        let first = ports(&record);
        let mut distinct = first.clone();
        distinct.sort_unstable();
        distinct.dedup();
        assert_eq!(distinct.len(), 15);
        let taken = bind(first[7])?;
        assign(&mut record)?;
        let second = ports(&record);
        assert_ne!(second[7], first[7]);
        let same = first.iter().zip(&second).filter(|(a, b)| a == b).count();
        assert_eq!(same, 14);
        drop(taken);
        Ok(())
    }
}
