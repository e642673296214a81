//! Servers that are no Kafka broker, or a mad one: each is a clear error, in time, and no panic.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use streamform::clients::kafka::{Client, KafkaError, Settings};

use super::run;

/// Starts a server that reads one request and then does as it is told. Returns its address.
fn server(act: impl Fn(&mut TcpStream, [u8; 4]) + Send + 'static) -> String {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = listener.local_addr().unwrap().to_string();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { return };
            let mut length = [0; 4];
            if stream.read_exact(&mut length).is_err() {
                continue;
            }
            let mut request = vec![0; u32::from_be_bytes(length) as usize];
            if stream.read_exact(&mut request).is_ok() {
                let correlation = [request[4], request[5], request[6], request[7]];
                act(&mut stream, correlation);
            }
        }
    });
    address
}

/// Returns a frame: length, then the parts.
fn frame(parts: &[&[u8]]) -> Vec<u8> {
    let body = parts.concat();
    let length = u32::try_from(body.len()).unwrap();
    [length.to_be_bytes().as_slice(), &body].concat()
}

/// Connects to a server that answers so, and returns the error.
fn error(act: impl Fn(&mut TcpStream, [u8; 4]) + Send + 'static) -> KafkaError {
    let address = server(act);
    let settings = [
        ("bootstrap.servers", address.as_str()),
        ("socket.connection.setup.timeout.ms", "1000"),
    ];
    let settings = Settings::from_pairs(settings).unwrap();
    let started = Instant::now();
    let error = run(Client::connect(settings)).unwrap_err();
    assert!(started.elapsed() < Duration::from_secs(5));
    error
}

/// Returns the text of the error without the address, which differs.
fn text(act: impl Fn(&mut TcpStream, [u8; 4]) + Send + 'static) -> String {
    let text = error(act).to_string();
    let (before, rest) = text.split_once("127.0.0.1:").unwrap();
    let after = rest.trim_start_matches(|c: char| c.is_ascii_digit());
    format!("{before}[ADDRESS]{after}")
}

#[test]
fn other_protocols_are_recognized() {
    let http = |stream: &mut TcpStream, _| {
        stream
            .write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n")
            .unwrap();
    };
    insta::assert_snapshot!(text(http), @"cannot reach the Kafka broker at [ADDRESS]: an HTTP server answers there, not a Kafka broker");
    let tls = |stream: &mut TcpStream, _| stream.write_all(&[0x15, 3, 3, 0, 2, 2, 10]).unwrap();
    insta::assert_snapshot!(text(tls), @"cannot reach the Kafka broker at [ADDRESS]: the port speaks TLS: set security.protocol to SSL or SASL_SSL");
    let huge = |stream: &mut TcpStream, _| stream.write_all(&[0x7f, 0xff, 0xff, 0xff]).unwrap();
    insta::assert_snapshot!(text(huge), @"cannot reach the Kafka broker at [ADDRESS]: an answer of 2147483647 bytes is announced, which no broker sends: is it a Kafka broker, and is security.protocol right?");
    let negative = |stream: &mut TcpStream, _| stream.write_all(&[0xff; 4]).unwrap();
    insta::assert_snapshot!(text(negative), @"cannot reach the Kafka broker at [ADDRESS]: an answer of -1 bytes is announced, which no broker sends: is it a Kafka broker, and is security.protocol right?");
}

#[test]
fn a_connection_that_ends_or_falls_silent_is_told() {
    let closed = |_: &mut TcpStream, _| {};
    insta::assert_snapshot!(text(closed), @"cannot reach the Kafka broker at [ADDRESS]: the broker closed the connection during ApiVersions: is security.protocol right for this port?");
    let half = |stream: &mut TcpStream, _| stream.write_all(&[0, 0, 1, 0, 1, 2, 3]).unwrap();
    insta::assert_snapshot!(text(half), @"cannot reach the Kafka broker at [ADDRESS]: the broker closed the connection during ApiVersions: is security.protocol right for this port?");
    // A length near the limit reserves nothing until bytes arrive.
    let silent = |stream: &mut TcpStream, _| {
        stream.write_all(&[0x06, 0, 0, 0]).unwrap();
        thread::sleep(Duration::from_secs(3));
    };
    insta::assert_snapshot!(text(silent), @"cannot reach the Kafka broker at [ADDRESS]: no answer within 1 s");
}

#[test]
fn answers_that_make_no_sense_are_told() {
    let stranger = |stream: &mut TcpStream, _| {
        stream
            .write_all(&frame(&[&[0, 0, 0, 99], &[0; 10]]))
            .unwrap();
    };
    insta::assert_snapshot!(text(stranger), @"cannot reach the Kafka broker at [ADDRESS]: the answer has correlation id 99 where 0 was due");
    let cut = |stream: &mut TcpStream, id: [u8; 4]| stream.write_all(&frame(&[&id, &[0]])).unwrap();
    assert!(text(cut).contains("the answer is not one of a Kafka broker"));
    // Four thousand million versions are announced.
    let lie = |stream: &mut TcpStream, id: [u8; 4]| {
        stream
            .write_all(&frame(&[&id, &[0, 0], &[0xff, 0xff, 0xff, 0xff, 0x0f]]))
            .unwrap();
    };
    assert!(text(lie).contains("the answer is not one of a Kafka broker"));
    // A broker without any request in common: it offers nothing but ApiVersions.
    let poor = |stream: &mut TcpStream, id: [u8; 4]| {
        let versions = [0, 0, 2, 0, 18, 0, 0, 0, 4, 0, 0, 0, 0, 0, 0];
        stream.write_all(&frame(&[&id, &versions])).unwrap();
        thread::sleep(Duration::from_secs(1));
    };
    insta::assert_snapshot!(text(poor), @"[ADDRESS] cannot do Metadata: we speak versions 4 to 13, it does not know it");
}

#[test]
fn an_old_broker_is_asked_again_in_version_0() {
    let old = |stream: &mut TcpStream, id: [u8; 4]| {
        // UNSUPPORTED_VERSION in version 0, and no versions.
        stream
            .write_all(&frame(&[&id, &[0, 35], &[0, 0, 0, 0]]))
            .unwrap();
        let mut request = [0; 4];
        stream.read_exact(&mut request).unwrap();
        let mut request = vec![0; u32::from_be_bytes(request) as usize];
        stream.read_exact(&mut request).unwrap();
        assert_eq!(request[..4], [0, 18, 0, 0], "ApiVersions in version 0");
        let id = [request[4], request[5], request[6], request[7]];
        // Metadata in versions 0 to 1.
        stream
            .write_all(&frame(&[&id, &[0, 0], &[0, 0, 0, 1], &[0, 3, 0, 0, 0, 1]]))
            .unwrap();
        thread::sleep(Duration::from_secs(1));
    };
    insta::assert_snapshot!(text(old), @"[ADDRESS] cannot do Metadata: we speak versions 4 to 13, it speaks 0 to 1");
}

#[test]
fn all_addresses_are_tried_and_named() {
    let settings = [("bootstrap.servers", "127.0.0.1:1,no-such-host.invalid:9092")];
    let settings = Settings::from_pairs(settings).unwrap();
    let error = run(Client::connect(settings)).unwrap_err();
    let text = error.to_string();
    assert!(
        text.starts_with("cannot reach any Kafka broker; 127.0.0.1:1: connection refused; "),
        "{text}"
    );
    assert!(
        text.contains("no-such-host.invalid:9092: the host name cannot be resolved"),
        "{text}"
    );
}
