//! How an apply is watched: lines for few operations, a bar on a terminal or a line a second for many.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

use crate::address::Address;
use crate::apply::{Event, Events, Interrupts};
use crate::diagnostic::{Diagnostic, Diagnostics, printable};

use super::Output;
use super::output::LogFormat;
use super::planning::Stop;

/// Up to so many operations get a line each.
const FEW: usize = 20;

/// What is shown while an apply runs.
pub(super) struct Progress(Arc<Mutex<Shown>>);

struct Shown {
    total: usize,
    done: usize,
    failed: usize,
    quiet: bool,
    json: bool,
    bar: Option<ProgressBar>,
    /// When a line was last shown of all, where there are many operations, or of each one.
    last: BTreeMap<Option<Address>, Instant>,
}

impl Progress {
    /// Prepares to show an apply of some operations.
    pub(super) fn new(total: usize, output: &Output) -> Self {
        let bar = (total > FEW && output.log_colour() && !output.is_quiet()).then(|| {
            let style = ProgressStyle::with_template("{bar:32} {pos}/{len} {msg} {elapsed}");
            let bar = ProgressBar::new(total as u64);
            bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
            bar
        });
        Self(Arc::new(Mutex::new(Shown {
            total,
            done: 0,
            failed: 0,
            quiet: output.is_quiet(),
            json: output.log_format() == LogFormat::Json,
            bar,
            last: BTreeMap::new(),
        })))
    }

    /// Returns the sink that an apply tells its events to.
    pub(super) fn events(&self) -> Events {
        let shown = Arc::clone(&self.0);
        Events::new(move |event| {
            shown
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .show(event);
        })
    }

    /// Takes the bar away.
    pub(super) fn finish(&self) {
        if let Some(bar) = &self.0.lock().unwrap_or_else(PoisonError::into_inner).bar {
            bar.finish_and_clear();
        }
    }
}

impl Shown {
    fn show(&mut self, event: &Event<'_>) {
        match event {
            Event::Started { address, action } if self.total <= FEW => {
                self.line(&format!("{address}: {action} …"));
            }
            Event::Started { .. } | Event::Skipped { .. } => {}
            Event::Progress { address, text } => {
                // A word of one is none of another, where each has its own lines.
                let of = (self.total <= FEW).then(|| (*address).clone());
                self.step(of, &format!("{address}: {text}"));
            }
            Event::Applied { address, action, took } => {
                self.done += 1;
                if self.total <= FEW {
                    self.line(&format!("{address}: {action} done after {:.1} s", took.as_secs_f64()));
                } else {
                    self.counted();
                }
            }
            Event::Failed { address, message } => {
                self.failed += 1;
                self.line(&format!("{address}: failed: {message}"));
            }
            Event::Interrupted { under_way } => self.line(&format!(
                "Interrupted: {under_way} operations are finished first; interrupt again to leave at once."
            )),
        }
    }

    /// A step of something long: at most one line a second for each operation, or for all where there are many.
    fn step(&mut self, of: Option<Address>, text: &str) {
        if let Some(bar) = &self.bar {
            bar.set_message(printable(text).into_owned());
            return;
        }
        let now = Instant::now();
        let last = self.last.get(&of);
        if last.is_none_or(|last| now.duration_since(*last) >= Duration::from_secs(1)) {
            self.last.insert(of, now);
            self.line(text);
        }
    }

    fn counted(&mut self) {
        let (done, total) = (self.done + self.failed, self.total);
        if let Some(bar) = &self.bar {
            bar.set_position(done as u64);
        } else if done == total {
            self.line(&format!("{done} of {total} operations done"));
        } else {
            self.step(None, &format!("{done} of {total} operations done"));
        }
    }

    fn line(&self, text: &str) {
        if self.quiet {
            return;
        }
        let text = if self.json {
            serde_json::json!({ "level": "info", "message": text }).to_string()
        } else {
            printable(text).into_owned()
        };
        match &self.bar {
            Some(bar) => bar.println(text),
            // Progress that nobody reads is no reason to stop.
            None => drop(io::Write::write_all(
                &mut io::stderr(),
                format!("{text}\n").as_bytes(),
            )),
        }
    }
}

/// Counts the interrupts (SIGINT, SIGTERM) from now on: they no longer end the process, which may hold
/// a lease.
pub(super) fn interrupts() -> Result<Interrupts, Diagnostics> {
    let open = |kind| {
        signal(kind).map_err(|error| {
            Diagnostic::error("signals", "Signals cannot be received").detail(error.to_string())
        })
    };
    let mut interrupt = open(SignalKind::interrupt())?;
    let mut terminate = open(SignalKind::terminate())?;
    let (count, interrupts) = watch::channel(0_u8);
    tokio::spawn(async move {
        loop {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
            count.send_modify(|count| *count = count.saturating_add(1));
        }
    });
    Ok(interrupts)
}

/// Does work that changes nothing, and leaves it at the first interrupt.
pub(super) async fn unless_interrupted<T>(
    interrupts: &Interrupts,
    work: impl Future<Output = T>,
) -> Result<T, Stop> {
    let mut interrupts = interrupts.clone();
    tokio::select! {
        done = work => Ok(done),
        Ok(_) = interrupts.wait_for(|count| *count > 0) => Err(Stop::Interrupted),
    }
}
