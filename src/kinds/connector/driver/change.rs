//! Makes changes of connectors and reads them back (I/O).
//!
//! A new connector is made stopped, gets its offsets, and is then brought to its state. An existing one is
//! brought to rest before it is changed where it is to rest, and changed before it is woken where it is to run.
//! An operation is done when all tasks are where they are to be; what fails meanwhile is restarted as its
//! block says.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use tokio::time::Instant;

use crate::clients::Secrets;
use crate::clients::connect::{self, Client, Config, ConnectError, Move, Start, Status};
use crate::document::Document;
use crate::kinds::Action;
use crate::kinds::connector::diff::{self, HEALTH};
use crate::kinds::connector::digest::digest;
use crate::kinds::connector::spec::{ConnectorSpec, OffsetStep, config_path, words};
use crate::kinds::connector::{
    Connector, ConnectorLive, Failed, Position, Sent, Shown, Standing, Target,
};
use crate::kinds::driver::{Context, Failure, Operation, Wanted, at_once};

use super::look::{self, is_masked, mark, noted, noted_state};
use super::settle::{Board, Way, way};
use super::{ConnectorDriver, Known, Resolved};

/// How long a state must last to count: a change of the configuration reaches the tasks a moment after it was
/// taken, and until then their old state is shown.
const STEADY: Duration = Duration::from_millis(600);
/// The same after the configuration was changed.
const STEADY_AFTER_CHANGE: Duration = Duration::from_secs(2);
/// How long a running connector may be without tasks until it counts as one that has nothing to do.
const WITHOUT_TASKS: Duration = Duration::from_secs(10);
/// How long after a restart, or a change of the configuration, a failure that was there before it may be an
/// old one: workers tell each other by a topic how tasks are.
const STALE: Duration = Duration::from_secs(3);
/// The pauses between two looks: the first, and the longest.
const PAUSES: (Duration, Duration) = (Duration::from_millis(150), Duration::from_secs(2));

/// Makes the changes of a batch, all at the same time: what needs another one is in a later batch.
pub(super) async fn apply(
    driver: &ConnectorDriver,
    operations: Vec<Operation<Connector>>,
    context: &Context,
) -> Vec<Result<Option<ConnectorLive>, Failure>> {
    let board = Arc::new(Board::new(driver.client.clone(), operations.len()));
    at_once(operations.into_iter().map(|operation| {
        let (driver, context, board) = (driver.clone(), context.clone(), board.clone());
        async move {
            let mut run = Run {
                client: &driver.client,
                secrets: &driver.secrets,
                board: &board,
                operation: &operation,
                context: &context,
                resolved: Resolved::default(),
                is_clean: true,
            };
            match run.make().await {
                Ok(live) => Ok(live),
                Err(message) => {
                    let message = run.resolved.redacted(&message);
                    Err(if run.is_clean {
                        Failure::unchanged(message)
                    } else {
                        Failure::unsettled(message)
                    })
                }
            }
        }
    }))
    .await
}

/// One change under way.
struct Run<'a> {
    client: &'a Client,
    secrets: &'a Secrets,
    board: &'a Board,
    operation: &'a Operation<Connector>,
    context: &'a Context,
    resolved: Resolved,
    /// Whether the connector is known to be as it was.
    is_clean: bool,
}

impl Run<'_> {
    async fn make(&mut self) -> Result<Option<ConnectorLive>, String> {
        let Some(spec) = self
            .operation
            .spec
            .as_ref()
            .filter(|_| self.operation.action != Action::Delete)
        else {
            return self.delete().await.map(|()| None);
        };
        let (resolved, unread) = Resolved::of(spec, &mut Known::new(self.secrets));
        self.resolved = resolved;
        if let Some((key, (why, _))) = unread.into_iter().next() {
            return Err(format!(
                "the secret of {} cannot be read: {why}",
                spec.path(&key)
            ));
        }
        let course = self.course(spec).await?;
        if self.operation.action == Action::Create {
            self.create(spec, course).await?;
        } else {
            self.update(spec, course).await?;
        }
        self.read_back(spec).await.map(Some)
    }

    fn name(&self) -> &str {
        &self.operation.remote_id
    }

    fn progress(&self, text: impl Into<String>) {
        let text = self.resolved.redacted(&text.into());
        self.context.progress(&self.operation.address, text);
    }

    /// Notes what the result of a call says about the connector.
    fn step<T>(&mut self, result: Result<T, ConnectError>) -> Result<T, String> {
        match result {
            Ok(done) => {
                self.is_clean = false;
                Ok(done)
            }
            Err(error) => {
                self.is_clean &= error.is_harmless();
                Err(told(&error))
            }
        }
    }

    fn changes(&self, path: &str) -> bool {
        self.operation.deltas.iter().any(|delta| delta.path == path)
    }

    /// Whether the operation is to make something so: all of what is created, and of what is there only what
    /// the plan says, which leaves out what is ignored.
    fn sets(&self, path: &str) -> bool {
        self.operation.action == Action::Create || self.changes(path)
    }

    async fn delete(&mut self) -> Result<(), String> {
        let deleted = self.client.delete(self.name()).await;
        self.step(deleted)?;
        let deadline = Instant::now() + Duration::from_secs(20);
        let mut pause = PAUSES.0;
        loop {
            let info = self.client.info(self.name()).await;
            match info.map_err(|error| format!("it cannot be read back: {}", told(&error)))? {
                None => return Ok(()),
                Some(_) if Instant::now() > deadline => {
                    return Err("Kafka Connect took the deletion, but it is still there".to_owned());
                }
                Some(_) => tokio::time::sleep(pause).await,
            }
            pause = (pause * 2).min(PAUSES.1);
        }
    }

    async fn create(&mut self, spec: &ConnectorSpec, course: Course) -> Result<(), String> {
        if let Some(step) = &spec.offsets {
            // Whoever finds the connector must know that the step is still to be done.
            self.note(step, course, false).await?;
        }
        let made = self.client.create(self.name(), &self.resolved.config).await;
        let start = self.step(made)?;
        let is_to_run = course.to == Target::Running && spec.offsets.is_none();
        if start == Start::Running && !is_to_run {
            self.progress("ran for a moment: workers before Kafka 3.7 start what they make");
        }
        if !spec.is_sink() && spec.offsets.is_none() {
            // They are those of an earlier connector of this name, which are shown only now that it is there.
            let kept = self.client.offsets(self.name()).await;
            // Workers before Kafka 3.6 do not show them.
            if let Ok(Some(kept)) = kept
                && !kept.is_empty()
            {
                self.progress(format!(
                    "goes on from the offsets of an earlier connector of this name: {}",
                    words(&positions(kept))
                ));
            }
        }
        self.offsets_step(spec, course).await?;
        self.bring(course.to).await?;
        self.settle(spec, course.to, STEADY, Vec::new()).await
    }

    async fn update(&mut self, spec: &ConnectorSpec, course: Course) -> Result<(), String> {
        self.remember_secrets().await?;
        let rests = course.to != Target::Running;
        let is_elsewhere = self.state() != Some(course.to);
        if rests && is_elsewhere {
            self.bring(course.to).await?;
        }
        let was_stopped = self.offsets_step(spec, course).await?;
        let changed = self.configure(spec, course.to).await?;
        if was_stopped || (!rests && is_elsewhere) {
            self.bring(course.to).await?;
        }
        let steady = if changed.is_some() {
            STEADY_AFTER_CHANGE
        } else {
            STEADY
        };
        let before = changed.unwrap_or_default();
        self.settle(spec, course.to, steady, before).await
    }

    /// Returns where the connector comes from and where it is to go.
    async fn course(&self, spec: &ConnectorSpec) -> Result<Course, String> {
        let step = spec.offsets.as_ref();
        let noted = step.and_then(|step| noted_state(self.operation.notes.as_ref(), step));
        let from = noted.or_else(|| self.state());
        let to = match from {
            _ if self.sets("state") => spec.state,
            Some(from) => from,
            None => self.present_state().await?,
        };
        Ok(Course {
            from: from.unwrap_or(to),
            to,
        })
    }

    /// Waits until it is known which state the connector is in: workers may be restarting it.
    async fn present_state(&self) -> Result<Target, String> {
        let deadline = Instant::now() + self.client.ready();
        let mut pause = PAUSES.0;
        loop {
            let status = self.status().await?;
            if let Some(state) = status.as_ref().and_then(look::own_state) {
                return Ok(state);
            }
            if Instant::now() > deadline {
                return Err(format!(
                    "its state is not known after {} s",
                    self.client.ready().as_secs()
                ));
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(PAUSES.1);
        }
    }

    async fn status(&self) -> Result<Option<Status>, String> {
        let status = self.board.status(self.name()).await;
        status.map_err(|error| format!("its status cannot be read: {}", told(&error)))
    }

    /// Reads the secrets that are set and that their references no longer give: what failed before it got
    /// others may repeat them.
    async fn remember_secrets(&mut self) -> Result<(), String> {
        let settings = self.operation.live.iter().flat_map(|live| &live.settings);
        let keys: Vec<&str> = settings
            .filter(|(_, shown)| is_other_secret(shown))
            .map(|(key, _)| key.as_str())
            .collect();
        if keys.is_empty() {
            return Ok(());
        }
        let info = self.client.info(self.name()).await;
        let info = info.map_err(|error| told(&error))?.unwrap_or_default();
        let earlier = keys.iter().filter_map(|key| look::shown(&info, key));
        self.resolved.earlier = earlier.map(str::to_owned).collect();
        Ok(())
    }

    /// Returns the state that the plan saw; `None` where it was changing, or nothing was seen.
    fn state(&self) -> Option<Target> {
        self.operation.live.as_ref().and_then(|live| live.state)
    }

    async fn bring(&mut self, target: Target) -> Result<(), String> {
        let to = match target {
            Target::Running => Move::Resume,
            Target::Paused => Move::Pause,
            Target::Stopped => Move::Stop,
        };
        let brought = self.client.bring(self.name(), to).await;
        self.step(brought)
    }

    /// Sets what differs, and returns what was failed just before; `None` where nothing differs.
    async fn configure(
        &mut self,
        spec: &ConnectorSpec,
        target: Target,
    ) -> Result<Option<Vec<Failed>>, String> {
        let wanted = &self.resolved.config;
        let mut changes: BTreeMap<String, Option<String>> = wanted
            .iter()
            .filter(|(key, _)| self.changes(&spec.path(key)))
            .map(|(key, value)| (key.clone(), Some(value.clone())))
            .collect();
        let has_new_secret = changes
            .keys()
            .any(|key| self.resolved.secrets.contains_key(key));
        if let Some(live) = &self.operation.live {
            // What is set and no longer wanted: the plan says so, as the removal of the key.
            let gone = live.settings.keys().filter(|key| {
                let is_told = self.changes(&spec.path(key)) || self.changes(&config_path(key));
                is_told && !wanted.contains_key(*key)
            });
            changes.extend(gone.map(|key| (key.clone(), None)));
        }
        if changes.is_empty() {
            return Ok(None);
        }
        let status = if target == Target::Running {
            self.status().await?
        } else {
            None
        };
        let patched = self.client.patch(self.name(), &changes).await;
        match patched {
            Err(error) if error.is_unknown_call() => self.replace(&changes).await?,
            other => self.step(other)?,
        }
        if has_new_secret && target == Target::Running {
            // Plugins need not hand a password on to their tasks, which would keep the old one.
            let restarted = self.client.restart(self.name(), false).await;
            self.step(restarted)?;
        }
        Ok(Some(status.as_ref().map(look::failed).unwrap_or_default()))
    }

    /// Sets the whole configuration, as workers before Kafka 3.8 demand: what others set stays, and so does
    /// what is ignored.
    async fn replace(&mut self, changes: &BTreeMap<String, Option<String>>) -> Result<(), String> {
        let info = self.client.info(self.name()).await;
        let info = info
            .map_err(|error| told(&error))?
            .ok_or("it is no longer there")?;
        let mut config: Config = info
            .config
            .into_iter()
            .filter_map(|(key, value)| Some((key, value?)))
            .collect();
        for (key, value) in changes {
            match value {
                Some(value) => config.insert(key.clone(), value.clone()),
                None => config.remove(key),
            };
        }
        for (key, value) in &mut config {
            // Stars would be taken for the value.
            if is_masked(value)
                && let Some(own) = self.resolved.config.get(key)
            {
                value.clone_from(own);
            }
        }
        if let Some((key, _)) = config
            .iter()
            .find(|(key, value)| is_masked(value) && !self.resolved.config.contains_key(*key))
        {
            return Err(format!(
                "the key {key:?}, which the block does not set, is shown as stars, and these workers take a \
                 configuration only as a whole: set the key in the block"
            ));
        }
        let replaced = self.client.replace(self.name(), &config).await;
        self.step(replaced)
    }

    /// Does the step of the `offsets` block, where it is due. Returns whether the connector is stopped then.
    async fn offsets_step(&mut self, spec: &ConnectorSpec, course: Course) -> Result<bool, String> {
        let Some(step) = &spec.offsets else {
            return Ok(false);
        };
        let noted = noted(self.operation.notes.as_ref(), step);
        if noted == Some(true) {
            self.progress("the offsets were set by an earlier run");
            return Ok(true);
        }
        let is_due = self.operation.action == Action::Create || self.changes("offsets");
        if !is_due && noted.is_none() {
            return Ok(false);
        }
        self.note(step, course, false).await?;
        self.bring(Target::Stopped).await?;
        let before = match self.offsets_at_rest().await {
            Ok(before) => before,
            Err(why) => return Err(self.go_back(course, why).await),
        };
        match self.move_offsets(step).await {
            Err(error) if error.is_harmless() => {
                let why = if error.is_unknown_call() {
                    format!("these workers cannot do the step, which takes Kafka 3.6: {error}")
                } else {
                    told(&error)
                };
                return Err(self.go_back(course, why).await);
            }
            done => self.step(done).map_err(|why| {
                format!("{why}; the connector is stopped, and the next apply does the step again")
            })?,
        }
        let after = self.offsets().await?;
        self.progress(format!(
            "offsets before: {}; after: {}",
            words(&before),
            words(&after)
        ));
        if *step == OffsetStep::Reset && after.iter().any(|position| position.offset.is_some()) {
            return Err(format!(
                "Kafka Connect took the reset, but the offsets are {}",
                words(&after)
            ));
        }
        self.note(step, course, true).await?;
        Ok(true)
    }

    /// Waits until the connector is stopped, and returns how far it has come.
    async fn offsets_at_rest(&mut self) -> Result<Vec<Position>, String> {
        self.wait(Target::Stopped, STEADY / 3, &[]).await?;
        self.offsets().await
    }

    async fn move_offsets(&self, step: &OffsetStep) -> Result<(), ConnectError> {
        match step {
            OffsetStep::Reset => self.client.reset_offsets(self.name()).await,
            OffsetStep::Set(wanted) => {
                let wanted: Vec<connect::Position> = wanted.iter().map(sent).collect();
                self.client.set_offsets(self.name(), &wanted).await
            }
        }
    }

    /// Brings a connector whose step was not taken to the state that it had. Returns why that was, and how the
    /// connector is.
    async fn go_back(&mut self, course: Course, why: String) -> String {
        let how = if self.operation.action == Action::Create {
            "was made, and is stopped".to_owned()
        } else {
            self.bring_back(course.from).await
        };
        format!("{why}; the connector {how}")
    }

    async fn bring_back(&mut self, back: Target) -> String {
        if back != Target::Stopped
            && let Err(error) = self.bring(back).await
        {
            return format!("is stopped, and cannot be brought back: {error}");
        }
        match self.wait(back, STEADY, &[]).await {
            Ok(None) => {
                // A run that was killed may have stopped it.
                self.is_clean = self.state() == Some(back);
                format!("is {} as before", back.name())
            }
            Ok(Some(failed)) => format!("runs again, and {}", failures(&failed)),
            Err(error) => format!("was brought back to its state, but {error}"),
        }
    }

    async fn note(&self, step: &OffsetStep, course: Course, done: bool) -> Result<(), String> {
        let note = json!({ "step": mark(step), "done": done, "state": course.from });
        let note = Document::from(json!({ "offsets": note }));
        let noted = self.context.note(&self.operation.address, note).await;
        noted.map_err(|error| error.to_string())
    }

    async fn offsets(&self) -> Result<Vec<Position>, String> {
        let offsets = self.client.offsets(self.name()).await;
        let offsets = offsets.map_err(|error| told(&error))?;
        Ok(positions(offsets.unwrap_or_default()))
    }

    /// Waits until a connector is as it is to be, and restarts what fails meanwhile. What was failed `before` a
    /// change of its configuration may be mended by that: only what still is a while later is restarted.
    async fn settle(
        &mut self,
        spec: &ConnectorSpec,
        target: Target,
        steady: Duration,
        mut before: Vec<Failed>,
    ) -> Result<(), String> {
        let policy = spec.restarts();
        let mut attempt = 0;
        loop {
            let Some(failed) = self.wait(target, steady, &before).await? else {
                return Ok(());
            };
            if attempt == policy.max_attempts {
                return Err(still_failed(&failed, attempt));
            }
            let pause = policy.pause(attempt);
            attempt += 1;
            self.progress(format!(
                "{} failed; attempt {attempt} of {} to restart{}",
                subjects(&failed),
                policy.max_attempts,
                if pause.is_zero() {
                    String::new()
                } else {
                    format!(" in {} s", pause.as_secs_f32())
                }
            ));
            tokio::time::sleep(pause).await;
            let restarted = self.client.restart(self.name(), true).await;
            self.step(restarted)?;
            before = failed;
        }
    }

    /// Waits until a state was reached and lasts; returns what failed instead. What failed `before` a
    /// restart or a change is shown for a while after it, of some tasks longer than of others.
    async fn wait(
        &mut self,
        target: Target,
        steady: Duration,
        before: &[Failed],
    ) -> Result<Option<Vec<Failed>>, String> {
        let start = Instant::now();
        let deadline = start + self.client.ready();
        let mut pause = PAUSES.0;
        let mut since = None;
        loop {
            let status = self.status().await?;
            let now = Instant::now();
            let (reached, missing) = match way(status.as_ref(), target) {
                Way::There { with_tasks } => {
                    let needed = if with_tasks {
                        steady
                    } else {
                        steady.max(WITHOUT_TASKS)
                    };
                    (Some(needed), "it has no tasks".to_owned())
                }
                Way::Failed(failed)
                    if now < start + STALE
                        && failed.iter().all(|failed| before.contains(failed)) =>
                {
                    (None, "it shows what failed before".to_owned())
                }
                Way::Failed(failed) => return Ok(Some(failed)),
                Way::Under(missing) => (None, missing),
            };
            match reached {
                Some(needed) => {
                    let began = *since.get_or_insert(now);
                    if now.duration_since(began) >= needed {
                        return Ok(None);
                    }
                }
                None => since = None,
            }
            if now > deadline {
                return Err(format!(
                    "it is not {} after {} s: {missing}",
                    target.name(),
                    self.client.ready().as_secs()
                ));
            }
            tokio::time::sleep(pause.min(steady)).await;
            pause = (pause * 3 / 2).min(PAUSES.1);
        }
    }

    /// Reads the connector: a success that changed nothing is a failure.
    async fn read_back(&mut self, spec: &ConnectorSpec) -> Result<ConnectorLive, String> {
        let unread = |error: &ConnectError| format!("it cannot be read back: {}", told(error));
        let info = self.client.info(self.name()).await;
        let info = info.map_err(|error| unread(&error))?;
        let status = self.board.status(self.name()).await;
        let status = status.map_err(|error| unread(&error))?;
        let wanted = Wanted {
            remote_id: self.operation.remote_id.clone(),
            specs: vec![spec.clone()],
            owned: true,
            unwanted: false,
            outcome: None,
            notes: None,
        };
        let secrets = self.resolved.secrets.iter();
        let sent = Sent {
            secrets: secrets
                .filter_map(|(key, secret)| {
                    Some((key.clone(), self.sent_digest(spec, key, secret)?))
                })
                .collect(),
        };
        let found = connect::Connector { info, status };
        let mut live = look::live(&wanted, &found, &sent, &mut Known::new(self.secrets))
            .ok_or("Kafka Connect took the change, but the connector is not there")?;
        let history = std::slice::from_ref(spec);
        // What failed since it ran is for the next look.
        let left = diff::diff(spec, history, &live)
            .into_iter()
            .find(|delta| !delta.path.starts_with(HEALTH) && self.sets(&delta.path));
        if let Some(left) = left {
            return Err(format!(
                "Kafka Connect took the change, but {} is {}, not {}",
                left.path, left.before, left.after
            ));
        }
        live.digests = sent.secrets;
        for failed in &mut live.failed {
            failed.reason = self.resolved.redacted(&failed.reason);
        }
        Ok(live)
    }

    /// Returns what is remembered of a secret: of one that differs and is ignored, what was remembered before.
    fn sent_digest(&self, spec: &ConnectorSpec, key: &str, secret: &str) -> Option<String> {
        let live = self.operation.live.as_ref();
        let differs = live
            .and_then(|live| live.settings.get(key))
            .is_some_and(|shown| {
                matches!(shown, Shown::Secret(Standing::Stale | Standing::Foreign))
            });
        if differs && !self.sets(&spec.path(key)) {
            return live?.digests.get(key).cloned();
        }
        Some(digest(self.name(), key, secret))
    }
}

/// The states that a connector goes between.
#[derive(Debug, Clone, Copy)]
struct Course {
    /// The one that it had.
    from: Target,
    /// The one that it is to have: what the block says, unless that is ignored.
    to: Target,
}

/// Whether a key is set to a secret that is not known to be the one that its reference gives.
fn is_other_secret(shown: &Shown) -> bool {
    matches!(shown, Shown::Secret(standing) if *standing != Standing::Current)
}

/// Returns an error in words, with what to do.
fn told(error: &ConnectError) -> String {
    match error.hint() {
        Some(hint) => format!("{error}; {hint}"),
        None if error.is_inner() => format!(
            "{error}; plugins answer so where they cannot reach their own system, such as a database"
        ),
        None => error.to_string(),
    }
}

fn subjects(failed: &[Failed]) -> String {
    let subjects: Vec<String> = failed.iter().map(Failed::subject).collect();
    subjects.join(", ")
}

fn failures(failed: &[Failed]) -> String {
    let each = failed
        .iter()
        .map(|failed| format!("{} is FAILED: {}", failed.subject(), failed.reason));
    each.collect::<Vec<_>>().join("; ")
}

fn still_failed(failed: &[Failed], attempts: u32) -> String {
    let times = match attempts {
        1 => "once".to_owned(),
        attempts => format!("{attempts} times"),
    };
    format!("{}; restarted {times}", failures(failed))
}

/// Returns positions in the kind's own type.
pub(super) fn positions(found: Vec<connect::Position>) -> Vec<Position> {
    let own = found.into_iter().map(|position| Position {
        partition: position.partition,
        offset: position.offset,
    });
    own.collect()
}

fn sent(position: &Position) -> connect::Position {
    connect::Position {
        partition: position.partition.clone(),
        offset: position.offset.clone(),
    }
}
