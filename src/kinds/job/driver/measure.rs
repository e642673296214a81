//! Answers what the checks ask about changes of jobs (I/O).

use crate::kinds::Action;
use crate::kinds::driver::{DriverError, Question, at_once};
use crate::kinds::job::memory::Version;
use crate::kinds::job::spec::WantedState;
use crate::kinds::job::{GraphChange, Job, JobFacts, LiveState};

use super::engine::{self, Engine as _, EngineError, Graph};
use super::{JobDriver, Jobs};

/// Measures what the checks must know about changes.
pub(super) async fn measure(
    driver: &JobDriver,
    questions: Vec<Question<Job>>,
) -> Result<Vec<JobFacts>, DriverError> {
    let creates = questions
        .iter()
        .any(|question| question.action == Action::Create);
    let jobs = if creates {
        Some(Jobs::list(driver).await?)
    } else {
        None
    };
    let scales = questions.iter().any(is_scaled);
    let rescales = if scales {
        let config = driver.engine.client().config().await;
        let config = config.map_err(|error| driver.error(&error))?;
        config.features.web_rescale
    } else {
        false
    };
    let facts = questions.into_iter().map(|question| {
        let facts = JobFacts {
            rescales_in_place: rescales && is_scaled(&question),
            foreign: match (question.action, &jobs) {
                (Action::Create, Some(jobs)) => jobs.foreign(&question.remote_id, &[]),
                _ => Vec::new(),
            },
            ..JobFacts::default()
        };
        let driver = driver.clone();
        async move { look_into(&driver, &question, facts).await }
    });
    Ok(at_once(facts).await)
}

/// Adds to the facts what takes requests of its own.
async fn look_into(driver: &JobDriver, question: &Question<Job>, mut facts: JobFacts) -> JobFacts {
    if let Err(error) = state_of(driver, question, &mut facts).await {
        facts.unmeasured.push(error.to_string());
    }
    if driver.engine.client().may_preview()
        && let Err(error) = preview(driver, question, &mut facts).await
    {
        facts
            .unmeasured
            .push(format!("the new version cannot be previewed: {error}"));
    }
    facts
}

fn is_scaled(question: &Question<Job>) -> bool {
    let was = question
        .live
        .as_ref()
        .and_then(|live| live.memory.program());
    let wanted = question.spec.as_ref().map(|spec| &spec.program);
    was.zip(wanted)
        .is_some_and(|(was, wanted)| was.is_scaled(wanted))
}

/// Finds where the state of a job is that does not run.
async fn state_of(
    driver: &JobDriver,
    question: &Question<Job>,
    facts: &mut JobFacts,
) -> Result<(), EngineError> {
    let Some(live) = question
        .live
        .as_ref()
        .filter(|live| live.state != LiveState::Running)
    else {
        return Ok(());
    };
    let upgrade = question.spec.as_ref().map(|spec| &spec.upgrade);
    let savepoints = upgrade.and_then(|upgrade| upgrade.savepoint_directory.as_deref());
    let (memory, step) = (&live.memory, live.step.as_ref());
    let found = engine::source(&driver.engine, memory, step, savepoints).await?;
    facts.source = found.at;
    facts.unseen = found.unseen;
    Ok(())
}

/// Compares the graph of what runs with that of what is wanted; the cluster runs the program's `main` for it, or
/// its declarations. Of what does not run yet it only shows whether it makes a job.
async fn preview(
    driver: &JobDriver,
    question: &Question<Job>,
    facts: &mut JobFacts,
) -> Result<(), EngineError> {
    let Some(spec) = &question.spec else {
        return Ok(());
    };
    let memory = question.live.as_ref().map(|live| &live.memory);
    let was = memory.and_then(|memory| memory.program());
    let was = was.or_else(|| question.prior.as_ref().map(|prior| &prior.program));
    let is_old = was.is_some_and(|was| was.content() == spec.program.content());
    if is_old || spec.state == WantedState::Suspended {
        return Ok(());
    }
    let version = Version {
        program: spec.program.clone(),
        kept: Vec::new(),
    };
    let run = memory.and_then(|memory| memory.run.as_ref());
    let run = run.map(|run| run.id.as_str());
    let name = &question.remote_id;
    let graphs = driver.engine.preview(name, &version, run).await?;
    facts.graph = graphs.map(|(was, now)| compared(&was, &now));
    Ok(())
}

fn compared(was: &Graph, now: &Graph) -> GraphChange {
    let only = |one: &Graph, other: &Graph| -> Vec<String> {
        let missing =
            |(id, _): &&(String, String)| !other.parts.iter().any(|(known, _)| known == id);
        let parts = one.parts.iter().filter(missing);
        parts.map(|(_, name)| name.clone()).collect()
    };
    GraphChange {
        gone: only(was, now),
        new: only(now, was),
    }
}
