//! Looks at how jobs do (I/O): one request for all, and some for each that runs.

use crate::clients::flink::{Checkpointing, Checkpoints, Client, FlinkError, Job as FlinkJob};
use crate::kinds::driver::{DriverError, Wanted, at_once};
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
    let mut asked = Vec::with_capacity(wanted.len());
    for wanted in &wanted {
        let (outcome, notes) = (wanted.outcome.as_ref(), wanted.notes.as_ref());
        let (memory, step) = JobDriver::recall(&wanted.remote_id, outcome, notes)?;
        let begun = match &step {
            Some(Step::Starting { run, .. }) => Some(run.id.clone()),
            _ => None,
        };
        let live = jobs.live(&wanted.remote_id, memory, step, wanted.owned);
        let live = live.filter(|live| live.state != LiveState::Missing);
        asked.push(live.and_then(|live| begun.or(live.memory.run.map(|run| run.id))));
    }
    let looks = at_once(asked.into_iter().map(|id| {
        let client = driver.engine.client().clone();
        async move {
            match id {
                Some(id) => look(&client, &id).await,
                None => Ok(None),
            }
        }
    }));
    let looks = looks.await.into_iter();
    looks
        .map(|look| look.map_err(|error| driver.error(&error)))
        .collect()
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
    Ok(Some(JobVitals {
        active,
        parts: u64::try_from(job.vertices.len()).unwrap_or(u64::MAX),
        running: u64::try_from(job.running()).unwrap_or(u64::MAX),
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
    // Flink counts checkpoints of every job, of one that begins none by itself, too.
    let checkpointing = checkpointing.filter(Checkpointing::has_any)?;
    let checkpoints = checkpoints?;
    let newest = checkpoints.latest.completed.as_ref();
    Some(CheckpointVitals {
        completed: checkpoints.counts.completed,
        failed: checkpoints.counts.failed,
        age_ms: newest.and_then(|found| u64::try_from(job.now - found.trigger_timestamp).ok()),
        interval_ms: u64::try_from(checkpointing.interval).ok(),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn checkpoints_are_told_of_where_some_are_begun_by_themselves() {
        let job = serde_json::from_value(json!({ "name": "a", "state": "RUNNING", "now": 9_000 }));
        let job: FlinkJob = job.expect("an answer");
        let counted = serde_json::from_value(json!({
            "counts": { "completed": 2, "failed": 1 },
            "latest": { "completed": { "id": 2, "trigger_timestamp": 8_000 } }
        }));
        let counted: Checkpoints = counted.expect("an answer");
        let vitals = |interval: i64| {
            let every = serde_json::from_value(json!({
                "interval": interval,
                "externalization": { "enabled": false, "delete_on_cancellation": true }
            }));
            checkpoint_vitals(&job, Some(&counted), Some(every.expect("an answer")))
        };
        let expected = CheckpointVitals {
            completed: 2,
            failed: 1,
            age_ms: Some(1_000),
            interval_ms: Some(500),
        };
        assert_eq!(vitals(500), Some(expected));
        assert_eq!(vitals(i64::MAX), None);
        assert_eq!(checkpoint_vitals(&job, Some(&counted), None), None);
    }
}
