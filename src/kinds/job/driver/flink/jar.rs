//! A program in a jar: had from the project or an address, uploaded once, run under an id of ours (I/O).

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use url::Url;

use crate::clients::flink::{JobPlan, RunRequest};
use crate::clients::http::{self, Request};
use crate::document::ContentHash;
use crate::kinds::job::driver::engine::{Asked, EngineError, Graph, Ready};
use crate::kinds::job::flink::{FlinkJar, Origin};
use crate::kinds::job::memory::{Run, Version};
use crate::kinds::job::program::Program;

use super::{Flink, Prepared, error, slots};

/// How long a jar may take to come.
const DOWNLOAD: Duration = Duration::from_mins(10);
/// How often its address may lead to another one, as that of a release does.
const REDIRECTS: usize = 5;

/// A jar that was uploaded.
#[derive(Debug)]
pub(in crate::kinds::job::driver) struct Jar {
    /// Its id there.
    id: String,
    /// How it is run.
    run: RunRequest,
}

impl Flink {
    pub(super) async fn prepare_jar(
        &self,
        name: &str,
        program: &FlinkJar,
        version: &Version,
    ) -> Asked<Ready<Prepared>> {
        let id = self.uploaded(name, program, version.kept.first()).await?;
        let run = request(name, program);
        let graph = match self.planned(&id, &run).await {
            Ok(graph) => graph,
            Err(found) => {
                if !version.kept.contains(&id) {
                    self.forget(&id).await;
                }
                return Err(found);
            }
        };
        Ok(Ready {
            graph: Some(graph),
            version: Version {
                program: Program::FlinkJar(program.clone()),
                kept: vec![id.clone()],
            },
            prepared: Prepared::Jar(Jar { id, run }),
        })
    }

    /// Shows what a program is made of without leaving its jar on the cluster.
    pub(super) async fn preview_jar(
        &self,
        name: &str,
        program: &FlinkJar,
        instead: Option<&str>,
    ) -> Asked<Option<(Graph, Graph)>> {
        let content = self.content(program).await?;
        // An apply at the same time has an upload of its own: this one is deleted.
        let upload = format!("preview-{}", upload_name(name, program));
        let id = self.client().upload(&upload, &content).await;
        let id = id.map_err(error)?;
        let planned = self.planned(&id, &request(name, program)).await;
        self.forget(&id).await;
        let (now, Some(instead)) = (planned?, instead) else {
            return Ok(None);
        };
        let was = self.graph(instead).await?;
        Ok(was.map(|was| (was, now)))
    }

    /// Runs a program's `main` up to its submission, and returns the graph that it makes.
    async fn planned(&self, id: &str, run: &RunRequest) -> Asked<Graph> {
        let planned = self.client().plan(id, run).await;
        planned
            .map(|plan| graph(&plan))
            .map_err(|found| match error(found) {
                EngineError::Refused(why) => {
                    EngineError::Refused(format!("the jar's main method makes no job: {why}"))
                }
                other => other,
            })
    }

    /// Deletes a jar that is of no use to anybody.
    async fn forget(&self, id: &str) {
        if let Err(error) = self.client().delete_jar(id).await {
            tracing::debug!(%error, id, "a jar was not deleted");
        }
    }

    pub(super) async fn start_jar(&self, jar: &Jar, run: &Run, may_drop_state: bool) -> Asked<()> {
        let request = RunRequest {
            job_id: Some(run.id.clone()),
            savepoint_path: run.from.clone(),
            allow_non_restored_state: run.from.is_some().then_some(may_drop_state),
            // It stays ours to delete.
            claim_mode: run.from.is_some().then_some("NO_CLAIM"),
            ..jar.run.clone()
        };
        let started = self.client().run(&jar.id, &request).await.map_err(error)?;
        if started == run.id {
            return Ok(());
        }
        Err(EngineError::Away(format!(
            "the cluster started the job as {started}, not as {}: the jar's main method gives it an id of its own",
            run.id
        )))
    }

    /// Returns the id of a program's jar on the cluster, where it is uploaded if it is not there.
    async fn uploaded(
        &self,
        job: &str,
        program: &FlinkJar,
        kept: Option<&String>,
    ) -> Asked<String> {
        // By this name an upload is found again that was not noted any more. Each job has its own, since it
        // deletes it.
        let name = upload_name(job, program);
        let there = self.client().jars().await.map_err(error)?;
        let known = |(id, named): &&(String, String)| Some(id) == kept || *named == name;
        if let Some((id, _)) = there.iter().find(known) {
            return Ok(id.clone());
        }
        let content = self.content(program).await?;
        self.client().upload(&name, &content).await.map_err(error)
    }

    async fn content(&self, program: &FlinkJar) -> Asked<Arc<[u8]>> {
        match &program.jar {
            Origin::File(path) => self
                .files
                .read(path, program.sha256)
                .map_err(|found| EngineError::Refused(found.to_string())),
            Origin::Url(url) => download(url, program.sha256).await,
        }
    }
}

/// Returns what a job's jar is called on the cluster: what no file's name can hold is left out.
fn upload_name(job: &str, program: &FlinkJar) -> String {
    let job = ContentHash::of(job.as_bytes());
    let plain = |letter: &char| letter.is_ascii_alphanumeric() || matches!(letter, '.' | '-' | '_');
    let file: String = program.jar.name().chars().filter(plain).collect();
    format!("{}-{}-{file}", program.sha256.short(), job.short())
}

/// Returns how a program is run.
fn request(name: &str, program: &FlinkJar) -> RunRequest {
    let mut settings = program.settings.clone();
    // A program that names its job itself has the last word.
    settings
        .entry("pipeline.name".to_owned())
        .or_insert_with(|| name.to_owned());
    RunRequest {
        entry_class: program.entry_class.clone(),
        program_args_list: program.args.clone(),
        parallelism: program.parallelism,
        flink_configuration: settings,
        ..RunRequest::default()
    }
}

/// Returns the graph of a job that is not started.
fn graph(plan: &JobPlan) -> Graph {
    let parts = plan.nodes.iter().map(|node| {
        let text = node.description.replace("<br/>", " ");
        let text = text.replace("+- ", "-> ").replace("&gt;", ">");
        (node.id.clone(), text.trim().to_owned())
    });
    Graph {
        parts: parts.collect(),
        slots: slots(plan.nodes.iter().map(|node| node.parallelism)),
    }
}

async fn download(url: &str, expected: ContentHash) -> Asked<Arc<[u8]>> {
    let refused = |why: String| EngineError::Refused(format!("the jar {url}: {why}"));
    let parsed = Url::parse(url).map_err(|wrong| refused(wrong.to_string()))?;
    let settings = http::Settings {
        headers: vec![("accept", "*/*".to_owned())],
        request: DOWNLOAD,
        call: DOWNLOAD,
        // What it leads to is held against the hash, too.
        redirects: REDIRECTS,
        ..http::Settings::new(vec![parsed])
    };
    let client = http::Client::new(settings).map_err(|wrong| refused(wrong.to_string()))?;
    let answer = client
        .send(&Request::get([]))
        .await
        .map_err(|wrong| EngineError::Away(format!("the jar {url}: {wrong}")))?;
    if !answer.is_success() {
        return Err(refused(format!("the server answers {}", answer.status)));
    }
    let found = ContentHash::of(&answer.body);
    if found != expected {
        return Err(refused(format!(
            "its SHA-256 is {}, not {}",
            found.hex(),
            expected.hex()
        )));
    }
    Ok(answer.body.into())
}

/// Returns the command with which a person starts it.
pub(super) fn command(program: &FlinkJar, from: Option<&str>) -> String {
    let mut command = "flink run --detached".to_owned();
    // Writing to a String cannot fail.
    if let Some(from) = from {
        let _ = write!(command, " --fromSavepoint '{from}' --claimMode NO_CLAIM");
    }
    if let Some(parallelism) = program.parallelism {
        let _ = write!(command, " --parallelism {parallelism}");
    }
    if let Some(class) = &program.entry_class {
        let _ = write!(command, " --class {class}");
    }
    let (Origin::File(jar) | Origin::Url(jar)) = &program.jar;
    let _ = write!(command, " '{jar}'");
    for argument in &program.args {
        let _ = write!(command, " '{}'", argument.replace('\'', r"'\''"));
    }
    command
}
