//! The state machine of a change: stop, start, prove, and the way back (I/O through an [`Engine`]).
//!
//! Each effect is noted before it is asked for, under an id that makes asking twice the same as asking once.
//! So a run that is killed anywhere is finished by the next one: [`settle`](Change::settle) reads how far it
//! came. The old version's program is kept until the new one has proved itself; where that fails, the old one
//! starts again from the same savepoint.

mod prove;
mod settle;

use std::collections::BTreeSet;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::address::Address;
use crate::kinds::driver::Context;
use crate::kinds::health::Healthy;
use crate::kinds::job::memory::{Memory, Progress, Run, Step, Version};
use crate::kinds::job::program::Program;
use crate::kinds::job::spec::{Mode, Upgrade};

use super::engine::{self, Asked, Engine, EngineError, Graph, Phase, Ready, Stopping};

/// The first pause between two looks.
const FIRST_LOOK: Duration = Duration::from_millis(100);
/// The longest one.
const LONGEST_LOOK: Duration = Duration::from_secs(1);

/// Why a change ended before its goal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Halt {
    /// The job is as it was before, whatever its id is now.
    AsBefore(String),
    /// It is not known how the job is, or it is not as it was: the next run goes on.
    Unsettled(String),
}

type Halting<T> = Result<T, Halt>;

/// Where a job is in its life.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Place {
    /// It never ran.
    Nowhere,
    /// It runs.
    Running,
    /// This run was started and has not proved itself.
    Started(Box<Run>),
    /// We stopped it; its state is there.
    Stopped {
        /// Where the state is.
        from: Option<String>,
        /// Whether it ran before: the way back is to run again.
        ran: bool,
    },
    /// It ended without us.
    Ended,
}

/// One change under way.
pub(super) struct Change<'a, E: Engine> {
    /// Where jobs run.
    pub(super) engine: &'a E,
    /// The object.
    pub(super) address: &'a Address,
    /// The job's name.
    pub(super) name: &'a str,
    /// How it is changed.
    pub(super) upgrade: Upgrade,
    /// When it is well.
    pub(super) healthy: Healthy,
    /// Where notes and words go.
    pub(super) context: &'a Context,
    /// Whether the plan saw another program than the wanted one: what counts for a job that was taken over,
    /// whose program is not remembered.
    pub(super) differs: bool,
    /// Where the plan saw the state of a job that does not run.
    pub(super) planned: Option<String>,
    /// What it is to take up instead of its own state, where that is not done yet.
    pub(super) restore: Option<String>,
    /// What is remembered.
    pub(super) memory: Memory,
}

impl<E: Engine> Change<'_, E> {
    /// Sees to it that a program runs.
    pub(super) async fn run(&mut self, program: &Program, step: Option<Step>) -> Halting<()> {
        match self.settle(step, Some(program)).await? {
            Place::Started(run) => {
                let ran = self.memory.run.is_some() && !self.memory.suspended;
                self.conclude(*run, ran).await
            }
            Place::Running if self.restore.is_none() && self.runs(program) => self.settled().await,
            Place::Running => self.replace(program).await,
            Place::Stopped { from, ran } => {
                let taken = self.taken(from.clone())?;
                match self.prepare(program, None).await {
                    Ok(ready) => self.launch(ready, taken, ran).await,
                    // It stands still because of an earlier run: the version before goes on.
                    Err(Halt::AsBefore(why)) if ran => self.turn_back(None, from, &why, ran).await,
                    Err(halt) => Err(halt),
                }
            }
            Place::Ended => {
                let left = self.left().await?;
                let from = self.taken(left)?;
                let ready = self.prepare(program, None).await?;
                if self.restore.is_none()
                    && let Some(from) = &from
                {
                    self.memory.keep(from);
                }
                self.launch(ready, from, false).await
            }
            Place::Nowhere => {
                let ready = self.prepare(program, None).await?;
                let from = self.restore.clone();
                self.launch(ready, from, false).await
            }
        }
    }

    /// Sees to it that the job is stopped and its state kept.
    pub(super) async fn suspend(&mut self, step: Option<Step>) -> Halting<()> {
        if self.upgrade.mode == Mode::Stateless {
            // That is about the next version: to suspend is to keep the state.
            self.upgrade.mode = Mode::Savepoint;
        }
        let from = match self.settle(step, None).await? {
            Place::Started(run) => {
                self.memory.run = Some(*run);
                self.stop().await?
            }
            Place::Running => self.stop().await?,
            Place::Stopped { from, .. } => from,
            Place::Ended => self.left().await?,
            Place::Nowhere => None,
        };
        if let Some(from) = &from {
            self.memory.keep(from);
            self.say(format!("stopped; its state is at {from}"));
        }
        self.memory.suspended = true;
        self.prune().await;
        Ok(())
    }

    /// Ends a change that failed: what is remembered holds, whatever was noted before.
    pub(super) async fn close(&self, halt: Halt) -> Halt {
        match halt {
            Halt::AsBefore(why) if !self.memory.is_empty() => {
                match self.note(Step::Settled).await {
                    Ok(()) => Halt::AsBefore(why),
                    Err(_) => Halt::Unsettled(why),
                }
            }
            halt => halt,
        }
    }

    /// Sees to it that the job is gone.
    pub(super) async fn delete(&mut self, step: Option<Step>) -> Halting<()> {
        if self.settles_running(step).await? {
            self.upgrade.mode = if self.upgrade.has_final_savepoint() {
                Mode::Savepoint
            } else {
                Mode::Stateless
            };
            self.stop().await.map_err(|halt| match halt {
                Halt::AsBefore(why) if self.upgrade.mode == Mode::Savepoint => {
                    Halt::AsBefore(format!(
                        "{why}; to delete it without a last savepoint: final_savepoint = false in its upgrade block"
                    ))
                }
                halt => halt,
            })?;
        }
        if let Some(newest) = self.memory.savepoints.first() {
            self.say(format!("its last savepoint is at {}", newest.path));
        }
        let gone = self.memory.run.take().and_then(|run| run.version);
        self.release(gone.as_ref()).await;
        Ok(())
    }

    /// Finishes the step that was cut short, and returns whether something runs: proved or not, it is to be
    /// stopped.
    async fn settles_running(&mut self, step: Option<Step>) -> Halting<bool> {
        match self.settle(step, None).await? {
            Place::Started(run) => {
                self.memory.run = Some(*run);
                Ok(true)
            }
            place => Ok(place == Place::Running),
        }
    }

    /// Gives a running job another program.
    async fn replace(&mut self, program: &Program) -> Halting<()> {
        let was = self.memory.program();
        let scaled = was
            .filter(|was| was.is_scaled(program))
            .and_then(|was| Some((was.parallelism()?, program.parallelism()?)));
        if let Some((from, to)) = scaled
            && self.restore.is_none()
            && self.upgrade.mode != Mode::Stateless
            && asked(self.engine.rescales().await)?
        {
            return self.rescale(program, from, to).await;
        }
        let id = self.id();
        let ready = self.prepare(program, id.as_deref()).await?;
        let taken = match self.stop().await {
            Ok(from) => self.taken(from),
            Err(Halt::AsBefore(why)) if self.upgrade.mode == Mode::Savepoint => {
                Err(Halt::AsBefore(format!(
                    "{why}; mode = \"last_checkpoint\" would go on from its newest checkpoint"
                )))
            }
            Err(halt) => Err(halt),
        };
        match taken {
            Ok(from) => self.launch(ready, from, true).await,
            Err(halt) => {
                self.discard(ready).await;
                Err(halt)
            }
        }
    }

    /// Makes a version ready, and checks that there is room for it, before anything is touched.
    async fn prepare(
        &mut self,
        program: &Program,
        instead: Option<&str>,
    ) -> Halting<Ready<E::Prepared>> {
        let version = self.version(program);
        let ready = self.engine.prepare(self.name, &version).await;
        let ready = ready.map_err(|error| before("it cannot be made ready", &error))?;
        let Some(graph) = &ready.graph else {
            return Ok(ready);
        };
        match self.has_room(graph, instead).await {
            Ok(()) => Ok(ready),
            Err(halt) => {
                self.discard(ready).await;
                Err(halt)
            }
        }
    }

    /// Checks that there is room for a graph once the job `instead` is gone.
    async fn has_room(&self, graph: &Graph, instead: Option<&str>) -> Halting<()> {
        let room = self.engine.room(graph, instead).await;
        let room =
            room.map_err(|error| before("it is not known whether there is room for it", &error))?;
        room.map_or(Ok(()), |why| Err(Halt::AsBefore(why)))
    }

    /// Gives up a version that was made ready.
    async fn discard(&self, ready: Ready<E::Prepared>) {
        self.engine.discard(ready.prepared).await;
        self.release(Some(&ready.version)).await;
    }

    /// Returns the version of a program, with what the engine keeps of it where it ran last.
    fn version(&self, program: &Program) -> Version {
        let kept = self
            .memory
            .run
            .as_ref()
            .and_then(|run| run.version.as_ref());
        let kept = kept.filter(|kept| kept.program.content() == program.content());
        Version {
            program: program.clone(),
            kept: kept.map(|kept| kept.kept.clone()).unwrap_or_default(),
        }
    }

    /// Stops the job that runs, as its mode says, and returns where its state is.
    async fn stop(&mut self) -> Halting<Option<String>> {
        let Some(id) = self.id() else {
            return Ok(None);
        };
        if self.upgrade.mode != Mode::Savepoint {
            let leaves = self.upgrade.mode == Mode::LastCheckpoint && self.leaves(&id).await?;
            self.note(Step::Cancelling).await?;
            self.say("ending it without a savepoint");
            return self.cancelled(&id, leaves).await;
        }
        let trigger = uuid::Uuid::new_v4().simple().to_string();
        self.note(Step::Stopping {
            trigger: trigger.clone(),
        })
        .await?;
        self.say("stopping it with a savepoint");
        let directory = self.upgrade.savepoint_directory.clone();
        let stopped = self.engine.stop(&id, &trigger, directory.as_deref()).await;
        match stopped {
            Ok(()) => {}
            Err(EngineError::Away(why)) => return Err(Halt::Unsettled(why)),
            Err(error) => return Err(runs_on(&error.to_string())),
        }
        match self.stopped(&id, &trigger).await? {
            Ok(path) => Ok(Some(path)),
            Err(why) => Err(runs_on(&why)),
        }
    }

    /// Whether a running job leaves a checkpoint of its own when it is cancelled. One that has made none yet is
    /// where it began; but none may be lost.
    async fn leaves(&self, id: &str) -> Halting<bool> {
        let retained = self.engine.retained(id).await;
        let retained =
            retained.map_err(|error| before("it is not known which checkpoint stays", &error))?;
        let why = match retained {
            Ok(true) => return Ok(true),
            Ok(false) if self.memory.newest().is_some() => return Ok(false),
            Ok(false) => "it has not completed a checkpoint yet".to_owned(),
            Err(why) => why,
        };
        Err(Halt::AsBefore(format!(
            "{why}: mode = \"last_checkpoint\" would lose its state, so it runs on; mode = \"savepoint\" keeps it"
        )))
    }

    /// Waits for the end of a stop: where the savepoint is, or why the job runs on.
    async fn stopped(&mut self, id: &str, trigger: &str) -> Halting<Result<String, String>> {
        let mut wait = Wait::new(self.timeout());
        let path = loop {
            match asked(self.engine.stopping(id, trigger).await)? {
                Stopping::Done(path) => break path,
                Stopping::InProgress => {}
                Stopping::Failed(why) => return self.not_stopped(id, why).await,
                Stopping::Unknown => {
                    return self
                        .not_stopped(id, "the engine knows of no such stop".into())
                        .await;
                }
            }
            if !wait.again().await {
                return Err(Halt::Unsettled(format!(
                    "the savepoint was not complete within {} s; it goes on, and the next apply looks for it",
                    wait.within.as_secs()
                )));
            }
        };
        self.ended(id).await?;
        self.memory.keep(&path);
        self.note(Step::Stopped {
            from: Some(path.clone()),
        })
        .await?;
        Ok(Ok(path))
    }

    /// A stop that is told to have failed may have ended the job all the same, or an earlier one did.
    async fn not_stopped(&mut self, id: &str, why: String) -> Halting<Result<String, String>> {
        match asked(self.engine.phase(id).await)? {
            Some(Phase::Active) => return Ok(Err(why)),
            Some(_) => {}
            None => {
                return Err(Halt::Unsettled(format!(
                    "the engine does not know the job {id} any more ({why}); the savepoints that are known: {}",
                    self.known_savepoints()
                )));
            }
        }
        let Some(path) = self.engine_source().await? else {
            return Err(Halt::Unsettled(format!(
                "the job {id} has ended, and the engine knows of no state of it ({why}); the savepoints that are \
                 known: {}",
                self.known_savepoints()
            )));
        };
        self.memory.keep(&path);
        self.note(Step::Stopped {
            from: Some(path.clone()),
        })
        .await?;
        Ok(Ok(path))
    }

    /// Ends a job without a savepoint, and returns where its newest state is. `leaves`: a checkpoint of its own.
    async fn cancelled(&mut self, id: &str, leaves: bool) -> Halting<Option<String>> {
        asked(self.engine.cancel(id).await)?;
        self.ended(id).await?;
        let left = self.engine_source().await?;
        if left.is_none() && leaves {
            return Err(Halt::Unsettled(format!(
                "the job {id} was ended, and no checkpoint of it is left; the savepoints that are known: {}; plan \
                 again to see what it would start from",
                self.known_savepoints()
            )));
        }
        let from = left.or_else(|| self.memory.newest().map(str::to_owned));
        if let Some(from) = &from {
            self.memory.keep(from);
        }
        self.note(Step::Stopped { from: from.clone() }).await?;
        Ok(from)
    }

    /// Waits until a job has ended.
    async fn ended(&self, id: &str) -> Halting<()> {
        let mut wait = Wait::new(self.timeout());
        while asked(self.engine.phase(id).await)? == Some(Phase::Active) {
            if !wait.again().await {
                return Err(Halt::Unsettled(format!(
                    "the job {id} has not ended within {} s",
                    wait.within.as_secs()
                )));
            }
        }
        Ok(())
    }

    /// Starts a version, and goes back to the one before it where it does not prove itself and that one ran.
    async fn launch(
        &mut self,
        ready: Ready<E::Prepared>,
        from: Option<String>,
        ran: bool,
    ) -> Halting<()> {
        let restored = from.is_some() && from == self.restore;
        let run = Run {
            restored,
            ..self.next(&ready, from).await?
        };
        match self.begin(ready, run, None).await? {
            Ok(run) => self.conclude(run, ran).await,
            Err((run, why)) => {
                let from = run.inherited().map(str::to_owned);
                self.turn_back(Some(&run), from, &why, ran).await
            }
        }
    }

    /// Waits until a run that was started has proved itself, or goes back.
    async fn conclude(&mut self, run: Run, ran: bool) -> Halting<()> {
        match self.prove(&run).await? {
            Ok(()) => {
                let before = self.memory.run.replace(run);
                self.memory.suspended = false;
                self.prune().await;
                let before = before.and_then(|run| run.version);
                self.release(before.as_ref()).await;
                Ok(())
            }
            Err(why) => {
                let from = run.inherited().map(str::to_owned);
                self.turn_back(Some(&run), from, &why, ran).await
            }
        }
    }

    /// Counts the next run, under an id that no job had.
    async fn next(&mut self, ready: &Ready<E::Prepared>, from: Option<String>) -> Halting<Run> {
        loop {
            let run = self
                .memory
                .next_run(self.name, ready.version.clone(), from.clone());
            if asked(self.engine.phase(&run.id).await)?.is_none() {
                return Ok(run);
            }
        }
    }

    /// Notes a run and starts it: the run, or why it did not start.
    async fn begin(
        &mut self,
        mut ready: Ready<E::Prepared>,
        mut run: Run,
        back: Option<&str>,
    ) -> Halting<Result<Run, (Run, String)>> {
        loop {
            self.note(Step::Starting {
                run: run.clone(),
                back: back.map(str::to_owned),
                given_up: false,
            })
            .await?;
            self.say(match &run.from {
                Some(from) => format!("starting {} from {from}", run.id),
                None => format!("starting {}", run.id),
            });
            let may_drop = back.is_none() && self.upgrade.allow_non_restored_state;
            match self.engine.start(&ready.prepared, &run, may_drop).await {
                Ok(()) => return Ok(Ok(run)),
                Err(EngineError::Duplicate(_)) => {
                    if self.appears(&run.id).await? {
                        return Ok(Ok(run));
                    }
                    // An id of long ago that the engine has not forgotten. What was made ready is used up.
                    ready = match self.engine.prepare(self.name, &ready.version).await {
                        Ok(ready) => ready,
                        Err(EngineError::Away(why)) => return Err(Halt::Unsettled(why)),
                        Err(error) => return Ok(Err((run, error.to_string()))),
                    };
                    run = Run {
                        restored: run.restored,
                        ..self.next(&ready, run.from.clone()).await?
                    };
                }
                Err(EngineError::Refused(why)) => return Ok(Err((run, why))),
                Err(EngineError::Away(why)) => return Err(Halt::Unsettled(why)),
            }
        }
    }

    /// Whether a job comes to light whose id was given before: what an earlier run sent may still be under way,
    /// and beside it no other may be started.
    async fn appears(&self, id: &str) -> Halting<bool> {
        let mut wait = Wait::new(self.timeout());
        let mut is_told = false;
        loop {
            if asked(self.engine.phase(id).await)?.is_some() {
                return Ok(true);
            }
            if !is_told {
                let seconds = wait.within.as_secs();
                self.say(format!(
                    "the engine gave the id {id} to a job before; waiting up to {seconds} s whether that one comes to light"
                ));
                is_told = true;
            }
            if !wait.again().await {
                self.say("it does not: starting under another id");
                return Ok(false);
            }
        }
    }

    /// The new version does not run, or did not prove itself: it is ended, and the one before it starts from
    /// the same state, if that one ran.
    async fn turn_back(
        &mut self,
        failed: Option<&Run>,
        from: Option<String>,
        why: &str,
        ran: bool,
    ) -> Halting<()> {
        self.say(format!("it failed: {why}"));
        if let Some(run) = failed {
            self.give_up(run, None).await?;
        }
        let new = failed.and_then(|run| run.version.as_ref());
        let Some(old) = self.memory.run.clone().filter(|_| ran) else {
            self.release(new).await;
            return Err(Halt::AsBefore(format!("it does not run: {why}")));
        };
        // Where the new one did not take over the old one's state, that is where the engine left it.
        let from = match from {
            Some(from) => Some(from),
            None => self.left().await?,
        };
        let returned = match &old.version {
            Some(version) => self.go_back(version, from.clone(), why).await?,
            None => Err("its program is not known, since it was taken over".to_owned()),
        };
        match returned {
            Ok(id) => {
                self.release(new).await;
                let state = match &from {
                    Some(place) => format!("its state came from {place}"),
                    None => "without state, since none was left".to_owned(),
                };
                Err(Halt::AsBefore(format!(
                    "the new version failed: {why}\nThe version before it runs again as {id}; {state}."
                )))
            }
            Err(stuck) => {
                self.note(Step::Stopped { from: from.clone() }).await?;
                let by_hand = old.version.as_ref().map_or_else(String::new, |version| {
                    let command = self.engine.command(version, from.as_deref());
                    format!("; by hand: {command}")
                });
                let state = match &from {
                    Some(place) => {
                        format!("The state is at {place}.\nThe next apply starts from there")
                    }
                    None => "No state is left".to_owned(),
                };
                Err(Halt::Unsettled(format!(
                    "the new version failed: {why}\nThe version before it could not be started again: {stuck}\n\
                     No version runs. {state}{by_hand}"
                )))
            }
        }
    }

    /// Ends a run that has not proved itself, if it is not over. That this is meant is noted first: the next run
    /// must not take it for one that ran and was ended by somebody.
    async fn give_up(&self, run: &Run, back: Option<&str>) -> Halting<()> {
        self.note(Step::Starting {
            run: run.clone(),
            back: back.map(str::to_owned),
            given_up: true,
        })
        .await?;
        if asked(self.engine.phase(&run.id).await)? == Some(Phase::Active) {
            asked(self.engine.cancel(&run.id).await)?;
            self.ended(&run.id).await?;
        }
        Ok(())
    }

    /// Starts the old version again: its id, or why it does not run either.
    async fn go_back(
        &mut self,
        version: &Version,
        from: Option<String>,
        why: &str,
    ) -> Halting<Result<String, String>> {
        let ready = match self.engine.prepare(self.name, version).await {
            Ok(ready) => ready,
            Err(EngineError::Away(why)) => return Err(Halt::Unsettled(why)),
            Err(error) => return Ok(Err(error.to_string())),
        };
        let run = self.next(&ready, from).await?;
        let run = match self.begin(ready, run, Some(why)).await? {
            Ok(run) => run,
            Err((refused, stuck)) => {
                self.give_up(&refused, Some(why)).await?;
                return Ok(Err(stuck));
            }
        };
        if let Err(stuck) = self.prove_again(&run).await? {
            self.give_up(&run, Some(why)).await?;
            return Ok(Err(stuck));
        }
        let id = run.id.clone();
        self.memory.run = Some(run);
        Ok(Ok(id))
    }

    /// Changes the parallelism of a job that goes on under its id.
    async fn rescale(&mut self, program: &Program, from: u32, to: u32) -> Halting<()> {
        let Some(id) = self.id() else {
            return Ok(());
        };
        let version = Version {
            program: program.clone(),
            kept: self
                .memory
                .run
                .as_ref()
                .and_then(|run| run.version.as_ref())
                .map(|version| version.kept.clone())
                .unwrap_or_default(),
        };
        let wider = Graph {
            parts: Vec::new(),
            slots: to,
        };
        self.has_room(&wider, Some(&id)).await?;
        let parts = self.scaled_parts(&id, from, to).await?;
        self.note(Step::Rescaling {
            version: version.clone(),
        })
        .await?;
        self.say(format!(
            "changing its parallelism from {from} to {to} in place"
        ));
        match self.engine.rescale(&id, &parts, to).await {
            Ok(()) => {}
            Err(EngineError::Away(why)) => return Err(Halt::Unsettled(why)),
            Err(error) => return Err(Halt::AsBefore(format!("it could not be rescaled: {error}"))),
        }
        match self.rescaled(&id, &parts, to).await? {
            Ok(()) => {
                if let Some(run) = &mut self.memory.run {
                    run.version = Some(version);
                }
                Ok(())
            }
            Err(why) => {
                asked(self.engine.rescale(&id, &parts, from).await)?;
                Err(Halt::AsBefore(format!(
                    "{why}; it was told to have a parallelism of {from} again"
                )))
            }
        }
    }

    /// Returns the parts of a job that its parallelism is about: those that have a number of tasks of their own keep
    /// it. An earlier run may have told them already.
    async fn scaled_parts(&self, id: &str, from: u32, to: u32) -> Halting<BTreeSet<String>> {
        let unknown = |error: EngineError| before("it is not known what is to be rescaled", &error);
        let parts = self.engine.parts_of(id, from).await.map_err(unknown)?;
        if !parts.is_empty() {
            return Ok(parts);
        }
        self.engine.parts_of(id, to).await.map_err(unknown)
    }

    /// Finds the newest state of a job that has ended.
    async fn left(&self) -> Halting<Option<String>> {
        let savepoints = self.upgrade.savepoint_directory.as_deref();
        let left = engine::source(self.engine, &self.memory, None, savepoints).await;
        Ok(asked(left)?.at)
    }

    /// Finds what the engine has of a job that has ended.
    async fn engine_source(&self) -> Halting<Option<String>> {
        let Some(run) = &self.memory.run else {
            return Ok(None);
        };
        let savepoints = self.upgrade.savepoint_directory.as_deref();
        Ok(asked(self.engine.source(run, savepoints).await)?.at)
    }

    /// Returns the state that a new version takes up: that it starts without any was planned.
    fn taken(&self, from: Option<String>) -> Halting<Option<String>> {
        if self.restore.is_some() {
            return Ok(self.restore.clone());
        }
        if self.upgrade.mode == Mode::Stateless {
            return Ok(None);
        }
        match (&from, &self.planned) {
            (None, Some(planned)) => Err(Halt::Unsettled(format!(
                "its state was at {planned} when this was planned, and cannot be found there any more: plan again"
            ))),
            _ => Ok(from),
        }
    }

    /// Deletes the savepoints of ours beyond those that are kept. What cannot be deleted is told, and stays
    /// remembered.
    async fn prune(&mut self) {
        let keep = usize::try_from(self.upgrade.keep_savepoints).unwrap_or(usize::MAX);
        let from = self.memory.run.as_ref().and_then(|run| run.from.clone());
        let old: Vec<String> = self
            .memory
            .savepoints
            .iter()
            .skip(keep)
            .map(|savepoint| savepoint.path.clone())
            .filter(|path| from.as_ref() != Some(path))
            .collect();
        for path in old {
            match self.engine.dispose(&path).await {
                Ok(()) => self.memory.savepoints.retain(|kept| kept.path != path),
                Err(error) => self.say(format!(
                    "the savepoint {path} could not be deleted: {error}"
                )),
            }
        }
    }

    /// Gives back what the engine keeps of a version, unless it is what it keeps of the one that runs.
    async fn release(&self, version: Option<&Version>) {
        let runs = self
            .memory
            .run
            .as_ref()
            .and_then(|run| run.version.as_ref());
        let Some(version) =
            version.filter(|version| runs.is_none_or(|runs| runs.kept != version.kept))
        else {
            return;
        };
        if let Err(error) = self.engine.release(version).await {
            self.say(format!(
                "its program could not be deleted from the engine: {error}"
            ));
        }
    }

    /// Whether a program is the one that runs.
    fn runs(&self, program: &Program) -> bool {
        let runs = self.memory.program();
        runs.map_or(!self.differs, |runs| runs.content() == program.content())
    }

    /// Whether a run has the state that is to be taken up, if any is.
    fn has_taken_up(&self, run: &Run) -> bool {
        self.restore.is_none() || self.restore == run.from
    }

    async fn settled(&mut self) -> Halting<()> {
        self.memory.suspended = false;
        self.prune().await;
        Ok(())
    }

    fn id(&self) -> Option<String> {
        self.memory.run.as_ref().map(|run| run.id.clone())
    }

    fn timeout(&self) -> Duration {
        Duration::from_millis(self.upgrade.timeout_ms)
    }

    fn known_savepoints(&self) -> String {
        let paths: Vec<&str> = self
            .memory
            .savepoints
            .iter()
            .map(|savepoint| savepoint.path.as_str())
            .collect();
        if paths.is_empty() {
            "none".to_owned()
        } else {
            paths.join(", ")
        }
    }

    fn say(&self, text: impl Into<String>) {
        self.context.progress(self.address, text);
    }

    /// Writes down what is about to be done.
    async fn note(&self, step: Step) -> Halting<()> {
        let progress = Progress {
            memory: self.memory.clone(),
            step,
        };
        let noted = self.context.note(self.address, progress.note()).await;
        noted.map_err(|error| Halt::Unsettled(error.to_string()))
    }
}

/// Takes an answer in the middle of a change, where none leaves it open how the job is.
fn asked<T>(answer: Asked<T>) -> Halting<T> {
    answer.map_err(|error| Halt::Unsettled(error.to_string()))
}

/// A stop that came to nothing.
fn runs_on(why: &str) -> Halt {
    Halt::AsBefore(format!(
        "it could not be stopped with a savepoint: {why}; it runs on"
    ))
}

/// Turns a failure before anything was touched into an end.
fn before(what: &str, error: &EngineError) -> Halt {
    Halt::AsBefore(format!("{what}: {error}"))
}

/// Looks again and again, up to a time.
struct Wait {
    begin: Instant,
    pause: Duration,
    within: Duration,
}

impl Wait {
    fn new(within: Duration) -> Self {
        Self {
            begin: Instant::now(),
            pause: FIRST_LOOK,
            within,
        }
    }

    /// Whether the time is up.
    fn is_up(&self) -> bool {
        self.begin.elapsed() >= self.within
    }

    /// Waits a while; false where the time is up.
    async fn again(&mut self) -> bool {
        if self.is_up() {
            return false;
        }
        sleep(self.pause).await;
        self.pause = (self.pause * 2).min(LONGEST_LOOK);
        true
    }
}
