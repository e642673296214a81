//! Looks at how jobs do (I/O): one request for all, and some for each that runs.

use tokio::task::JoinSet;

use crate::clients::flink::{Checkpointing, Checkpoints, Client, FlinkError, Job as FlinkJob};
use crate::kinds::driver::{DriverError, Wanted};
use crate::kinds::job::health::{CheckpointVitals, JobVitals};
use crate::kinds::job::memory::Step;
use crate::kinds::job::{Job, LiveState};

use super::engine::Phase;
use super::{JobDriver, Jobs, flink};

/// Reads how jobs do; nothing for one that the engine does not know.
pub(super) async fn read(
    driver: &JobDriver,
    wanted: Vec<Wanted<Job>>,
) -> Result<Vec<Option<JobVitals>>, DriverError> {
    let jobs = Jobs::list(driver).await?;
    let mut all: Vec<Option<JobVitals>> = wanted.iter().map(|_| None).collect();
    let mut running = JoinSet::new();
    for (index, wanted) in wanted.iter().enumerate() {
        let (outcome, notes) = (wanted.outcome.as_ref(), wanted.notes.as_ref());
        let (memory, step) = JobDriver::recall(&wanted.remote_id, outcome, notes)?;
        let begun = match &step {
            Some(Step::Starting { run, .. }) => Some(run.id.clone()),
            _ => None,
        };
        let Some(live) = jobs.live(&wanted.remote_id, memory, step, wanted.owned) else {
            continue;
        };
        let id = begun.or_else(|| live.memory.run.map(|run| run.id));
        let Some(id) = id.filter(|_| live.state != LiveState::Missing) else {
            continue;
        };
        let client = driver.engine.client().clone();
        running.spawn(async move { (index, look(&client, &id).await) });
    }
    while let Some(ended) = running.join_next().await {
        match ended {
            Ok((index, Ok(vitals))) => all[index] = vitals,
            Ok((_, Err(error))) => return Err(driver.error(&error)),
            // A panic is the driver's own: whoever spawned it tells of it.
            Err(panic) => std::panic::resume_unwind(panic.into_panic()),
        }
    }
    Ok(all)
}

async fn look(client: &Client, id: &str) -> Result<Option<JobVitals>, FlinkError> {
    let Some(job) = client.job(id).await? else {
        return Ok(None);
    };
    let (checkpoints, checkpointing, restarts) = tokio::try_join!(
        client.checkpoints(id),
        client.checkpointing(id),
        client.restarts(id),
    )?;
    let restarts = restarts.unwrap_or(0);
    let active = flink::phase(&job.state) == Phase::Active;
    // Of a job that runs as it was started there is no failure to be told.
    let cause = if active && restarts == 0 && job.state == "RUNNING" {
        None
    } else {
        client.last_exception(id).await?
    };
    let is_running = |status: &str| status == "RUNNING";
    let running = job.vertices.iter();
    let running = running.filter(|vertex| is_running(&vertex.status)).count();
    Ok(Some(JobVitals {
        active,
        parts: u64::try_from(job.vertices.len()).unwrap_or(u64::MAX),
        running: u64::try_from(running).unwrap_or(u64::MAX),
        restarts,
        checkpoints: checkpoint_vitals(&job, checkpoints.as_ref(), checkpointing),
        cause,
        state: job.state,
    }))
}

fn checkpoint_vitals(
    job: &FlinkJob,
    checkpoints: Option<&Checkpoints>,
    checkpointing: Option<Checkpointing>,
) -> Option<CheckpointVitals> {
    let checkpoints = checkpoints?;
    let newest = checkpoints.latest.completed.as_ref();
    let interval = checkpointing.map(|found| found.interval);
    Some(CheckpointVitals {
        completed: checkpoints.counts.completed,
        failed: checkpoints.counts.failed,
        age_ms: newest.and_then(|found| u64::try_from(job.now - found.trigger_timestamp).ok()),
        interval_ms: interval
            .filter(|interval| *interval != i64::MAX)
            .and_then(|interval| u64::try_from(interval).ok()),
    })
}
