//! Runs the real `streamform` and keeps what it said.

use std::io::{Read, Write as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

/// How long any run may take: far beyond what it needs, so that a hang fails instead of blocking.
const TIMEOUT: Duration = Duration::from_mins(3);

/// A run of the program that has not begun.
pub(crate) struct Program {
    command: Command,
    input: String,
}

impl Program {
    /// Returns a run with these arguments, without any variable that would change it.
    pub(crate) fn new(arguments: &[&str]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_streamform"));
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("STREAMFORM_") {
                command.env_remove(name);
            }
        }
        command.args(arguments).env("NO_COLOR", "1");
        Self {
            command,
            input: String::new(),
        }
    }

    /// Chooses the current folder.
    pub(crate) fn current_dir(mut self, folder: &Path) -> Self {
        self.command.current_dir(folder);
        self
    }

    /// Sets a variable.
    pub(crate) fn env(mut self, name: &str, value: &str) -> Self {
        self.command.env(name, value);
        self
    }

    /// Gives it standard input.
    pub(crate) fn input(mut self, text: &str) -> Self {
        text.clone_into(&mut self.input);
        self
    }

    /// Runs it to its end.
    pub(crate) fn run(self) -> Run {
        self.start().wait()
    }

    /// Starts it and returns at once.
    pub(crate) fn start(mut self) -> Running {
        let mut child = self
            .command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdin = child.stdin.take().unwrap();
        let input = self.input;
        // It may end without having read its input, so a failure means nothing.
        let writer = thread::spawn(move || drop(stdin.write_all(input.as_bytes())));
        let stdout = Capture::of(child.stdout.take().unwrap());
        let stderr = Capture::of(child.stderr.take().unwrap());
        Running {
            child,
            writer: Some(writer),
            stdout,
            stderr,
        }
    }
}

/// What one stream said so far.
struct Capture {
    bytes: Arc<Mutex<Vec<u8>>>,
    reader: Option<JoinHandle<()>>,
}

impl Capture {
    fn of(mut stream: impl Read + Send + 'static) -> Self {
        let bytes = Arc::new(Mutex::new(Vec::new()));
        let to = Arc::clone(&bytes);
        let reader = thread::spawn(move || {
            let mut buffer = [0; 8192];
            while let Ok(count @ 1..) = stream.read(&mut buffer) {
                to.lock().unwrap().extend_from_slice(&buffer[..count]);
            }
        });
        Self {
            bytes,
            reader: Some(reader),
        }
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes.lock().unwrap()).into_owned()
    }

    fn finish(&mut self) -> String {
        if let Some(reader) = self.reader.take() {
            reader.join().unwrap();
        }
        self.text()
    }
}

/// A run that is under way. It is killed when the value goes away.
pub(crate) struct Running {
    child: Child,
    writer: Option<JoinHandle<()>>,
    stdout: Capture,
    stderr: Capture,
}

impl Running {
    /// Returns the process id.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Returns everything that it said so far on both streams.
    pub(crate) fn said(&self) -> String {
        format!("{}{}", self.stdout.text(), self.stderr.text())
    }

    /// Waits until it has said something.
    pub(crate) fn wait_for(&mut self, text: &str) {
        let begin = Instant::now();
        while !self.said().contains(text) {
            let ended = self.child.try_wait().unwrap();
            // What it said last may have come after the look above.
            let late = ended.is_none() || self.said().contains(text);
            let said = self.said();
            assert!(
                late,
                "it ended ({ended:?}) without saying {text:?}:\n{said}"
            );
            assert!(
                begin.elapsed() < TIMEOUT,
                "it did not say {text:?}:\n{said}"
            );
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// Whether it has ended.
    pub(crate) fn has_ended(&mut self) -> bool {
        self.child.try_wait().unwrap().is_some()
    }

    /// Sends a signal.
    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// Waits for its end.
    pub(crate) fn wait(mut self) -> Run {
        let begin = Instant::now();
        let status = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break status;
            }
            assert!(
                begin.elapsed() < TIMEOUT,
                "it does not end:\n{}",
                self.said()
            );
            thread::sleep(Duration::from_millis(2));
        };
        if let Some(writer) = self.writer.take() {
            writer.join().unwrap();
        }
        Run {
            code: status.code(),
            stdout: self.stdout.finish(),
            stderr: self.stderr.finish(),
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Both fail where it has ended already, as it should have.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// A run that has ended.
#[derive(Debug)]
pub(crate) struct Run {
    /// The exit code, absent where a signal ended it.
    pub(crate) code: Option<i32>,
    /// The results.
    pub(crate) stdout: String,
    /// Errors and progress.
    pub(crate) stderr: String,
}

impl Run {
    /// Checks the exit code and returns the run.
    #[track_caller]
    pub(crate) fn expect(self, code: i32) -> Self {
        let Self {
            code: found,
            stdout,
            stderr,
        } = &self;
        assert_eq!(
            *found,
            Some(code),
            "\n--- stdout\n{stdout}\n--- stderr\n{stderr}"
        );
        self
    }
}
