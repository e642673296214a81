//! Chooses free ports on loopback for the servers of a sandbox. I/O: it binds each port for a moment.

use std::io;
use std::net::{Ipv4Addr, TcpListener};

use rand::Rng as _;

/// Below the range from which Linux and macOS take the ports of outgoing connections, so that no client's
/// connection can sit on a broker's port while the broker is down.
const RANGE: std::ops::Range<u16> = 20_000..32_000;

/// Gives each of the ports a number: the one that it had, if that is still free, or a new one.
pub(super) fn assign<'a>(ports: impl IntoIterator<Item = &'a mut u16>) -> io::Result<()> {
    // The listeners stay bound until every port is chosen, so that no port is chosen twice.
    let mut held = Vec::new();
    for port in ports {
        let listener = if *port == 0 {
            free()
        } else {
            bind(*port).or_else(|_| free())
        }?;
        *port = listener.local_addr()?.port();
        held.push(listener);
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
    use std::thread::sleep;
    use std::time::Duration;

    use super::*;

    #[test]
    fn ports_are_distinct_and_kept_while_they_are_free() -> io::Result<()> {
        let mut ports = [0; 15];
        assign(&mut ports)?;
        let first = ports;
        let mut distinct = first.to_vec();
        distinct.sort_unstable();
        distinct.dedup();
        assert_eq!(distinct.len(), 15);
        // A process that another test starts at this moment holds copies of the listeners until it runs its program.
        for _ in 0..50 {
            if keeps_what_is_free(first)? {
                return Ok(());
            }
            sleep(Duration::from_millis(20));
        }
        Err(io::Error::other("a port that is free was not kept"))
    }

    /// Assigns ports again of which one is taken; whether that one is another then, and no other is.
    fn keeps_what_is_free(first: [u16; 15]) -> io::Result<bool> {
        let Ok(_taken) = bind(first[7]) else {
            return Ok(false);
        };
        let mut ports = first;
        assign(&mut ports)?;
        assert_ne!(ports[7], first[7]);
        let same = first.iter().zip(&ports).filter(|(a, b)| a == b).count();
        Ok(same == 14)
    }
}
