//! A real Kafka Streams application: `tests/java/streams/Counts.java`, as `tests/java/build.sh` builds it.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::{Duration, Instant};

use super::servers;

const TIMEOUT: Duration = Duration::from_secs(90);

/// A running application. It is closed when the value goes away.
pub(crate) struct Application {
    child: Child,
    lines: Receiver<String>,
    seen: Vec<String>,
    _state: tempfile::TempDir,
}

/// Starts the application, or says that the test is skipped. `protocol` is `classic` or `streams` (KIP-1071).
#[track_caller]
pub(crate) fn counts(
    bootstrap: &str,
    id: &str,
    [input, output]: [&str; 2],
    protocol: &str,
) -> Option<Application> {
    let jar = servers::jar("streams.jar")?;
    let state = tempfile::tempdir().unwrap();
    let mut child = Command::new("java")
        .args([
            "-Xmx256m",
            "-XX:+UseSerialGC",
            "-XX:TieredStopAtLevel=1",
            "-cp",
        ])
        .arg(format!(
            "{}:{}/*",
            jar.display(),
            jar.with_file_name("streams/lib").display()
        ))
        .arg("-Dorg.slf4j.simpleLogger.defaultLogLevel=error")
        .arg("streamform.tests.Counts")
        .args([bootstrap, id, input, output])
        .arg(state.path())
        .arg(protocol)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        // Why it fails it says on its output.
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let output = BufReader::new(child.stdout.take().unwrap());
    let (sender, lines) = mpsc::channel();
    thread::spawn(move || {
        output
            .lines()
            .map_while(Result::ok)
            .try_for_each(|line| sender.send(line))
    });
    Some(Application {
        child,
        lines,
        seen: Vec::new(),
        _state: state,
    })
}

impl Application {
    /// Waits until the application says something that begins so, and returns it.
    #[track_caller]
    pub(crate) fn says(&mut self, beginning: &str) -> String {
        let begin = Instant::now();
        loop {
            let left = TIMEOUT.saturating_sub(begin.elapsed());
            let line = self.lines.recv_timeout(left);
            assert!(line.is_ok(), "never {beginning}: {:?}", self.seen);
            let line = line.unwrap();
            self.seen.push(line.clone());
            if line.starts_with(beginning) {
                return line;
            }
        }
    }
}

impl Drop for Application {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        // It closes itself; what does not is ended.
        let begin = Instant::now();
        while begin.elapsed() < Duration::from_secs(30) {
            if matches!(self.child.try_wait(), Ok(Some(_))) {
                return;
            }
            thread::sleep(Duration::from_millis(50));
        }
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
