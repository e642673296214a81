//! A run proves itself: every part runs, its state came from where it was told, checkpoints are completed,
//! and nothing was restarted. Its own word is not enough.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::kinds::job::driver::engine::{Engine, EngineError, Graph, Look, Phase};
use crate::kinds::job::memory::Run;

use tokio::time::sleep;

use super::{Change, Halt, Halting, LONGEST_LOOK, Wait, asked};

impl<E: Engine> Change<'_, E> {
    /// Waits until a run is well; says why where it is not, and will not be.
    pub(super) async fn prove(&self, run: &Run) -> Halting<Result<(), String>> {
        self.prove_by(run, self.healthy.checkpoints).await
    }

    /// Waits until the version before is well again. How many checkpoints the new one was to complete says nothing
    /// about it: it may make none.
    pub(super) async fn prove_again(&self, run: &Run) -> Halting<Result<(), String>> {
        self.prove_by(run, None).await
    }

    /// Waits until a run is well and has completed some checkpoints: one where that is not said and it makes any.
    async fn prove_by(&self, run: &Run, checkpoints: Option<u64>) -> Halting<Result<(), String>> {
        let within = self.healthy.within_ms.unwrap_or(self.upgrade.timeout_ms);
        let mut wait = Wait::new(Duration::from_millis(within));
        let mut told = String::new();
        let mut is_starved = false;
        loop {
            let late = match self.engine.look(&run.id).await {
                Ok(Some(look)) => {
                    if let Some(why) = ruined(&look, run) {
                        return Ok(Err(self.ruin(why, &look, run).await));
                    }
                    if let Some(why) = never_enough(&look, checkpoints) {
                        return Ok(Err(why));
                    }
                    is_starved = look.running < look.parts;
                    match missing(&look, run, checkpoints) {
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
                let mut why = format!("it was not well within {seconds} s: {late}");
                if is_starved && let Some(no_room) = self.no_room().await {
                    why = format!("{why}; {no_room}");
                }
                return Ok(Err(why));
            }
        }
    }

    /// Says why a run will not become well. What it failed of may be known a moment later than that it did.
    async fn ruin(&self, why: String, look: &Look, run: &Run) -> String {
        if look.cause.is_some() {
            return why;
        }
        sleep(LONGEST_LOOK).await;
        match self.engine.look(&run.id).await {
            Ok(Some(look)) => ruined(&look, run).unwrap_or(why),
            _ => why,
        }
    }

    /// Says that there is no room at all, which explains why something does not run.
    async fn no_room(&self) -> Option<String> {
        let one = Graph {
            parts: Vec::new(),
            slots: 1,
        };
        self.engine.room(&one, None).await.ok()?
    }

    /// Whether a run is well at the first look, although nobody waited for it.
    pub(super) async fn is_well(&self, run: &Run) -> Halting<bool> {
        let look = asked(self.engine.look(&run.id).await)?;
        Ok(look.is_some_and(|look| {
            ruined(&look, run).is_none() && missing(&look, run, self.healthy.checkpoints).is_none()
        }))
    }

    /// Waits until a job runs wholly, some of its parts with so many tasks; says why where they do not.
    pub(super) async fn rescaled(
        &self,
        id: &str,
        parts: &BTreeSet<String>,
        to: u32,
    ) -> Halting<Result<(), String>> {
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
            let mut tasks = parts.iter().filter_map(|part| look.tasks.get(part));
            let other = tasks.find(|tasks| **tasks != to);
            let late = match other {
                None if runs_wholly(&look) => return Ok(Ok(())),
                None => format!("{} of {} parts run", look.running, look.parts),
                Some(tasks) => format!("it is {tasks}"),
            };
            if !wait.again().await {
                return Ok(Err(format!(
                    "its parallelism was not {to} within {} s: {late}",
                    wait.within.as_secs()
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
    if look.phase == Phase::Finished {
        return Some(format!(
            "it is {}: the program came to its end, and a job is one that goes on",
            look.word
        ));
    }
    if look.phase != Phase::Active {
        return Some(format!("it is {}{}", look.word, cause()));
    }
    if look.restarts > 0 {
        return Some(format!("it was restarted{}", cause()));
    }
    match (&run.from, &look.restored) {
        // A job that was given more tasks has gone on from a checkpoint of its own since.
        (Some(from), Some(restored)) if !look.resumed && !is_same_place(from, restored) => {
            Some(format!("it was restored from {restored}, not from {from}"))
        }
        _ => None,
    }
}

/// Returns what a run still lacks that is to complete some checkpoints.
fn missing(look: &Look, run: &Run, checkpoints: Option<u64>) -> Option<String> {
    if !runs_wholly(look) {
        return Some(format!(
            "{} of {} parts run ({})",
            look.running, look.parts, look.word
        ));
    }
    if let Some((tasks, wanted)) = look.short_of {
        return Some(format!(
            "it runs with {tasks} of {wanted} tasks: the cluster has no more room"
        ));
    }
    if run.from.is_some() && look.restored.is_none() {
        return Some("it does not tell yet what it was restored from".to_owned());
    }
    let wanted = match (checkpoints, look.checkpoints) {
        (Some(wanted), _) => wanted,
        (None, Some(_)) => 1,
        (None, None) => 0,
    };
    let completed = look.checkpoints.unwrap_or(0);
    (completed < wanted).then(|| format!("{completed} of {wanted} checkpoints completed"))
}

/// Returns why no waiting brings the checkpoints that a run is to complete. What it makes is known for sure once it
/// runs.
fn never_enough(look: &Look, checkpoints: Option<u64>) -> Option<String> {
    let wanted = checkpoints.filter(|wanted| *wanted > 0)?;
    (runs_wholly(look) && look.checkpoints.is_none()).then(|| {
        format!(
            "it makes no checkpoints, of which its healthy block wants {wanted}: \
             execution.checkpointing.interval is not set"
        )
    })
}

/// Whether every part is as it should be.
pub(super) fn runs_wholly(look: &Look) -> bool {
    look.parts > 0 && look.running == look.parts
}

/// Whether what was asked for is what was taken: `file:///a` is `file:/a`, and `/a` is in the file system that is
/// the engine's default.
fn is_same_place(asked: &str, taken: &str) -> bool {
    let split = |place: &str| match place.split_once(':') {
        Some((scheme, path)) => (Some(scheme.to_owned()), path.trim_matches('/').to_owned()),
        None => (None, place.trim_matches('/').to_owned()),
    };
    let ((asked_in, asked), (taken_in, taken)) = (split(asked), split(taken));
    asked == taken && (asked_in.is_none() || asked_in == taken_in)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    /// A run from a savepoint that looks so.
    fn told(phase: Phase, restored: &str, resumed: bool) -> Option<String> {
        let run = Run {
            id: "0a".into(),
            generation: 2,
            version: None,
            from: Some("file:/sp-1".into()),
            restored: false,
        };
        let look = Look {
            phase,
            word: format!("{phase:?}").to_uppercase(),
            parts: 1,
            running: 1,
            tasks: BTreeMap::new(),
            short_of: None,
            restarts: 0,
            checkpoints: Some(1),
            has_own: resumed,
            restored: Some(restored.into()),
            resumed,
            cause: None,
        };
        ruined(&look, &run)
    }

    #[test]
    fn a_run_goes_on_from_its_own_state_and_from_no_other() {
        assert_eq!(told(Phase::Active, "file:/sp-1", false), None);
        assert_eq!(told(Phase::Active, "file:/c/0a/chk-3", true), None);
        insta::assert_snapshot!(told(Phase::Active, "file:/sp-2", false).expect("another"), @"it was restored from file:/sp-2, not from file:/sp-1");
        insta::assert_snapshot!(told(Phase::Finished, "file:/sp-1", false).expect("it ended"), @"it is FINISHED: the program came to its end, and a job is one that goes on");
    }

    #[test]
    fn places_are_one_whatever_their_slashes() {
        for asked in ["file:/a/b", "file:///a/b/", "/a/b"] {
            assert!(is_same_place(asked, "file:/a/b"), "{asked}");
        }
        for asked in ["file:/a", "s3:/a/b", "/a/c"] {
            assert!(!is_same_place(asked, "file:/a/b"), "{asked}");
        }
    }
}
