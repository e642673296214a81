//! The state machine against an engine on values, cut short after each of its calls.

#![expect(
    clippy::unwrap_used,
    reason = "nothing of a test's own locks and channels fails"
)]

mod scripted;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::mpsc;

use crate::address::Address;
use crate::document::Document;
use crate::kinds::driver::{Context, NoteRequest};
use crate::kinds::health::Healthy;
use crate::kinds::job::flink::{FlinkSql, Script};
use crate::kinds::job::memory::{self, Memory, Step};
use crate::kinds::job::program::Program;
use crate::kinds::job::spec::{Mode, Upgrade};

use super::change::{Change, Halt};
use super::engine::{self, Engine as _, Phase, Stopping};

use scripted::{Scripted, Trouble};

/// A job's life as its journal and its engine know it.
struct Life {
    engine: Scripted,
    upgrade: Upgrade,
    healthy: Healthy,
    /// What is to be taken up.
    restore: Option<String>,
    /// What the last settled apply left.
    memory: Memory,
    /// What a cut one noted.
    notes: Arc<Mutex<Option<Document>>>,
    /// What people were told.
    told: Arc<Mutex<Vec<String>>>,
}

fn program(text: &str) -> Program {
    Program::FlinkSql(FlinkSql {
        script: Script::Statements(vec![text.to_owned()]),
        parallelism: Some(1),
        settings: std::collections::BTreeMap::new(),
    })
}

impl Life {
    fn new() -> Self {
        Self {
            engine: Scripted::default(),
            upgrade: Upgrade {
                timeout_ms: 10_000,
                ..Upgrade::default()
            },
            healthy: Healthy::default(),
            restore: None,
            memory: Memory::default(),
            notes: Arc::default(),
            told: Arc::default(),
        }
    }

    /// A job that runs v1 and has counted some.
    async fn running() -> Self {
        let mut life = Self::new();
        life.run("v1").await.unwrap();
        life.engine.count(10);
        life
    }

    async fn change(&mut self, what: &What<'_>) -> Result<(), Halt> {
        let (sender, mut requests) = mpsc::channel::<NoteRequest>(8);
        let kept = Arc::clone(&self.notes);
        let journal = tokio::spawn(async move {
            while let Some((_, notes, written)) = requests.recv().await {
                *kept.lock().unwrap() = Some(notes);
                let _sent: Result<(), ()> = written.send(());
            }
        });
        let told = Arc::clone(&self.told);
        let listen = move |_: &Address, text| told.lock().unwrap().push(text);
        let context = Context::new(Arc::new(listen), sender);
        let address = Address::root("job", "a");
        let noted = self.notes.lock().unwrap().clone();
        let (memory, step) =
            Memory::recall(Some(&Document::of(&self.memory)), noted.as_ref()).unwrap();
        let mut change = Change {
            engine: &self.engine,
            address: &address,
            name: "a",
            upgrade: self.upgrade.clone(),
            healthy: self.healthy,
            context: &context,
            differs: true,
            planned: None,
            restore: self.restore.clone(),
            memory,
        };
        let done = match what {
            What::Run(text) => change.run(&program(text), step).await,
            What::Scale(text, tasks) => {
                let scaled = program(text).at(Some(*tasks));
                change.run(&scaled, step).await
            }
            What::Suspend => change.suspend(step).await,
            What::Delete => change.delete(step).await,
        };
        let done = match done {
            Ok(()) => Ok(()),
            Err(halt) => Err(change.close(halt).await),
        };
        let memory = change.memory;
        drop(context);
        journal.await.unwrap();
        // A run that was killed settles nothing, wherever it was.
        if !self.engine.is_cut() && !matches!(done, Err(Halt::Unsettled(_))) {
            self.memory = memory;
            // A failure leaves an earlier run's operation pending, with the newest notes.
            if done.is_ok() || noted.is_none() {
                *self.notes.lock().unwrap() = None;
            }
        }
        done
    }

    async fn run(&mut self, text: &str) -> Result<(), Halt> {
        self.change(&What::Run(text)).await
    }

    /// Returns what runs, with its count: exactly one job, or none.
    fn runs(&self) -> String {
        let active = self.engine.active();
        assert!(active.len() <= 1, "it runs more than once: {active:?}");
        active
            .into_iter()
            .next()
            .unwrap_or_else(|| "nothing".into())
    }
}

enum What<'a> {
    Run(&'a str),
    /// At another parallelism.
    Scale(&'a str, u32),
    Suspend,
    Delete,
}

#[tokio::test(start_paused = true)]
async fn an_upgrade_goes_on_where_the_old_version_stopped() {
    let mut life = Life::running().await;
    life.run("v2").await.unwrap();
    assert_eq!(life.runs(), "v2 at 10");
    assert_eq!(life.memory.generation, 2);
    assert_eq!(life.memory.savepoints.len(), 1);
    life.engine.count(5);
    life.run("v1").await.unwrap();
    assert_eq!(life.runs(), "v1 at 15");
    // The same again is nothing.
    let calls = life.engine.effects();
    life.run("v1").await.unwrap();
    assert_eq!(life.engine.effects(), calls);
}

#[tokio::test(start_paused = true)]
async fn old_savepoints_are_deleted_and_the_one_that_is_needed_is_not() {
    let mut life = Life::running().await;
    life.upgrade.keep_savepoints = 2;
    for text in ["v2", "v3", "v4", "v5"] {
        life.run(text).await.unwrap();
    }
    assert_eq!(life.memory.savepoints.len(), 2);
    assert_eq!(life.engine.savepoints(), 2);
    let from = life.memory.run.as_ref().and_then(|run| run.from.clone());
    assert_eq!(
        from.as_deref(),
        Some(life.memory.savepoints[0].path.as_str())
    );
}

/// Where there is a savepoint of somebody else, in which 7 are counted.
const GIVEN: &str = "file:/given";

/// Returns a life whose job is to take up what was given.
fn restoring(mut life: Life) -> Life {
    life.engine.give(GIVEN, 7);
    life.restore = Some(GIVEN.into());
    life
}

#[tokio::test(start_paused = true)]
async fn a_job_begins_with_the_state_that_it_is_given() {
    let mut life = restoring(Life::new());
    life.run("v1").await.unwrap();
    assert_eq!(life.runs(), "v1 at 7");
    // It is not ours to delete.
    life.restore = None;
    life.upgrade.keep_savepoints = 1;
    for text in ["v2", "v3"] {
        life.run(text).await.unwrap();
    }
    assert_eq!(life.runs(), "v3 at 7");
    assert!(life.engine.has_savepoint(GIVEN));
    assert_eq!(life.memory.savepoints.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_job_takes_up_another_state_however_it_is() {
    for how in ["runs", "suspended", "failed", "forgotten"] {
        let mut life = restoring(Life::running().await);
        match how {
            "suspended" => life.change(&What::Suspend).await.unwrap(),
            "failed" => life.engine.end(Phase::Failed),
            "forgotten" => life.engine.forget(true),
            _ => {}
        }
        // Another parallelism does not make it go on as it is.
        life.engine.rescales(true);
        life.run("v1").await.unwrap();
        assert_eq!(life.runs(), "v1 at 7", "{how}");
        life.restore = None;
        life.run("v1").await.unwrap();
        assert_eq!(life.runs(), "v1 at 7", "{how}");
        life.run("v2").await.unwrap();
        assert_eq!(life.runs(), "v2 at 7", "{how}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_state_that_cannot_be_taken_up_leaves_the_own_one() {
    for mode in [Mode::Savepoint, Mode::LastCheckpoint, Mode::Stateless] {
        let mut life = Life::running().await;
        life.upgrade.mode = mode;
        life.restore = Some("file:/missing".into());
        let halt = life.run("v1").await.unwrap_err();
        let Halt::AsBefore(told) = halt else {
            unreachable!("{mode:?}: {halt:?}");
        };
        assert!(told.contains("there is no file:/missing"), "{told}");
        assert_eq!(life.runs(), "v1 at 10", "{mode:?}");
        life.engine.give("file:/missing", 3);
        life.engine.set(Some(Trouble::Restarts));
        life.run("v2").await.unwrap_err();
        assert_eq!(life.runs(), "v1 at 10", "{mode:?}");
        life.engine.set(None);
        life.run("v2").await.unwrap();
        assert_eq!(life.runs(), "v2 at 3", "{mode:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_cut_restoration_is_finished_by_the_next_run_or_given_up() {
    let mut cuts = 0;
    for cut in 0..60 {
        for is_new in [true, false] {
            for is_given_up in [false, true] {
                let first = if is_new {
                    Life::new()
                } else {
                    Life::running().await
                };
                let mut life = restoring(first);
                life.engine.cut_after(cut);
                let _first = life.run("v1").await;
                cuts += usize::from(life.engine.was_cut());
                life.engine.heal();
                if is_given_up {
                    life.restore = None;
                }
                life.run("v1").await.unwrap();
                let runs = life.runs();
                let taken_up = "v1 at 7";
                let own = if is_new { "v1 at 0" } else { "v1 at 10" };
                if is_given_up {
                    assert!([taken_up, own].contains(&&*runs), "cut {cut}: {runs}");
                } else {
                    assert_eq!(runs, taken_up, "cut {cut}, new: {is_new}");
                }
                assert!(life.engine.most_at_once() <= 1, "cut {cut}");
                life.restore = None;
                life.run("v2").await.unwrap();
                assert_eq!(life.runs()[2..], runs[2..], "cut {cut}");
            }
        }
    }
    assert!(cuts >= 40, "only {cuts} cuts met the change");
}

/// Cuts a change short after each of its calls, runs it again to its end, and compares.
async fn cut_everywhere(what: What<'_>, expected: &str, trouble: Option<Trouble>) {
    let mut cuts = 0;
    for cut in 0.. {
        let mut life = Life::running().await;
        life.engine.set(trouble);
        life.engine.cut_after(cut);
        let _first = life.change(&what).await;
        if !life.engine.was_cut() {
            assert_eq!(life.runs(), expected);
            break;
        }
        cuts += 1;
        life.engine.heal();
        let second = life.change(&what).await;
        assert_eq!(second.is_ok(), trouble.is_none(), "cut {cut}: {second:?}");
        assert_eq!(life.runs(), expected, "cut {cut}");
        // Whatever is left of it in the journal, another version takes up where that one is.
        life.engine.set(None);
        life.run("v3").await.unwrap();
        let goes_on = if matches!(what, What::Delete) {
            "v3 at 0"
        } else {
            "v3 at 10"
        };
        assert_eq!(life.runs(), goes_on, "cut {cut}");
        assert!(life.notes.lock().unwrap().is_none());
        assert!(
            life.engine.most_at_once() <= 1,
            "cut {cut}: two ran at once"
        );
    }
    assert!(cuts >= 5, "only {cuts} cuts met the change");
}

#[tokio::test(start_paused = true)]
async fn a_cut_upgrade_is_finished_by_the_next_run() {
    cut_everywhere(What::Run("v2"), "v2 at 10", None).await;
}

#[tokio::test(start_paused = true)]
async fn a_cut_suspension_is_finished_by_the_next_run() {
    cut_everywhere(What::Suspend, "nothing", None).await;
}

#[tokio::test(start_paused = true)]
async fn a_cut_deletion_is_finished_by_the_next_run() {
    cut_everywhere(What::Delete, "nothing", None).await;
}

#[tokio::test(start_paused = true)]
async fn a_cut_return_is_finished_by_the_next_run() {
    cut_everywhere(What::Run("v2"), "v1 at 10", Some(Trouble::Restarts)).await;
}

#[tokio::test(start_paused = true)]
async fn a_cut_upgrade_may_be_given_up_for_another() {
    for cut in 0..40 {
        let mut life = Life::running().await;
        life.engine.cut_after(cut);
        let _first = life.run("v2").await;
        life.engine.heal();
        life.run("v1").await.unwrap();
        assert_eq!(life.runs(), "v1 at 10", "cut {cut}");
        life.run("v3").await.unwrap();
        assert_eq!(life.runs(), "v3 at 10", "cut {cut}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_version_that_does_not_prove_itself_is_turned_back() {
    for trouble in [
        Trouble::Restarts,
        Trouble::RefusesState,
        Trouble::NeverRuns,
        Trouble::OtherState,
        Trouble::Fails,
        Trouble::ShortOfRoom,
    ] {
        let mut life = Life::running().await;
        life.engine.set(Some(trouble));
        let halt = life.run("v2").await.unwrap_err();
        let Halt::AsBefore(told) = halt else {
            unreachable!("{trouble:?}: {halt:?}");
        };
        assert!(told.contains("runs again as"), "{told}");
        assert_eq!(life.runs(), "v1 at 10", "{trouble:?}");
        assert_eq!(life.memory.generation, 3);
        // What is remembered is what runs, so that the next change begins there.
        life.engine.set(None);
        life.engine.count(1);
        life.run("v3").await.unwrap();
        assert_eq!(life.runs(), "v3 at 11", "{trouble:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_job_that_makes_no_checkpoints_proves_itself_by_the_rest() {
    let mut life = Life::running().await;
    life.engine.set(Some(Trouble::NoInterval));
    life.run("v2").await.unwrap();
    assert_eq!(life.runs(), "v2 at 10");
    // What will never be there is not waited for; the version before goes on as it was.
    life.healthy.checkpoints = Some(2);
    let begin = tokio::time::Instant::now();
    let Err(Halt::AsBefore(told)) = life.run("v3").await else {
        unreachable!("it is turned back");
    };
    let id = life.memory.run.clone().unwrap().id;
    insta::assert_snapshot!(told.replace(&id, "[ID]"), @r"
    the new version failed: it makes no checkpoints, of which its healthy block wants 2: execution.checkpointing.interval is not set
    The version before it runs again as [ID]; its state came from file:/savepoint-5.
    ");
    assert_eq!(life.runs(), "v2 at 10");
    assert!(begin.elapsed() < Duration::from_secs(1));
    life.healthy.checkpoints = Some(0);
    life.run("v3").await.unwrap();
    assert_eq!(life.runs(), "v3 at 10");
}

#[tokio::test(start_paused = true)]
async fn what_was_done_is_told_precisely() {
    let mut life = Life::running().await;
    life.engine.set(Some(Trouble::Restarts));
    let Err(Halt::AsBefore(told)) = life.run("v2").await else {
        unreachable!("it is turned back");
    };
    insta::assert_snapshot!(told.replace(&life.memory.run.clone().unwrap().id, "[ID]"), @r"
    the new version failed: it was restarted
    The version before it runs again as [ID]; its state came from file:/savepoint-2.
    ");
    let mut life = Life::running().await;
    life.engine.set(Some(Trouble::NothingStarts));
    let Err(Halt::Unsettled(told)) = life.run("v2").await else {
        unreachable!("nothing runs");
    };
    insta::assert_snapshot!(told, @r"
    the new version failed: nothing starts
    The version before it could not be started again: nothing starts
    No version runs. The state is at file:/savepoint-2.
    The next apply starts from there; by hand: start v1 from file:/savepoint-2
    ");
    // The next run goes on from there.
    life.engine.set(None);
    life.run("v2").await.unwrap();
    assert_eq!(life.runs(), "v2 at 10");
}

#[tokio::test(start_paused = true)]
async fn a_stop_that_fails_leaves_the_job_running() {
    let mut life = Life::running().await;
    life.engine.set(Some(Trouble::BadDirectory));
    let halt = life.run("v2").await.unwrap_err();
    let Halt::AsBefore(told) = halt else {
        unreachable!("{halt:?}");
    };
    insta::assert_snapshot!(told, @r#"it could not be stopped with a savepoint: no such directory; it runs on; mode = "last_checkpoint" would go on from its newest checkpoint"#);
    assert_eq!(life.runs(), "v1 at 10");
    assert_eq!(life.memory.generation, 1);
    life.engine.set(None);
    life.run("v2").await.unwrap();
    assert_eq!(life.runs(), "v2 at 10");
}

#[tokio::test(start_paused = true)]
async fn too_few_slots_are_seen_before_anything_is_touched() {
    let mut life = Life::running().await;
    life.engine.set(Some(Trouble::TooFewSlots));
    let effects = life.engine.effects();
    let halt = life.run("v2").await.unwrap_err();
    assert!(matches!(halt, Halt::AsBefore(_)), "{halt:?}");
    assert_eq!(life.engine.effects(), effects);
    assert_eq!(life.runs(), "v1 at 10");
}

#[tokio::test(start_paused = true)]
async fn a_suspended_job_goes_on_from_its_savepoint() {
    let mut life = Life::running().await;
    life.change(&What::Suspend).await.unwrap();
    assert_eq!(life.runs(), "nothing");
    assert!(life.memory.suspended);
    // It may take up another program.
    life.run("v2").await.unwrap();
    assert_eq!(life.runs(), "v2 at 10");
    assert!(!life.memory.suspended);
}

#[tokio::test(start_paused = true)]
async fn a_failed_job_starts_again_from_its_newest_checkpoint() {
    let mut life = Life::running().await;
    life.engine.end(Phase::Failed);
    life.run("v1").await.unwrap();
    assert_eq!(life.runs(), "v1 at 10");
    assert_eq!(life.memory.generation, 2);
}

#[tokio::test(start_paused = true)]
async fn the_last_checkpoint_is_taken_where_it_is_kept() {
    let mut life = Life::running().await;
    life.upgrade.mode = Mode::LastCheckpoint;
    life.run("v2").await.unwrap();
    assert_eq!(life.runs(), "v2 at 10");
    life.engine.set(Some(Trouble::DropsCheckpoints));
    let halt = life.run("v3").await.unwrap_err();
    let Halt::AsBefore(told) = halt else {
        unreachable!("{halt:?}");
    };
    insta::assert_snapshot!(told, @r#"its checkpoints are deleted: mode = "last_checkpoint" would lose its state, so it runs on; mode = "savepoint" keeps it"#);
    assert_eq!(life.runs(), "v2 at 10");
    // One that has made none yet is where it began; what began without state has lost none yet, and must not.
    life.engine.set(Some(Trouble::NoCheckpoint));
    life.run("v3").await.unwrap();
    assert_eq!(life.runs(), "v3 at 10");
    let mut first = Life::running().await;
    first.upgrade.mode = Mode::LastCheckpoint;
    first.engine.set(Some(Trouble::NoCheckpoint));
    let halt = first.run("v2").await.unwrap_err();
    assert!(matches!(halt, Halt::AsBefore(_)), "{halt:?}");
    assert_eq!(first.runs(), "v1 at 10");
}

#[tokio::test(start_paused = true)]
async fn a_suspended_job_keeps_its_state_whatever_its_mode_and_however_it_ended() {
    for mode in [Mode::Savepoint, Mode::LastCheckpoint, Mode::Stateless] {
        for ended in [None, Some(Phase::Failed), Some(Phase::Canceled)] {
            let mut life = Life::running().await;
            // An older savepoint is not what it goes on from.
            life.run("v2").await.unwrap();
            life.engine.count(5);
            life.upgrade.mode = mode;
            if let Some(phase) = ended {
                life.engine.end(phase);
            }
            life.change(&What::Suspend).await.unwrap();
            assert_eq!(life.runs(), "nothing");
            life.upgrade.mode = Mode::Savepoint;
            // A start that comes to nothing does not lose it.
            life.engine.set(Some(Trouble::NeverRuns));
            life.run("v3").await.unwrap_err();
            life.engine.set(None);
            life.run("v3").await.unwrap();
            assert_eq!(life.runs(), "v3 at 15", "{mode:?} {ended:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_job_that_the_engine_forgot_goes_on_from_the_newest_that_is_known() {
    let mut life = Life::running().await;
    life.run("v2").await.unwrap();
    life.engine.count(5);
    life.engine.forget(true);
    life.run("v2").await.unwrap();
    assert_eq!(life.runs(), "v2 at 15");
    // What it came from this time is newer than its last savepoint.
    life.engine.forget(false);
    life.run("v2").await.unwrap();
    assert_eq!(life.runs(), "v2 at 15");
    assert_eq!(life.memory.generation, 4);
}

#[tokio::test(start_paused = true)]
async fn state_that_was_given_up_does_not_come_back() {
    let mut life = Life::running().await;
    life.run("v2").await.unwrap();
    life.upgrade.mode = Mode::Stateless;
    life.run("v3").await.unwrap();
    assert_eq!(life.runs(), "v3 at 0");
    assert_eq!(life.memory.newest(), None);
    life.upgrade.mode = Mode::Savepoint;
    life.engine.count(3);
    life.run("v2").await.unwrap();
    assert_eq!(life.runs(), "v2 at 3");
}

#[tokio::test(start_paused = true)]
async fn a_stop_that_the_engine_forgot_is_no_dead_end() {
    for cut in 0..40 {
        for finds in [true, false] {
            let mut life = Life::running().await;
            life.run("v2").await.unwrap();
            life.engine.cut_after(cut);
            let first = life.run("v3").await;
            life.engine.heal();
            life.engine.forget(finds);
            life.run("v3").await.unwrap();
            assert_eq!(life.runs(), "v3 at 10", "cut {cut}, {first:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_an_earlier_run_sent_and_comes_to_light_late_is_not_started_twice() {
    for (looks, trouble) in [(4, None), (1, Some(Trouble::OtherWords))] {
        let mut met = false;
        for cut in 0..40 {
            let mut life = Life::running().await;
            life.engine.cut_after(cut);
            let first = life.run("v2").await;
            life.engine.heal();
            if first.is_err() && life.runs() == "v2 at 10" {
                met = true;
                life.engine.hide(looks);
                life.engine.set(trouble);
            }
            life.run("v2").await.unwrap();
            assert_eq!(life.runs(), "v2 at 10", "cut {cut}");
            let most = life.engine.most_at_once();
            assert!(most <= 1, "cut {cut}: two ran at once");
        }
        assert!(met);
    }
}

#[tokio::test(start_paused = true)]
async fn a_version_that_ran_unwatched_is_not_set_back() {
    let mut met = false;
    for cut in 0..40 {
        let mut life = Life::running().await;
        life.engine.cut_after(cut);
        let first = life.run("v2").await;
        life.engine.heal();
        let runs = life.runs();
        met |= runs == "v2 at 10" && first.is_err();
        // It counts on for long before anybody looks.
        life.engine.count(5);
        life.run("v3").await.unwrap();
        let expected = if runs == "nothing" {
            "v3 at 10"
        } else {
            "v3 at 15"
        };
        assert_eq!(life.runs(), expected, "cut {cut}");
    }
    assert!(met);
}

/// Cuts an upgrade from v1 to v2 short after each of its calls, lets what runs then run for long, and does something to
/// it. Whatever is wanted next goes on from there. Returns how often v2 ran.
async fn unwatched(is_new: bool, wanted: &str, then: impl Fn(&Scripted)) -> usize {
    let mut met = 0;
    for cut in 0..40 {
        let mut life = if is_new {
            Life::new()
        } else {
            Life::running().await
        };
        life.engine.cut_after(cut);
        let first = life.run("v2").await;
        life.engine.heal();
        let count = match life.runs().as_str() {
            "v2 at 0" => 5,
            "nothing" if is_new => 0,
            "nothing" => 10,
            _ => 15,
        };
        met += usize::from(first.is_err() && life.runs().starts_with("v2"));
        life.engine.count(5);
        then(&life.engine);
        life.run(wanted).await.unwrap();
        assert_eq!(life.runs(), format!("{wanted} at {count}"), "cut {cut}");
        assert!(life.engine.most_at_once() <= 1, "cut {cut}");
        life.run("v4").await.unwrap();
        assert_eq!(life.runs(), format!("v4 at {count}"), "cut {cut}");
    }
    met
}

#[tokio::test(start_paused = true)]
async fn a_version_that_was_restarted_unwatched_is_not_set_back() {
    for is_new in [true, false] {
        for wanted in ["v1", "v2", "v3"] {
            assert!(unwatched(is_new, wanted, Scripted::restart).await > 0);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_version_that_ended_unwatched_goes_on_from_what_it_left() {
    for phase in [Phase::Failed, Phase::Canceled, Phase::Finished] {
        for is_new in [true, false] {
            for wanted in ["v1", "v2", "v3"] {
                assert!(unwatched(is_new, wanted, |engine| engine.end(phase)).await > 0);
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn the_plan_of_a_version_that_ended_unwatched_names_what_it_left() {
    let life = Life::running().await;
    let version = life.memory.run.clone().unwrap();
    let version = version.version.unwrap();
    let mut memory = life.memory.clone();
    let run = memory.next_run("a", version.clone(), Some("file:/given".into()));
    life.engine.give("file:/given", 10);
    life.engine.end(Phase::Finished);
    let ready = life.engine.prepare("a", &version).await.unwrap();
    life.engine
        .start(&ready.prepared, &run, false)
        .await
        .unwrap();
    let own = format!("file:/checkpoint-of-{}", run.id);
    for (counts, given_up, expected) in [
        (false, false, "file:/given"),
        (true, false, own.as_str()),
        // What was done while it was proved is given up.
        (true, true, "file:/given"),
    ] {
        if counts {
            life.engine.count(1);
        }
        life.engine.end(Phase::Canceled);
        let step = Step::Starting {
            run: run.clone(),
            back: None,
            given_up,
        };
        let source = engine::source(&life.engine, &memory, Some(&step), None).await;
        assert_eq!(source.unwrap().at.as_deref(), Some(expected));
        life.engine.revive(&run.id);
    }
}

#[tokio::test(start_paused = true)]
async fn a_restoration_that_ran_on_unwatched_is_not_done_twice() {
    for wanted in ["v1", "v2"] {
        let mut met = false;
        for cut in 0..40 {
            let mut life = restoring(Life::running().await);
            life.engine.cut_after(cut);
            let _first = life.run("v1").await;
            life.engine.heal();
            let is_taken_up = life.runs() == "v1 at 7";
            met |= is_taken_up && life.engine.was_cut();
            life.engine.count(5);
            life.engine.restart();
            if !life.engine.was_cut() {
                life.restore = None;
            }
            life.run(wanted).await.unwrap();
            let count = if is_taken_up { 12 } else { 7 };
            assert_eq!(life.runs(), format!("{wanted} at {count}"), "cut {cut}");
        }
        assert!(met);
    }
}

#[tokio::test(start_paused = true)]
async fn a_version_that_was_given_up_is_not_gone_on_from() {
    let mut ended = 0;
    for cut in 0..60 {
        let mut life = Life::running().await;
        life.engine.set(Some(Trouble::RestartsLate));
        life.engine.cut_after(cut);
        let first = life.run("v2").await;
        if !life.engine.was_cut() {
            assert!(matches!(first, Err(Halt::AsBefore(_))), "{first:?}");
        }
        life.engine.heal();
        let runs = life.runs();
        ended += usize::from(life.engine.was_cut() && runs == "nothing");
        let second = life.run("v2").await;
        let run = life.memory.run.clone().unwrap();
        if second.is_ok() {
            // It ran on, and has a checkpoint.
            assert_eq!((&*runs, &*life.runs()), ("v2 at 10", "v2 at 10"));
        } else {
            assert_eq!(life.runs(), "v1 at 10", "cut {cut}");
            let from = run.from.unwrap();
            assert!(from.starts_with("file:/savepoint-"), "cut {cut}: {from}");
        }
        assert!(life.engine.most_at_once() <= 1, "cut {cut}");
    }
    assert!(ended > 4, "{ended}");
}

#[tokio::test(start_paused = true)]
async fn a_cut_start_without_state_is_not_repeated_for_one_with_it() {
    for cut in 0..40 {
        let mut life = Life::running().await;
        life.upgrade.mode = Mode::Stateless;
        life.engine.cut_after(cut);
        let first = life.run("v2").await;
        let is_done = first.is_ok();
        life.engine.heal();
        // It is not wanted any more.
        life.upgrade.mode = Mode::Savepoint;
        let begun = life.runs() == "v2 at 0";
        life.run("v3").await.unwrap();
        let expected = if is_done || begun {
            "v3 at 0"
        } else {
            "v3 at 10"
        };
        assert_eq!(life.runs(), expected, "cut {cut}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_stateless_upgrade_starts_empty_and_turns_back_to_the_state() {
    let mut life = Life::running().await;
    life.upgrade.mode = Mode::Stateless;
    life.engine.set(Some(Trouble::Restarts));
    life.run("v2").await.unwrap_err();
    assert_eq!(life.runs(), "v1 at 10");
    life.engine.set(None);
    life.run("v2").await.unwrap();
    assert_eq!(life.runs(), "v2 at 0");
}

#[tokio::test(start_paused = true)]
async fn a_parallelism_is_changed_in_place_where_the_engine_can() {
    // One part has 8 tasks of its own, more or as many as the others are to have.
    for to in [2, 8] {
        for cut in 0..20 {
            let mut life = Life::running().await;
            life.engine.rescales(true);
            life.engine.cut_after(cut);
            let first = life.change(&What::Scale("v1", to)).await;
            assert_eq!(first.is_ok(), !life.engine.was_cut(), "{first:?}");
            life.engine.heal();
            life.change(&What::Scale("v1", to)).await.unwrap();
            assert_eq!(life.runs(), "v1 at 10");
            assert_eq!(life.memory.program(), Some(&program("v1").at(Some(to))));
            assert_eq!(life.memory.generation, 1, "it goes on under its id");
            let tasks = life.engine.wanted_tasks().into_values();
            assert_eq!(tasks.collect::<Vec<_>>(), [8, to]);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_parallelism_that_does_not_come_is_told_back_to_those_parts_that_were_told() {
    for to in [2, 8] {
        let mut life = Life::running().await;
        life.engine.rescales(true);
        life.engine.set(Some(Trouble::NoMoreTasks));
        let halt = life.change(&What::Scale("v1", to)).await.unwrap_err();
        let told = format!(
            "its parallelism was not {to} within 10 s: it is 1; it was told to have a parallelism of 1 again"
        );
        assert_eq!(halt, Halt::AsBefore(told));
        let tasks = life.engine.wanted_tasks().into_values();
        assert_eq!(tasks.collect::<Vec<_>>(), [8, 1]);
        assert_eq!(life.memory.program(), Some(&program("v1")));
    }
}

#[tokio::test(start_paused = true)]
async fn a_job_that_was_taken_over_is_upgraded_too() {
    let mut life = Life::running().await;
    // Its id was seen, its program was not.
    life.memory.run.as_mut().unwrap().version = None;
    life.run("v2").await.unwrap();
    assert_eq!(life.runs(), "v2 at 10");
    life.memory.run.as_mut().unwrap().version = None;
    life.engine.set(Some(Trouble::RefusesState));
    let halt = life.run("v3").await.unwrap_err();
    let Halt::Unsettled(told) = halt else {
        unreachable!("nobody knows what to go back to: {halt:?}");
    };
    assert!(told.contains("its program is not known"), "{told}");
}

#[tokio::test(start_paused = true)]
async fn an_id_of_long_ago_is_not_used_again() {
    let mut life = Life::running().await;
    life.change(&What::Suspend).await.unwrap();
    // The state was lost, the engine's memory was not.
    life.memory = Memory::default();
    life.run("v1").await.unwrap();
    assert_eq!(life.memory.generation, 2);
    assert_eq!(life.runs(), "v1 at 0");
}

#[tokio::test(start_paused = true)]
async fn an_id_that_the_engine_knows_and_whose_job_it_does_not_is_left_after_a_while() {
    let mut life = Life::running().await;
    life.change(&What::Suspend).await.unwrap();
    life.memory = Memory::default();
    life.engine.hide(1000);
    life.told.lock().unwrap().clear();
    life.run("v1").await.unwrap();
    assert_eq!(life.memory.generation, 2);
    assert_eq!(life.runs(), "v1 at 0");
    let id = memory::id("a", &program("v1"), 1);
    let told = life.told.lock().unwrap().join("\n").replace(&id, "[ID]");
    let own = life.memory.run.clone().unwrap().id;
    insta::assert_snapshot!(told.replace(&own, "[OTHER ID]"), @r"
    starting [ID]
    the engine gave the id [ID] to a job before; waiting up to 10 s whether that one comes to light
    it does not: starting under another id
    starting [OTHER ID]
    waiting: 0 of 1 checkpoints completed
    ");
}

#[tokio::test]
async fn the_plan_after_a_cut_stop_names_its_savepoint() {
    let life = Life::running().await;
    let run = life.memory.run.clone().unwrap();
    life.engine.stop(&run.id, "t", None).await.unwrap();
    let savepoint = match life.engine.stopping(&run.id, "t").await {
        Ok(Stopping::Done(path)) => Some(path),
        _ => None,
    };
    assert!(savepoint.is_some());
    let step = Step::Stopping {
        trigger: "t".into(),
    };
    let source = engine::source(&life.engine, &life.memory, Some(&step), None).await;
    assert_eq!(source.unwrap().at, savepoint);
    // A stop that the engine has forgotten leaves what the engine has of the job.
    let unknown = Step::Stopping {
        trigger: "other".into(),
    };
    let source = engine::source(&life.engine, &life.memory, Some(&unknown), None).await;
    let source = source.unwrap().at;
    assert!(source.is_some() && source != savepoint, "{source:?}");
}
