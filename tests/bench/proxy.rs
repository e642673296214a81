//! A broker that is far away, for `run.sh`: `proxy BROKER MILLISECONDS` lets everything pass that much later for a
//! round trip. Prints its address, and ends with its standard input. Does I/O.

#[path = "../suite/support/proxy.rs"]
#[expect(dead_code, reason = "only tests hold requests")]
mod proxy;

use std::error::Error;
use std::io::{Read as _, Write as _};
use std::time::Duration;

use proxy::Proxy;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [broker, milliseconds] = &arguments[..] else {
        return Err("usage: proxy BROKER MILLISECONDS".into());
    };
    let delay = Duration::from_millis(milliseconds.parse()?) / 2;
    let proxy = Proxy::start(broker, delay)?;
    writeln!(std::io::stdout(), "{}", proxy.bootstrap())?;
    std::io::stdin().read_to_end(&mut Vec::new())?;
    let requests: usize = proxy.requests().values().sum();
    writeln!(std::io::stderr(), "{requests} requests have passed")?;
    Ok(())
}
