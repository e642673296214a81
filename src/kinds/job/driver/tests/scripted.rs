//! An engine on values: jobs that count, savepoints that hold the count, and trouble on demand.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard};

use crate::kinds::job::driver::engine::{
    Asked, Engine, EngineError, Graph, Look, Phase, Ready, Source, Stopping,
};
use crate::kinds::job::memory::{Run, Version};
use crate::kinds::job::program::Program;

/// What goes wrong with every version but v1, unless it says otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Trouble {
    /// It is restarted again and again.
    Restarts,
    /// It is restarted after its first checkpoint.
    RestartsLate,
    /// It refuses to start from the state.
    RefusesState,
    /// Its parts never run.
    NeverRuns,
    /// It comes up with another state.
    OtherState,
    /// It fails for good.
    Fails,
    /// Nothing starts, v1 neither.
    NothingStarts,
    /// Stops with savepoints fail.
    BadDirectory,
    /// There is no room.
    TooFewSlots,
    /// Checkpoints go with the job.
    DropsCheckpoints,
    /// No checkpoint was completed.
    NoCheckpoint,
    /// Nothing makes checkpoints, v1 neither.
    NoInterval,
    /// It runs with fewer tasks than it is to have.
    ShortOfRoom,
    /// Nothing gets more tasks while it runs, v1 neither.
    NoMoreTasks,
    /// That an id was given before is told in words that nobody knows.
    OtherWords,
}

#[derive(Debug, Default)]
pub(super) struct Scripted(Mutex<World>);

#[derive(Debug, Default)]
struct World {
    jobs: BTreeMap<String, Job>,
    /// Those that it does not know any more.
    forgotten: BTreeMap<String, Job>,
    /// Whether what those left is found all the same.
    finds_forgotten: bool,
    /// For how many looks jobs do not come to light.
    hidden: usize,
    savepoints: BTreeMap<String, u64>,
    triggers: BTreeMap<String, Result<String, String>>,
    trouble: Option<Trouble>,
    rescales: bool,
    effects: usize,
    most_at_once: usize,
    /// How many calls are answered before the caller is gone.
    left: Option<usize>,
    was_cut: bool,
}

#[derive(Debug, Clone)]
struct Job {
    text: String,
    phase: Phase,
    count: u64,
    /// How many tasks its parts are to have: one has a number of its own.
    wanted: BTreeMap<String, u32>,
    /// How many they have.
    tasks: BTreeMap<String, u32>,
    /// How many checkpoints it has completed.
    own: u64,
    restarts: u64,
    /// What it was restored from last.
    restored: Option<String>,
}

fn text(program: &Program) -> String {
    let shown = format!("{program:?}");
    let at = shown.find("Statements([\"").unwrap() + "Statements([\"".len();
    shown[at..].split('"').next().unwrap().to_owned()
}

impl Scripted {
    fn world(&self) -> MutexGuard<'_, World> {
        self.0.lock().unwrap()
    }

    /// Counts a call: the caller may be gone before its effect, or after it, before the answer.
    fn call<T>(&self, effect: impl FnOnce(&mut World) -> T) -> Asked<T> {
        let gone = || Err(EngineError::Away("the program was killed".into()));
        let mut world = self.world();
        let is_gone = |world: &mut World| match &mut world.left {
            Some(0) => {
                world.was_cut = true;
                true
            }
            Some(left) => {
                *left -= 1;
                false
            }
            None => false,
        };
        if is_gone(&mut world) {
            return gone();
        }
        let done = effect(&mut world);
        let active = world.jobs.values().filter(|job| job.phase == Phase::Active);
        let active = active.count();
        world.most_at_once = world.most_at_once.max(active);
        if is_gone(&mut world) {
            return gone();
        }
        Ok(done)
    }

    pub(super) fn set(&self, trouble: Option<Trouble>) {
        self.world().trouble = trouble;
    }

    pub(super) fn rescales(&self, rescales: bool) {
        self.world().rescales = rescales;
    }

    pub(super) fn cut_after(&self, calls: usize) {
        self.world().left = Some(calls);
    }

    pub(super) fn was_cut(&self) -> bool {
        self.world().was_cut
    }

    /// Whether the caller is gone by now.
    pub(super) fn is_cut(&self) -> bool {
        let world = self.world();
        world.was_cut && world.left.is_some()
    }

    pub(super) fn heal(&self) {
        self.world().left = None;
    }

    pub(super) fn effects(&self) -> usize {
        self.world().effects
    }

    pub(super) fn most_at_once(&self) -> usize {
        self.world().most_at_once
    }

    /// Puts a savepoint of somebody else there.
    pub(super) fn give(&self, path: &str, count: u64) {
        self.world().savepoints.insert(path.to_owned(), count);
    }

    pub(super) fn has_savepoint(&self, path: &str) -> bool {
        self.world().savepoints.contains_key(path)
    }

    pub(super) fn savepoints(&self) -> usize {
        self.world().savepoints.len()
    }

    /// Lets what runs count on, and complete a checkpoint.
    pub(super) fn count(&self, by: u64) {
        for job in self.world().active_jobs() {
            job.count += by;
            job.own += 1;
        }
    }

    /// Returns how many tasks the parts of what runs are to have.
    pub(super) fn wanted_tasks(&self) -> BTreeMap<String, u32> {
        let mut world = self.world();
        world.active_jobs().next().unwrap().wanted.clone()
    }

    /// Restarts what runs from its newest checkpoint, as the engine does by itself.
    pub(super) fn restart(&self) {
        for job in self.world().active_jobs() {
            job.restarts += 1;
            job.restored = Some("file:/its-own".into());
        }
    }

    /// Ends what runs.
    pub(super) fn end(&self, phase: Phase) {
        for job in self.world().active_jobs() {
            job.phase = phase;
        }
    }

    /// Lets a job that has ended run again, as if it had not.
    pub(super) fn revive(&self, id: &str) {
        self.world().jobs.get_mut(id).unwrap().phase = Phase::Active;
    }

    /// Lets jobs come to light only after some looks at them.
    pub(super) fn hide(&self, looks: usize) {
        self.world().hidden = looks;
    }

    /// Ends what runs and forgets all jobs and stops, like a `JobManager` that ends; what jobs left may be found.
    pub(super) fn forget(&self, finds: bool) {
        let mut world = self.world();
        let mut jobs = std::mem::take(&mut world.jobs);
        for job in jobs.values_mut() {
            if job.phase == Phase::Active {
                job.phase = Phase::Failed;
            }
        }
        world.forgotten.extend(jobs);
        world.triggers.clear();
        world.finds_forgotten = finds;
    }

    pub(super) fn active(&self) -> Vec<String> {
        let world = self.world();
        let active = world.jobs.values().filter(|job| job.phase == Phase::Active);
        active
            .map(|job| format!("{} at {}", job.text, job.count))
            .collect()
    }
}

impl World {
    fn active_jobs(&mut self) -> impl Iterator<Item = &mut Job> {
        let jobs = self.jobs.values_mut();
        jobs.filter(|job| job.phase == Phase::Active)
    }

    /// Whether trouble is for this version.
    fn troubles(&self, job: &str, trouble: Trouble) -> bool {
        self.trouble == Some(trouble) && job != "v1"
    }

    fn stop(&mut self, id: &str) -> Result<String, String> {
        if self.trouble == Some(Trouble::BadDirectory) {
            return Err("no such directory".into());
        }
        let job = self.jobs.get_mut(id).ok_or("no such job")?;
        if job.phase != Phase::Active {
            return Err("it has ended".into());
        }
        job.phase = Phase::Finished;
        let path = format!("file:/savepoint-{}", self.savepoints.len() + self.effects);
        self.savepoints.insert(path.clone(), job.count);
        Ok(path)
    }
}

/// A version that was made ready: good for one start, as a session of SQL is.
#[derive(Debug)]
pub(super) struct Prepared {
    version: Version,
    is_used: AtomicBool,
}

impl Engine for Scripted {
    type Prepared = Prepared;

    async fn prepare(&self, _name: &str, version: &Version) -> Asked<Ready<Prepared>> {
        self.call(|_| Ready {
            prepared: Prepared {
                version: version.clone(),
                is_used: AtomicBool::new(false),
            },
            version: version.clone(),
            graph: Some(Graph::default()),
        })
    }

    async fn room(&self, _graph: &Graph, _instead: Option<&str>) -> Asked<Option<String>> {
        self.call(|world| {
            (world.trouble == Some(Trouble::TooFewSlots)).then(|| "it needs 9 slots".to_owned())
        })
    }

    async fn discard(&self, _prepared: Prepared) {}

    async fn preview(
        &self,
        _name: &str,
        _version: &Version,
        _instead: Option<&str>,
    ) -> Asked<Option<(Graph, Graph)>> {
        self.call(|_| None)
    }

    async fn start(&self, prepared: &Prepared, run: &Run, _may_drop_state: bool) -> Asked<()> {
        self.call(|world| {
            world.effects += 1;
            if prepared.is_used.swap(true, Ordering::SeqCst) {
                return Err(EngineError::Refused("the session does not exist".into()));
            }
            let prepared = &prepared.version;
            if world.jobs.contains_key(&run.id) {
                let words = "it was submitted before".to_owned();
                return Err(if world.trouble == Some(Trouble::OtherWords) {
                    EngineError::Refused(words)
                } else {
                    EngineError::Duplicate(words)
                });
            }
            let text = text(&prepared.program);
            if world.trouble == Some(Trouble::NothingStarts) {
                return Err(EngineError::Refused("nothing starts".into()));
            }
            let count = match &run.from {
                Some(_) if world.troubles(&text, Trouble::RefusesState) => {
                    return Err(EngineError::Refused("it cannot map its state".into()));
                }
                Some(from) => *world
                    .savepoints
                    .get(from)
                    .ok_or_else(|| EngineError::Refused(format!("there is no {from}")))?,
                None => 0,
            };
            let phase = if world.troubles(&text, Trouble::Fails) {
                Phase::Failed
            } else {
                Phase::Active
            };
            let tasks = BTreeMap::from([
                ("own".to_owned(), 8),
                (
                    "part".to_owned(),
                    prepared.program.parallelism().unwrap_or(1),
                ),
            ]);
            let job = Job {
                text,
                phase,
                count,
                wanted: tasks.clone(),
                tasks,
                own: 0,
                restarts: 0,
                restored: run.from.clone(),
            };
            world.jobs.insert(run.id.clone(), job);
            Ok(())
        })?
    }

    async fn phase(&self, id: &str) -> Asked<Option<Phase>> {
        self.call(|world| {
            if world.hidden > 0 {
                world.hidden -= 1;
                return None;
            }
            world.jobs.get(id).map(|job| job.phase)
        })
    }

    async fn look(&self, id: &str) -> Asked<Option<Look>> {
        self.call(|world| {
            let job = world.jobs.get(id)?.clone();
            let restored = match &job.restored {
                Some(_) if world.troubles(&job.text, Trouble::OtherState) => {
                    Some("file:/other".into())
                }
                restored => restored.clone(),
            };
            let is_late = job.own > 0 && world.troubles(&job.text, Trouble::RestartsLate);
            let is_restarted = world.troubles(&job.text, Trouble::Restarts) || is_late;
            // One that runs has completed a checkpoint by the next look.
            let never = [Trouble::Restarts, Trouble::NeverRuns, Trouble::NoInterval];
            if !never.iter().any(|never| world.troubles(&job.text, *never)) {
                world.jobs.get_mut(id)?.own += 1;
            }
            Some(Look {
                phase: job.phase,
                word: format!("{:?}", job.phase).to_uppercase(),
                parts: 2,
                running: 2 - usize::from(world.troubles(&job.text, Trouble::NeverRuns)),
                tasks: job.tasks.clone(),
                short_of: world
                    .troubles(&job.text, Trouble::ShortOfRoom)
                    .then_some((1, 9)),
                restarts: job.restarts + u64::from(is_restarted),
                checkpoints: (world.trouble != Some(Trouble::NoInterval)).then_some(job.own),
                has_own: job.own > 0,
                restored,
                resumed: false,
                cause: None,
            })
        })
    }

    async fn stop(&self, id: &str, trigger: &str, _directory: Option<&str>) -> Asked<()> {
        self.call(|world| {
            world.effects += 1;
            if !world.triggers.contains_key(trigger) {
                let stopped = world.stop(id);
                world.triggers.insert(trigger.to_owned(), stopped);
            }
        })
    }

    async fn stopping(&self, _id: &str, trigger: &str) -> Asked<Stopping> {
        self.call(|world| match world.triggers.get(trigger) {
            None => Stopping::Unknown,
            Some(Ok(path)) => Stopping::Done(path.clone()),
            Some(Err(why)) => Stopping::Failed(why.clone()),
        })
    }

    async fn cancel(&self, id: &str) -> Asked<()> {
        self.call(|world| {
            world.effects += 1;
            if let Some(job) = world.jobs.get_mut(id)
                && job.phase == Phase::Active
            {
                job.phase = Phase::Canceled;
            }
        })
    }

    async fn retained(&self, _id: &str) -> Asked<Result<bool, String>> {
        self.call(|world| match world.trouble {
            Some(Trouble::DropsCheckpoints) => Err("its checkpoints are deleted".to_owned()),
            trouble => Ok(trouble != Some(Trouble::NoCheckpoint)),
        })
    }

    async fn source(&self, run: &Run, _savepoints: Option<&str>) -> Asked<Source> {
        self.call(|world| {
            let forgotten = world.forgotten.get(&run.id);
            let forgotten = forgotten.filter(|_| world.finds_forgotten);
            let known = world.jobs.get(&run.id).filter(|_| world.hidden == 0);
            let job = known.or(forgotten);
            let is_left = !matches!(
                world.trouble,
                Some(Trouble::DropsCheckpoints | Trouble::NoCheckpoint)
            );
            let job = job.filter(|job| is_left && job.own > 0 && job.phase != Phase::Active);
            let at = job.cloned().map(|job| {
                let path = format!("file:/checkpoint-of-{}", run.id);
                world.savepoints.insert(path.clone(), job.count);
                path
            });
            at.into()
        })
    }

    async fn rescales(&self) -> Asked<bool> {
        self.call(|world| world.rescales)
    }

    async fn parts_of(&self, id: &str, tasks: u32) -> Asked<BTreeSet<String>> {
        self.call(|world| {
            let wanted = world.jobs.get(id).map(|job| job.wanted.clone());
            let wanted = wanted.into_iter().flatten();
            let parts = wanted.filter(|(_, wanted)| *wanted == tasks);
            parts.map(|(part, _)| part).collect()
        })
    }

    async fn rescale(&self, id: &str, parts: &BTreeSet<String>, to: u32) -> Asked<()> {
        self.call(|world| {
            world.effects += 1;
            let is_stuck = world.trouble == Some(Trouble::NoMoreTasks);
            let Some(job) = world.jobs.get_mut(id) else {
                return;
            };
            for part in parts {
                job.wanted.insert(part.clone(), to);
            }
            if !is_stuck {
                job.tasks.clone_from(&job.wanted);
            }
        })
    }

    async fn dispose(&self, path: &str) -> Asked<()> {
        self.call(|world| {
            world.effects += 1;
            world.savepoints.remove(path);
        })
    }

    async fn release(&self, _version: &Version) -> Asked<()> {
        self.call(|world| world.effects += 1)
    }

    fn command(&self, version: &Version, from: Option<&str>) -> String {
        format!(
            "start {} from {}",
            text(&version.program),
            from.unwrap_or("nothing")
        )
    }
}
