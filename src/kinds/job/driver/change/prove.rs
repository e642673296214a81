//! A run proves itself: every part runs, its state came from where it was told, checkpoints are completed,
//! and nothing was restarted. Its own word is not enough.

use std::time::Duration;

use crate::kinds::job::driver::engine::{Engine, EngineError, Look, Phase};
use crate::kinds::job::memory::Run;

use super::{Change, Halt, Halting, Wait, asked};

impl<E: Engine> Change<'_, E> {
    /// Waits until a run is well; says why where it is not, and will not be.
    pub(super) async fn prove(&self, run: &Run) -> Halting<Result<(), String>> {
        let within = self.healthy.within_ms.unwrap_or(self.upgrade.timeout_ms);
        let mut wait = Wait::new(Duration::from_millis(within));
        let mut told = String::new();
        loop {
            let late = match self.engine.look(&run.id).await {
                Ok(Some(look)) => {
                    if let Some(why) = ruined(&look, run) {
                        return Ok(Err(why));
                    }
                    match self.missing(&look, run) {
                        None => return Ok(Ok(())),
                        Some(missing) => missing,
                    }
                }
                Ok(None) => "the engine does not know it".to_owned(),
                // An engine that is away for a moment says nothing about the job.
                Err(EngineError::Away(why)) if wait.is_up() => return Err(Halt::Unsettled(why)),
                Err(error) => error.to_string(),
            };
            if late != told {
                self.say(format!("waiting: {late}"));
                told.clone_from(&late);
            }
            if !wait.again().await {
                let seconds = wait.within.as_secs();
                return Ok(Err(format!("it was not well within {seconds} s: {late}")));
            }
        }
    }

    /// Returns what a run still lacks.
    fn missing(&self, look: &Look, run: &Run) -> Option<String> {
        if look.parts == 0 || look.running < look.parts {
            return Some(format!(
                "{} of {} parts run ({})",
                look.running, look.parts, look.word
            ));
        }
        if run.from.is_some() && look.restored.is_none() {
            return Some("it does not tell yet what it was restored from".to_owned());
        }
        let wanted = match (self.healthy.checkpoints, look.checkpoints) {
            (Some(wanted), _) => wanted,
            (None, Some(_)) => 1,
            (None, None) => 0,
        };
        let completed = look.checkpoints.unwrap_or(0);
        (completed < wanted).then(|| format!("{completed} of {wanted} checkpoints completed"))
    }

    /// Waits until a job runs wholly with a parallelism; says why where it does not.
    pub(super) async fn rescaled(&self, id: &str, to: u32) -> Halting<Result<(), String>> {
        let mut wait = Wait::new(self.timeout());
        loop {
            let Some(look) = asked(self.engine.look(id).await)? else {
                return Err(Halt::Unsettled(format!(
                    "the engine does not know the job {id}"
                )));
            };
            if look.phase != Phase::Active {
                return Err(Halt::Unsettled(format!("the job {id} is {}", look.word)));
            }
            if look.running == look.parts && look.parallelism == to {
                return Ok(Ok(()));
            }
            if !wait.again().await {
                return Ok(Err(format!(
                    "its parallelism was not {to} within {} s: it is {}",
                    wait.within.as_secs(),
                    look.parallelism
                )));
            }
        }
    }
}

/// Returns why a run will not become well.
fn ruined(look: &Look, run: &Run) -> Option<String> {
    let cause = || match &look.cause {
        Some(cause) => format!(": {cause}"),
        None => String::new(),
    };
    if look.phase != Phase::Active {
        return Some(format!("it is {}{}", look.word, cause()));
    }
    if look.restarts > 0 {
        return Some(format!("it was restarted{}", cause()));
    }
    match (&run.from, &look.restored) {
        (Some(from), Some(restored)) if !is_same_place(from, restored) => {
            Some(format!("it was restored from {restored}, not from {from}"))
        }
        _ => None,
    }
}

/// Whether two places are one: `file:/a` and `file:///a` are.
fn is_same_place(a: &str, b: &str) -> bool {
    let bare = |place: &str| match place.split_once(':') {
        Some((scheme, path)) => format!("{scheme}:/{}", path.trim_matches('/')),
        None => place.to_owned(),
    };
    bare(a) == bare(b)
}
