//! A TCP proxy before Kafka brokers that adds latency, counts requests, and holds one for ever. Plain listeners
//! only.
//!
//! A broker tells its clients where the brokers are, which would lead them past the proxy. So the
//! proxy writes its own ports into the answers: an address there is the host's text followed by the
//! port in four bytes (in `Metadata`, `FindCoordinator`, `DescribeCluster`), whatever the version.

use std::collections::BTreeMap;
use std::io::{self, Read as _, Write as _};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

const HOST: &[u8] = b"127.0.0.1";

/// A proxy before every broker of a cluster. It ends with the value.
pub(crate) struct Proxy {
    shared: Arc<Shared>,
    bootstrap: String,
}

struct Shared {
    delay: Duration,
    /// The broker's port to the proxy's.
    ports: BTreeMap<u16, u16>,
    requests: Mutex<BTreeMap<i16, usize>>,
    hold: Mutex<Option<Hold>>,
    connections: Mutex<Vec<TcpStream>>,
    closed: AtomicBool,
}

/// On which side of its effect a request is held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    /// The server never sees it.
    Before,
    /// The server carried it out; nobody hears of it.
    After,
}

/// Which request is to be held, and who is told.
struct Hold {
    /// Kafka's API key.
    key: i16,
    side: Side,
    held: Sender<()>,
}

impl Proxy {
    /// Starts a proxy for each address of `bootstrap`; `delay` is added in each direction.
    pub(crate) fn start(bootstrap: &str, delay: Duration) -> io::Result<Self> {
        let mut listeners = Vec::new();
        let mut ports = BTreeMap::new();
        for address in bootstrap.split(',') {
            let port = address
                .rsplit(':')
                .next()
                .and_then(|port| port.parse().ok());
            let port: u16 = port.ok_or(io::ErrorKind::InvalidInput)?;
            let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
            ports.insert(port, listener.local_addr()?.port());
            listeners.push((listener, port));
        }
        let addresses = ports.values().map(|port| format!("127.0.0.1:{port}"));
        let bootstrap = addresses.collect::<Vec<_>>().join(",");
        let shared = Arc::new(Shared {
            delay,
            ports,
            requests: Mutex::default(),
            hold: Mutex::default(),
            connections: Mutex::default(),
            closed: AtomicBool::new(false),
        });
        for (listener, port) in listeners {
            let shared = Arc::clone(&shared);
            thread::spawn(move || accept(&listener, port, &shared));
        }
        Ok(Self { shared, bootstrap })
    }

    /// Returns the proxy's addresses, joined by commas.
    pub(crate) fn bootstrap(&self) -> &str {
        &self.bootstrap
    }

    /// Returns how many requests of each kind (Kafka's API key) have passed.
    pub(crate) fn requests(&self) -> BTreeMap<i16, usize> {
        lock(&self.shared.requests).clone()
    }

    /// Holds the next request of a kind (Kafka's API key) for ever: the broker never sees it, or nobody hears that
    /// it carried it out. Returns where it is told that one is held.
    pub(crate) fn hold(&self, key: i16, side: Side) -> Receiver<()> {
        let (sender, held) = channel();
        *lock(&self.shared.hold) = Some(Hold {
            key,
            side,
            held: sender,
        });
        held
    }

    /// Breaks every connection; new ones are accepted.
    pub(crate) fn cut(&self) {
        for connection in lock(&self.shared.connections).drain(..) {
            // Fails where the connection has ended already.
            drop(connection.shutdown(Shutdown::Both));
        }
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.shared.closed.store(true, Ordering::SeqCst);
        self.cut();
        // Wakes the threads that accept, so that they see it.
        for port in self.shared.ports.values() {
            drop(TcpStream::connect((Ipv4Addr::LOCALHOST, *port)));
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner)
}

fn accept(listener: &TcpListener, port: u16, shared: &Arc<Shared>) {
    while let Ok((client, _)) = listener.accept() {
        if shared.closed.load(Ordering::SeqCst) {
            return;
        }
        // Where the broker is away the client sees a closed connection, as it would without a proxy.
        if let Ok(broker) = TcpStream::connect((Ipv4Addr::LOCALHOST, port)) {
            drop(join(client, broker, shared));
        }
    }
}

/// The request whose answer is kept, by its number, and who is told.
type Kept = Arc<Mutex<Option<([u8; 4], Sender<()>)>>>;

/// Lets frames pass in both directions until one side closes.
fn join(client: TcpStream, broker: TcpStream, shared: &Arc<Shared>) -> io::Result<()> {
    client.set_nodelay(true)?;
    broker.set_nodelay(true)?;
    lock(&shared.connections).extend([client.try_clone()?, broker.try_clone()?]);
    let kept = Kept::default();
    let (count, keep) = (Arc::clone(shared), Arc::clone(&kept));
    let requests = move |frame: &mut [u8]| {
        let [high, low, _, _, number @ ..] = &*frame else {
            return true;
        };
        let key = i16::from_be_bytes([*high, *low]);
        *lock(&count.requests).entry(key).or_default() += 1;
        let Some(hold) = lock(&count.hold).take_if(|hold| hold.key == key) else {
            return true;
        };
        if let (Side::After, Some(number)) = (hold.side, number.first_chunk()) {
            *lock(&keep) = Some((*number, hold.held));
            return true;
        }
        // The test may be over.
        let _told = hold.held.send(());
        false
    };
    let rewrite = Arc::clone(shared);
    let answers = move |frame: &mut [u8]| {
        redirect(frame, &rewrite.ports);
        match lock(&kept).take_if(|(number, _)| frame.starts_with(number)) {
            Some((_, held)) => {
                let _told = held.send(());
                false
            }
            None => true,
        }
    };
    pass(
        client.try_clone()?,
        broker.try_clone()?,
        shared.delay,
        requests,
    );
    pass(broker, client, shared.delay, answers);
    Ok(())
}

/// Reads frames on one thread and writes each that is to pass on another once its time has come, so that frames in
/// flight wait side by side.
fn pass(
    from: TcpStream,
    to: TcpStream,
    delay: Duration,
    mut passes: impl FnMut(&mut [u8]) -> bool + Send + 'static,
) {
    let (sender, receiver): (Sender<(Instant, Vec<u8>)>, Receiver<_>) = channel();
    thread::spawn(move || {
        let mut from = from;
        while let Ok(mut frame) = read_frame(&mut from) {
            if passes(&mut frame) && sender.send((Instant::now() + delay, frame)).is_err() {
                break;
            }
        }
        drop(from.shutdown(Shutdown::Read));
    });
    thread::spawn(move || {
        let mut to = to;
        for (due, frame) in receiver {
            thread::sleep(due.saturating_duration_since(Instant::now()));
            if write_frame(&mut to, &frame).is_err() {
                break;
            }
        }
        drop(to.shutdown(Shutdown::Both));
    });
}

fn read_frame(from: &mut TcpStream) -> io::Result<Vec<u8>> {
    let mut length = [0; 4];
    from.read_exact(&mut length)?;
    let mut frame = vec![0; u32::from_be_bytes(length) as usize];
    from.read_exact(&mut frame)?;
    Ok(frame)
}

fn write_frame(to: &mut TcpStream, frame: &[u8]) -> io::Result<()> {
    let length = u32::try_from(frame.len()).map_err(|_| io::ErrorKind::InvalidData)?;
    let mut bytes = length.to_be_bytes().to_vec();
    bytes.extend_from_slice(frame);
    to.write_all(&bytes)
}

/// Puts the proxy's ports in the place of the brokers'.
fn redirect(frame: &mut [u8], ports: &BTreeMap<u16, u16>) {
    let mut at = 0;
    while at + HOST.len() + 4 <= frame.len() {
        let port_at = at + HOST.len();
        if frame[at..port_at] == *HOST && frame[port_at..port_at + 2] == [0, 0] {
            let found = u16::from_be_bytes([frame[port_at + 2], frame[port_at + 3]]);
            if let Some(port) = ports.get(&found) {
                frame[port_at + 2..port_at + 4].copy_from_slice(&port.to_be_bytes());
            }
            at = port_at;
        }
        at += 1;
    }
}
