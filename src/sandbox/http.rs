//! The one HTTP request that tells whether a server is ready. I/O.

use std::io::{self, Read as _, Write as _};
use std::net::{Ipv4Addr, TcpStream};
use std::time::Duration;

const TIMEOUT: Option<Duration> = Some(Duration::from_secs(10));

/// Gets a path of a server on loopback and returns the body; any status but 200 is an error.
///
/// It asks as HTTP/1.0 does, so that the answer ends with the connection and comes in one piece.
pub(super) fn get(port: u16, path: &str) -> io::Result<String> {
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
    stream.set_read_timeout(TIMEOUT)?;
    stream.set_write_timeout(TIMEOUT)?;
    let host = format!("Host: 127.0.0.1:{port}\r\nAccept: application/json");
    stream.write_all(format!("GET {path} HTTP/1.0\r\n{host}\r\n\r\n").as_bytes())?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    let answer = String::from_utf8_lossy(&answer);
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
    match head.split(' ').nth(1) {
        Some("200") => Ok(body.to_owned()),
        _ => Err(io::ErrorKind::InvalidData.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{BufRead as _, BufReader};
    use std::net::TcpListener;
    use std::thread;

    #[test]
    fn only_success_counts_as_an_answer() -> io::Result<()> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let port = listener.local_addr()?.port();
        let server = thread::spawn(move || -> io::Result<()> {
            for answer in [
                "HTTP/1.1 200 OK\r\n\r\n[]",
                "HTTP/1.1 503 Not yet\r\n\r\n",
                "",
            ] {
                let (mut stream, _) = listener.accept()?;
                let mut lines = BufReader::new(&stream).lines();
                let first = lines.next().transpose()?.unwrap_or_default();
                assert!(first.starts_with("GET /subjects "));
                lines.find(|line| line.as_ref().is_ok_and(String::is_empty));
                stream.write_all(answer.as_bytes())?;
            }
            Ok(())
        });
        assert_eq!(get(port, "/subjects")?, "[]");
        assert!(get(port, "/subjects").is_err());
        assert!(get(port, "/subjects").is_err());
        assert!(matches!(server.join(), Ok(Ok(()))));
        assert!(get(port, "/subjects").is_err());
        Ok(())
    }
}
