//! SQL that becomes a job: declared and explained before anything is touched, then inserted under an id of
//! ours (I/O).

use std::time::Duration;

use crate::clients::flink::gateway::{Session, StatementError};
use crate::clients::flink::tells_duplicate;
use crate::kinds::job::driver::engine::{Asked, Engine as _, EngineError, Graph, Ready};
use crate::kinds::job::flink::{FlinkSql, Script, Statements, split};
use crate::kinds::job::memory::{Run, Version};
use crate::kinds::job::program::Program;

use super::{Flink, Prepared, error, explained};

/// How long one statement may take. The first of a session is slow.
const STATEMENT: Duration = Duration::from_mins(2);

/// The setting that gives the job its id: `PipelineOptionsInternal.PIPELINE_FIXED_JOB_ID`, which Flink's own
/// application mode sets too.
const JOB_ID: &str = "$internal.pipeline.job-id";
/// Where state comes from (FLIP-203).
const RESTORE_PATH: &str = "execution.state-recovery.path";
/// Whether state that no operator takes is dropped.
const IGNORE_UNCLAIMED: &str = "execution.state-recovery.ignore-unclaimed-state";
/// Who deletes what state came from.
const CLAIM_MODE: &str = "execution.state-recovery.claim-mode";

/// A session in which all was said but the statement that becomes the job.
#[derive(Debug)]
pub(in crate::kinds::job::driver) struct Sql {
    session: Session,
    job: String,
}

impl Flink {
    pub(super) async fn prepare_sql(
        &self,
        name: &str,
        program: &FlinkSql,
        version: &Version,
    ) -> Asked<Ready<Prepared>> {
        let Some(gateway) = self.client().gateway() else {
            return Err(EngineError::Refused(
                "flink_sql needs sql_gateway_url in the provider".into(),
            ));
        };
        let (texts, kept) = self.texts(program, version)?;
        let statements = Statements::of(texts.iter().flat_map(|text| split(text)))
            .map_err(|why| EngineError::Refused(why.to_lowercase()))?;
        let session = gateway.open(name).await.map_err(error)?;
        let graph = match declare(&session, name, program, &statements).await {
            Ok(graph) => graph,
            Err(found) => {
                session.close().await;
                return Err(found);
            }
        };
        Ok(Ready {
            prepared: Prepared::Sql(Sql {
                session,
                job: statements.job,
            }),
            version: Version {
                program: Program::FlinkSql(program.clone()),
                kept,
            },
            graph,
        })
    }

    /// Shows what a program is made of in a session of its own, and closes that.
    pub(super) async fn preview_sql(
        &self,
        name: &str,
        program: &FlinkSql,
        version: &Version,
        instead: Option<&str>,
    ) -> Asked<Option<(Graph, Graph)>> {
        let ready = self.prepare_sql(name, program, version).await?;
        self.discard(ready.prepared).await;
        let (Some(now), Some(instead)) = (ready.graph, instead) else {
            return Ok(None);
        };
        let was = self.client().job(instead).await.map_err(error)?;
        Ok(was.map(|was| (explained::running(&was.plan), now)))
    }

    /// Returns the texts of a script, and those that are kept: files may be others when it starts again.
    fn texts(&self, program: &FlinkSql, version: &Version) -> Asked<(Vec<String>, Vec<String>)> {
        let files = match &program.script {
            Script::Statements(statements) => return Ok((statements.clone(), Vec::new())),
            Script::Files(files) => files,
        };
        if version.kept.len() == files.len() {
            return Ok((version.kept.clone(), version.kept.clone()));
        }
        let texts: Asked<Vec<String>> = files
            .iter()
            .map(|(path, hash)| {
                let content = self.files.read(path, *hash);
                let content = content.map_err(|found| EngineError::Refused(found.to_string()))?;
                String::from_utf8(content.to_vec())
                    .map_err(|_| EngineError::Refused(format!("{path} is no UTF-8 text")))
            })
            .collect();
        let texts = texts?;
        Ok((texts.clone(), texts))
    }
}

/// Says all but the job's statement, which is only explained: mistakes show before anything is touched. Returns
/// what it would be made of, where the gateway tells that.
async fn declare(
    session: &Session,
    name: &str,
    program: &FlinkSql,
    statements: &Statements,
) -> Asked<Option<Graph>> {
    set(session, "execution.runtime-mode", "streaming").await?;
    set(session, "pipeline.name", name).await?;
    if let Some(parallelism) = program.parallelism {
        set(session, "parallelism.default", &parallelism.to_string()).await?;
    }
    for (key, value) in &program.settings {
        set(session, key, value).await?;
    }
    for statement in &statements.before {
        run(session, statement).await?;
    }
    let statement = explain(&statements.job);
    let text = session.show(&statement, STATEMENT).await;
    let text = text.map_err(|found| refused(found, &statements.job))?;
    Ok(explained::planned(&text))
}

/// Returns the statement that explains another one.
fn explain(statement: &str) -> String {
    let words = statement.trim_start();
    let is_execute = words
        .split_whitespace()
        .next()
        .is_some_and(|word| word.eq_ignore_ascii_case("EXECUTE"));
    let explained = if is_execute {
        &words["EXECUTE".len()..]
    } else {
        words
    };
    format!("EXPLAIN JSON_EXECUTION_PLAN {}", explained.trim_start())
}

impl Sql {
    pub(super) async fn close(self) {
        self.session.close().await;
    }

    pub(super) async fn start(&self, run: &Run, may_drop_state: bool) -> Asked<()> {
        let session = &self.session;
        set(session, JOB_ID, &run.id).await?;
        if let Some(from) = &run.from {
            set(session, RESTORE_PATH, from).await?;
            set(session, CLAIM_MODE, "NO_CLAIM").await?;
            set(session, IGNORE_UNCLAIMED, &may_drop_state.to_string()).await?;
        }
        let started = insert(session, &self.job).await;
        // The next statement would restore from it too.
        for key in [JOB_ID, RESTORE_PATH, CLAIM_MODE, IGNORE_UNCLAIMED] {
            if let Err(found) = self::run(session, &format!("RESET '{key}'")).await {
                tracing::debug!(%found, key, "a setting was not reset");
            }
        }
        session.close().await;
        match started? {
            Some(id) if id != run.id => Err(EngineError::Away(format!(
                "the cluster started the job as {id}, not as {}",
                run.id
            ))),
            _ => Ok(()),
        }
    }
}

async fn insert(session: &Session, statement: &str) -> Asked<Option<String>> {
    match run(session, statement).await {
        Err(EngineError::Refused(why)) if tells_duplicate(&why) => Err(EngineError::Duplicate(why)),
        other => other,
    }
}

async fn set(session: &Session, key: &str, value: &str) -> Asked<()> {
    let quoted = |text: &str| text.replace('\'', "''");
    let statement = format!("SET '{}' = '{}'", quoted(key), quoted(value));
    run(session, &statement).await.map(drop)
}

async fn run(session: &Session, statement: &str) -> Asked<Option<String>> {
    let done = session.run(statement, STATEMENT).await;
    done.map_err(|found| refused(found, statement))
}

fn refused(found: StatementError, statement: &str) -> EngineError {
    match found {
        StatementError::Call(found) => error(found),
        StatementError::Refused(why) => {
            let shown: String = statement.chars().take(80).collect();
            EngineError::Refused(format!("{why} (in {shown:?})"))
        }
        late @ StatementError::Late(_) => EngineError::Away(late.to_string()),
    }
}

/// Returns how a person starts it.
pub(super) fn command(from: Option<&str>) -> String {
    match from {
        Some(from) => {
            format!("in a SQL client, SET '{RESTORE_PATH}' = '{from}'; and then its statements")
        }
        None => "its statements in a SQL client".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_becomes_a_job_is_explained_first() {
        assert_eq!(
            explain("INSERT INTO a SELECT 1"),
            "EXPLAIN JSON_EXECUTION_PLAN INSERT INTO a SELECT 1"
        );
        assert_eq!(
            explain("execute STATEMENT SET BEGIN INSERT INTO a SELECT 1; END"),
            "EXPLAIN JSON_EXECUTION_PLAN STATEMENT SET BEGIN INSERT INTO a SELECT 1; END"
        );
    }
}
