//! Jobs on a Flink cluster: jars through the `JobManager`, SQL through the gateway (I/O).

mod explained;
mod jar;
mod left;
mod sql;

use std::collections::BTreeSet;
use std::time::Duration;

use crate::clients::ProjectFiles;
use crate::clients::flink::{
    Bounds, Checkpointing, Checkpoints, Client, FlinkError, Job, Requirement, Requirements,
    Retention, Triggered,
};
use crate::kinds::job::memory::{Run, Version, trigger};
use crate::kinds::job::program::Program;
use crate::kinds::quantity::count;

use super::engine::{Asked, Engine, EngineError, Graph, Look, Phase, Ready, Source, Stopping};

use left::Folders;

/// The longest that an answer of Flink's is outwaited. The default of `web.refresh-interval` is 3 s.
const LONGEST_OLD_ANSWER: Duration = Duration::from_secs(30);

/// One Flink cluster.
#[derive(Debug, Clone)]
pub(super) struct Flink {
    client: Client,
    files: ProjectFiles,
}

/// A version in Flink's form.
#[derive(Debug)]
pub(super) enum Prepared {
    /// A jar that was uploaded.
    Jar(jar::Jar),
    /// A session in which all was said but the statement that becomes the job.
    Sql(sql::Sql),
}

impl Flink {
    pub(super) fn new(client: Client, files: ProjectFiles) -> Self {
        Self { client, files }
    }

    pub(super) fn client(&self) -> &Client {
        &self.client
    }

    /// Returns the graph of a job that runs, by the ids that state is mapped by.
    async fn graph(&self, id: &str) -> Asked<Option<Graph>> {
        let job = self.client.job(id).await.map_err(error)?;
        Ok(job.map(|job| Graph {
            slots: slots(widths(&job)),
            parts: job
                .vertices
                .into_iter()
                .map(|vertex| (vertex.id, vertex.name))
                .collect(),
        }))
    }

    /// Returns what a job left that the cluster does not know.
    async fn forgotten(&self, run: &Run, savepoints: Option<&str>) -> Asked<Source> {
        let cluster = self.client.settings().await.map_err(error)?;
        let folders = Folders::of(run, savepoints, &cluster);
        let id = run.id.clone();
        let looking = tokio::task::spawn_blocking(move || folders.source(&id));
        // Looking panics nowhere; and nothing found is what is told then.
        Ok(looking.await.unwrap_or_default())
    }

    /// Waits until no answer about a job that has ended is from before its end: its last checkpoint or savepoint
    /// would be missing.
    async fn outwait_old_answers(&self, id: &str) -> Asked<()> {
        let (config, job) =
            tokio::try_join!(self.client.config(), self.client.job(id)).map_err(error)?;
        let longest = u64::try_from(config.refresh_interval).unwrap_or(0);
        let longest = Duration::from_millis(longest).min(LONGEST_OLD_ANSWER);
        // Where even this answer is from before its end, it ended just now.
        let ended = job.filter(|job| phase(&job.state) != Phase::Active);
        let since = ended.and_then(|job| u64::try_from(job.now - job.end_time).ok());
        let since = Duration::from_millis(since.unwrap_or(0));
        tokio::time::sleep(longest.saturating_sub(since)).await;
        Ok(())
    }

    /// Returns how many tasks a job's part has and is to have, where it has fewer: the adaptive scheduler lets a job
    /// run with what there is.
    async fn short_of(&self, job: &Job, id: &str) -> Asked<Option<(u32, u32)>> {
        let runs = job.running() == job.vertices.len();
        if job.scheduler_type.as_deref() != Some("Adaptive") || !runs {
            return Ok(None);
        }
        let wanted = self.client.requirements(id).await.map_err(error)?;
        Ok(short_of(job, &wanted))
    }
}

impl Engine for Flink {
    type Prepared = Prepared;

    async fn prepare(&self, name: &str, version: &Version) -> Asked<Ready<Prepared>> {
        match &version.program {
            Program::FlinkJar(program) => self.prepare_jar(name, program, version).await,
            Program::FlinkSql(program) => self.prepare_sql(name, program, version).await,
        }
    }

    async fn discard(&self, prepared: Prepared) {
        match prepared {
            Prepared::Jar(_) => {}
            Prepared::Sql(sql) => sql.close().await,
        }
    }

    async fn preview(
        &self,
        name: &str,
        version: &Version,
        instead: Option<&str>,
    ) -> Asked<Option<(Graph, Graph)>> {
        match &version.program {
            Program::FlinkJar(program) => self.preview_jar(name, program, instead).await,
            Program::FlinkSql(program) => self.preview_sql(name, program, version, instead).await,
        }
    }

    async fn room(&self, graph: &Graph, instead: Option<&str>) -> Asked<Option<String>> {
        let (overview, settings) =
            tokio::try_join!(self.client.overview(), self.client.settings()).map_err(error)?;
        // A cluster that gets slots when it needs them has as many as it wants.
        let target = settings.get("execution.target");
        let grows = settings.contains_key("kubernetes.cluster-id")
            || target.is_some_and(|target| {
                target.starts_with("kubernetes-") || target.starts_with("yarn-")
            });
        if grows || overview.slots_total == 0 {
            return Ok(None);
        }
        let freed = match instead {
            Some(id) => self.graph(id).await?.map_or(0, |graph| graph.slots),
            None => 0,
        };
        if graph.slots <= overview.slots_available + freed {
            return Ok(None);
        }
        Ok(Some(format!(
            "it needs {}, and the cluster has {} of {} free{}",
            count(graph.slots.into(), "slot"),
            overview.slots_available,
            overview.slots_total,
            if freed > 0 {
                format!(", {freed} more once the version that runs is stopped")
            } else {
                String::new()
            }
        )))
    }

    async fn start(&self, prepared: &Prepared, run: &Run, may_drop_state: bool) -> Asked<()> {
        match prepared {
            Prepared::Jar(jar) => self.start_jar(jar, run, may_drop_state).await,
            Prepared::Sql(sql) => sql.start(run, may_drop_state).await,
        }
    }

    async fn phase(&self, id: &str) -> Asked<Option<Phase>> {
        let state = self.client.job_state(id).await.map_err(error)?;
        Ok(state.map(|state| phase(&state)))
    }

    async fn look(&self, id: &str) -> Asked<Option<Look>> {
        let Some(job) = self.client.job(id).await.map_err(error)? else {
            return Ok(None);
        };
        let (checkpoints, checkpointing, restarts, cause) = tokio::try_join!(
            self.client.checkpoints(id),
            self.client.checkpointing(id),
            self.client.restarts(id),
            self.client.last_exception(id),
        )
        .map_err(error)?;
        Ok(Some(Look {
            short_of: self.short_of(&job, id).await?,
            restarts: restarts.unwrap_or(0).max(u64::from(is_restarting(&job))),
            cause,
            ..look(&job, id, checkpoints.as_ref(), checkpointing)
        }))
    }

    async fn stop(&self, id: &str, trigger: &str, directory: Option<&str>) -> Asked<()> {
        self.client
            .stop(id, trigger, directory)
            .await
            .map_err(error)
    }

    async fn stopping(&self, id: &str, trigger: &str) -> Asked<Stopping> {
        Ok(
            match self.client.savepoint(id, trigger).await.map_err(error)? {
                None => Stopping::Unknown,
                Some(Triggered::InProgress) => Stopping::InProgress,
                Some(Triggered::Done(Some(path))) => Stopping::Done(path),
                Some(Triggered::Done(None)) => Stopping::Failed("it names no savepoint".into()),
                Some(Triggered::Failed(why)) => Stopping::Failed(why),
            },
        )
    }

    async fn cancel(&self, id: &str) -> Asked<()> {
        self.client.cancel(id).await.map_err(error)
    }

    async fn retained(&self, id: &str) -> Asked<Result<bool, String>> {
        let (found, checkpoints) =
            tokio::try_join!(self.client.checkpointing(id), self.client.checkpoints(id))
                .map_err(error)?;
        let Some(found) = found.filter(Checkpointing::has_any) else {
            return Ok(Err("it makes no checkpoints".to_owned()));
        };
        if !found.externalization.outlives_cancellation() {
            return Ok(Err(
                "its checkpoints are deleted when it is cancelled, since \
                 execution.checkpointing.externalized-checkpoint-retention is not RETAIN_ON_CANCELLATION"
                    .to_owned(),
            ));
        }
        let Some(newest) = checkpoints.and_then(|found| found.latest.completed) else {
            return Ok(Ok(false));
        };
        Ok(match newest.place() {
            Some(_) => Ok(true),
            None => Err(
                "its checkpoints are in the JobManager's memory, since execution.checkpointing.dir is not set"
                    .to_owned(),
            ),
        })
    }

    async fn source(&self, run: &Run, savepoints: Option<&str>) -> Asked<Source> {
        let id = &run.id;
        let Some(phase) = self.phase(id).await? else {
            return self.forgotten(run, savepoints).await;
        };
        let outlives = match phase {
            // Retained checkpoints outlive a failure in any case.
            Phase::Failed => |kept: Retention| kept.enabled,
            Phase::Canceled => |kept: Retention| kept.outlives_cancellation(),
            // Of what came to its end or was stopped only savepoints are left.
            Phase::Finished => |_| false,
            Phase::Active => return Ok(Source::default()),
        };
        self.outwait_old_answers(id).await?;
        let (found, checkpoints) =
            tokio::try_join!(self.client.checkpointing(id), self.client.checkpoints(id))
                .map_err(error)?;
        let kept = found.is_some_and(|found| outlives(found.externalization));
        let newest = checkpoints.and_then(|checkpoints| newest(checkpoints, kept));
        Ok(newest.into())
    }

    async fn rescales(&self) -> Asked<bool> {
        let config = self.client.config().await.map_err(error)?;
        Ok(config.features.web_rescale)
    }

    async fn parts_of(&self, id: &str, tasks: u32) -> Asked<BTreeSet<String>> {
        let wanted = self.client.requirements(id).await.map_err(error)?;
        let parts = wanted.into_iter();
        let parts = parts.filter(|(_, wanted)| wanted.parallelism.upper_bound == tasks);
        Ok(parts.map(|(part, _)| part).collect())
    }

    async fn rescale(&self, id: &str, parts: &BTreeSet<String>, to: u32) -> Asked<()> {
        let mut wanted = self.client.requirements(id).await.map_err(error)?;
        for (part, Requirement { parallelism }) in &mut wanted {
            if parts.contains(part) {
                *parallelism = Bounds {
                    lower_bound: parallelism.lower_bound.min(to),
                    upper_bound: to,
                };
            }
        }
        self.client.require(id, &wanted).await.map_err(error)
    }

    async fn dispose(&self, path: &str) -> Asked<()> {
        let trigger = trigger(path, "disposal");
        self.client.dispose(path, &trigger).await.map_err(error)?;
        loop {
            match self.client.disposal(&trigger).await.map_err(error)? {
                Some(Triggered::InProgress) => {
                    tokio::time::sleep(Duration::from_millis(200)).await;
                }
                Some(Triggered::Failed(why))
                    if !why.contains("FileNotFound") && !why.contains("Cannot find") =>
                {
                    return Err(EngineError::Refused(why));
                }
                _ => return Ok(()),
            }
        }
    }

    async fn release(&self, version: &Version) -> Asked<()> {
        if let (Program::FlinkJar(_), Some(jar)) = (&version.program, version.kept.first()) {
            self.client.delete_jar(jar).await.map_err(error)?;
        }
        Ok(())
    }

    fn command(&self, version: &Version, from: Option<&str>) -> String {
        match &version.program {
            Program::FlinkJar(jar) => jar::command(jar, from),
            Program::FlinkSql(_) => sql::command(from),
        }
    }
}

/// Returns what a failed call means for what was asked.
#[expect(clippy::needless_pass_by_value, reason = "it is what map_err gives")]
fn error(error: FlinkError) -> EngineError {
    match &error {
        _ if error.is_duplicate() => EngineError::Duplicate(error.words()),
        FlinkError::Refused { message, .. } if !error.is_away() => {
            EngineError::Refused(message.clone())
        }
        _ => EngineError::Away(error.to_string()),
    }
}

/// Returns how a job is by Flink's word for it.
pub(super) fn phase(state: &str) -> Phase {
    match state {
        "FAILED" => Phase::Failed,
        "CANCELED" => Phase::Canceled,
        "FINISHED" => Phase::Finished,
        _ => Phase::Active,
    }
}

/// All operators of a job share slots, so that it takes as many as its widest one has tasks.
fn slots(widths: impl Iterator<Item = u32>) -> u32 {
    widths.max().unwrap_or(0)
}

/// Returns how many tasks each part of a job has.
fn widths(job: &Job) -> impl Iterator<Item = u32> {
    job.vertices.iter().map(|vertex| vertex.parallelism)
}

/// Returns what a job's vertices and checkpoints tell.
fn look(
    job: &Job,
    id: &str,
    checkpoints: Option<&Checkpoints>,
    checkpointing: Option<Checkpointing>,
) -> Look {
    let restored = checkpoints.and_then(|found| found.latest.restored.as_ref());
    let restored = restored.and_then(|restored| restored.external_path.clone());
    // A JobManager that took the job over counts from 0. Checkpoints are in a folder with their job's id.
    let own = format!("/{id}/");
    let is_own = restored.as_ref().is_some_and(|path| path.contains(&own));
    // Flink counts those of any job, of one that begins none by itself as well.
    let makes_any = checkpointing.is_some_and(|found| found.has_any());
    let counted = checkpoints.filter(|_| makes_any);
    Look {
        phase: phase(&job.state),
        word: job.state.clone(),
        parts: job.vertices.len(),
        running: job.running(),
        tasks: job
            .vertices
            .iter()
            .map(|part| (part.id.clone(), part.parallelism))
            .collect(),
        short_of: None,
        restarts: 0,
        checkpoints: counted.map(|found| found.counts.completed),
        resumed: is_own,
        has_own: is_own || checkpoints.is_some_and(|found| found.counts.completed > 0),
        restored,
        cause: None,
    }
}

/// Returns how many tasks a part has and is to have that runs with fewer. One that is finished needs no more.
fn short_of(job: &Job, wanted: &Requirements) -> Option<(u32, u32)> {
    let running = job.vertices.iter().filter(|part| part.status == "RUNNING");
    let short = running.filter_map(|part| {
        let most = wanted.get(&part.id)?.parallelism.upper_bound;
        (part.parallelism < most).then_some((part.parallelism, most))
    });
    short.max_by_key(|(_, most)| *most)
}

/// Whether a job is on its way to a restart that is not counted yet.
fn is_restarting(job: &Job) -> bool {
    matches!(job.state.as_str(), "RESTARTING" | "FAILING")
}

/// Returns where the newest state is: a savepoint, or a checkpoint where those are kept.
fn newest(checkpoints: Checkpoints, kept: bool) -> Option<String> {
    let latest = checkpoints.latest;
    let checkpoint = latest.completed.filter(|found| kept && !found.discarded);
    let found = [checkpoint, latest.savepoint].into_iter().flatten();
    found.max_by_key(|found| found.id)?.place()
}

#[cfg(test)]
mod tests {
    use serde::de::DeserializeOwned;
    use serde_json::{Value as Json, json};

    use super::*;

    /// Reads an answer as Flink 2.3 gives it.
    fn answer<T: DeserializeOwned>(answer: Json) -> T {
        serde_json::from_value(answer).expect("an answer")
    }

    fn job(vertices: &[(u32, &str)]) -> Job {
        let vertices: Vec<Json> = vertices
            .iter()
            .map(|(parallelism, status)| {
                json!({ "id": status, "name": "a", "parallelism": parallelism, "status": status })
            })
            .collect();
        answer(json!({ "name": "a", "state": "RUNNING", "vertices": vertices }))
    }

    #[test]
    fn state_is_a_jobs_own_that_it_completed_or_was_restored_from_again() {
        let has_own = |completed: u64, restored: &str| {
            let checkpoints: Checkpoints = answer(json!({
                "counts": { "completed": completed },
                "latest": { "restored": { "id": 4, "external_path": restored } }
            }));
            look(&job(&[]), "0b", Some(&checkpoints), None).has_own
        };
        assert!(!has_own(0, "file:/savepoints/savepoint-0a-1"));
        assert!(!has_own(0, "file:/checkpoints/0a/chk-7"));
        assert!(has_own(0, "file:/checkpoints/0b/chk-7"));
        assert!(has_own(1, "file:/savepoints/savepoint-0a-1"));
        assert!(!look(&job(&[]), "0b", None, None).has_own);
    }

    #[test]
    fn a_part_whose_input_has_ended_is_as_it_should_be() {
        let running = |statuses: &[&str]| {
            let vertices: Vec<(u32, &str)> = statuses.iter().map(|status| (1, *status)).collect();
            let look = look(&job(&vertices), "0b", None, None);
            (look.running, look.parts)
        };
        assert_eq!(running(&["FINISHED", "RUNNING", "RUNNING"]), (3, 3));
        assert_eq!(running(&["FINISHED", "RUNNING", "INITIALIZING"]), (2, 3));
        // Of a job that is at its end nothing runs.
        assert_eq!(running(&["FINISHED", "FINISHED"]), (0, 2));
        assert_eq!(running(&["FINISHED", "CREATED"]), (0, 2));
        assert_eq!(running(&[]), (0, 0));
    }

    #[test]
    fn a_part_that_is_finished_is_short_of_nothing() {
        let wanted: Requirements = answer(json!({
            "FINISHED": { "parallelism": { "lowerBound": 1, "upperBound": 9 } },
            "RUNNING": { "parallelism": { "lowerBound": 1, "upperBound": 4 } }
        }));
        let short = |tasks| short_of(&job(&[(1, "FINISHED"), (tasks, "RUNNING")]), &wanted);
        assert_eq!(short(2), Some((2, 4)));
        assert_eq!(short(4), None);
    }

    #[test]
    fn checkpoints_count_where_some_are_begun_by_themselves() {
        // As without an interval: the counts are there all the same, and savepoints are among them.
        let counted: Checkpoints = answer(json!({
            "counts": { "restored": 1, "completed": 2, "failed": 0 },
            "latest": { "restored": { "id": 4, "is_savepoint": true, "external_path": "file:/a" } }
        }));
        let every = |interval: i64| -> Checkpointing {
            answer(json!({
                "interval": interval,
                "externalization": { "enabled": false, "delete_on_cancellation": true }
            }))
        };
        for (checkpointing, expected) in [
            (Some(every(500)), Some(2)),
            (Some(every(i64::MAX)), None),
            (None, None),
        ] {
            let look = look(&job(&[(1, "RUNNING")]), "0b", Some(&counted), checkpointing);
            assert_eq!(look.checkpoints, expected);
            // What it was restored from is told in any case.
            assert_eq!(look.restored.as_deref(), Some("file:/a"));
        }
    }
}
