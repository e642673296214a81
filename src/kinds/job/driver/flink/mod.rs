//! Jobs on a Flink cluster: jars through the `JobManager`, SQL through the gateway (I/O).

mod jar;
mod sql;

use crate::clients::ProjectFiles;
use crate::clients::flink::{Bounds, Checkpoints, Client, FlinkError, Job, Requirement, Triggered};
use crate::kinds::job::memory::{Run, Version, trigger};
use crate::kinds::job::program::Program;

use super::engine::{Asked, Engine, EngineError, Graph, Look, Phase, Ready, Stopping};

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
}

impl Engine for Flink {
    type Prepared = Prepared;

    async fn prepare(&self, name: &str, version: &Version) -> Asked<Ready<Prepared>> {
        match &version.program {
            Program::FlinkJar(program) => self.prepare_jar(name, program, version).await,
            Program::FlinkSql(program) => self.prepare_sql(name, program, version).await,
        }
    }

    async fn room(&self, graph: &Graph, instead: Option<&str>) -> Asked<Option<String>> {
        let (overview, config) =
            tokio::try_join!(self.client.overview(), self.client.config()).map_err(error)?;
        // The adaptive scheduler makes do with what there is; a cluster without any slot gets them when it
        // needs them, as on Kubernetes and YARN.
        if config.features.web_rescale || overview.slots_total == 0 {
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
            "it needs {} slots, and the cluster has {} of {} free{}",
            graph.slots,
            overview.slots_available,
            overview.slots_total,
            if freed > 0 {
                format!(", {freed} more once the version that runs is stopped")
            } else {
                String::new()
            }
        )))
    }

    async fn graph(&self, id: &str) -> Asked<Option<Graph>> {
        let job = self.client.job(id).await.map_err(error)?;
        Ok(job.map(|job| Graph {
            slots: slots(&job),
            parts: job
                .vertices
                .into_iter()
                .map(|vertex| (vertex.id, vertex.name))
                .collect(),
        }))
    }

    async fn start(&self, prepared: &Prepared, run: &Run, may_drop_state: bool) -> Asked<()> {
        match prepared {
            Prepared::Jar(jar) => self.start_jar(jar, run, may_drop_state).await,
            Prepared::Sql(sql) => sql.start(run, may_drop_state).await,
        }
    }

    async fn phase(&self, id: &str) -> Asked<Option<Phase>> {
        let job = self.client.job(id).await.map_err(error)?;
        Ok(job.map(|job| phase(&job.state)))
    }

    async fn look(&self, id: &str) -> Asked<Option<Look>> {
        let Some(job) = self.client.job(id).await.map_err(error)? else {
            return Ok(None);
        };
        let (checkpoints, restarts, cause) = tokio::try_join!(
            self.client.checkpoints(id),
            self.client.restarts(id),
            self.client.last_exception(id),
        )
        .map_err(error)?;
        Ok(Some(look(&job, checkpoints.as_ref(), restarts, cause)))
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

    async fn keeps_checkpoints(&self, id: &str) -> Asked<bool> {
        let found = self.client.checkpointing(id).await.map_err(error)?;
        Ok(found.is_some_and(|found| {
            let kept = found.externalization;
            kept.enabled && !kept.delete_on_cancellation
        }))
    }

    async fn source(&self, id: &str) -> Asked<Option<String>> {
        let (job, checkpoints) =
            tokio::try_join!(self.client.job(id), self.client.checkpoints(id)).map_err(error)?;
        let (Some(job), Some(checkpoints)) = (job, checkpoints) else {
            return Ok(None);
        };
        let kept = match phase(&job.state) {
            // Retained checkpoints outlive a failure in any case.
            Phase::Failed => self
                .client
                .checkpointing(id)
                .await
                .map_err(error)?
                .is_some_and(|found| found.externalization.enabled),
            Phase::Canceled => self.keeps_checkpoints(id).await?,
            // Of what came to its end or was stopped only savepoints are left.
            Phase::Finished => false,
            Phase::Active => return Ok(None),
        };
        Ok(newest(checkpoints, kept))
    }

    async fn rescales(&self) -> Asked<bool> {
        let config = self.client.config().await.map_err(error)?;
        Ok(config.features.web_rescale)
    }

    async fn rescale(&self, id: &str, from: u32, to: u32) -> Asked<()> {
        let mut wanted = self.client.requirements(id).await.map_err(error)?;
        for Requirement { parallelism } in wanted.values_mut() {
            // What has a number of tasks of its own keeps it.
            if parallelism.upper_bound == from {
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
                    tokio::time::sleep(std::time::Duration::from_millis(200)).await;
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
fn slots(job: &Job) -> u32 {
    let widths = job.vertices.iter().map(|vertex| vertex.parallelism);
    widths.max().unwrap_or(0)
}

fn look(
    job: &Job,
    checkpoints: Option<&Checkpoints>,
    restarts: Option<u64>,
    cause: Option<String>,
) -> Look {
    let restored = checkpoints.and_then(|found| found.latest.restored.as_ref());
    let is_restarting = matches!(job.state.as_str(), "RESTARTING" | "FAILING");
    Look {
        phase: phase(&job.state),
        word: job.state.clone(),
        parts: job.vertices.len(),
        running: job
            .vertices
            .iter()
            .filter(|vertex| vertex.status == "RUNNING")
            .count(),
        parallelism: slots(job),
        restarts: restarts.unwrap_or(0).max(u64::from(is_restarting)),
        checkpoints: checkpoints.map(|found| found.counts.completed),
        restored: restored.and_then(|restored| restored.external_path.clone()),
        cause,
    }
}

/// Returns where the newest state is: a savepoint, or a checkpoint where those are kept.
fn newest(checkpoints: Checkpoints, kept: bool) -> Option<String> {
    let latest = checkpoints.latest;
    let checkpoint = latest.completed.filter(|found| kept && !found.discarded);
    [checkpoint, latest.savepoint]
        .into_iter()
        .flatten()
        .max_by_key(|found| found.id)?
        .external_path
        // Flink says "<checkpoint-not-externally-addressable>" of one in memory.
        .filter(|path| !path.starts_with('<'))
}
