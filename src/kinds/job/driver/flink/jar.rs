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

/// A jar on the cluster.
struct Upload {
    /// Its id there.
    id: String,
    /// Whether it was uploaded just now.
    is_new: bool,
}

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
        let Upload { id, is_new } = self.uploaded(name, program, version.kept.first()).await?;
        let run = request(name, program);
        let graph = match self.planned(&id, &run).await {
            Ok(graph) => graph,
            Err(found) => {
                // One that was there may be what runs, with other arguments.
                if is_new {
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

    /// Returns a program's jar on the cluster, where it is uploaded if it is not there.
    async fn uploaded(
        &self,
        job: &str,
        program: &FlinkJar,
        kept: Option<&String>,
    ) -> Asked<Upload> {
        // By this name an upload is found again that was not noted any more. Each job has its own, since it
        // deletes it.
        let name = upload_name(job, program);
        let there = self.client().jars().await.map_err(error)?;
        let known = |(id, named): &(String, String)| Some(id) == kept || *named == name;
        if let Some((id, _)) = there.into_iter().find(known) {
            return Ok(Upload { id, is_new: false });
        }
        let content = self.content(program).await?;
        let id = self.client().upload(&name, &content).await;
        let id = id.map_err(error)?;
        Ok(Upload { id, is_new: true })
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

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::path::Path;
    use std::sync::Mutex;

    use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
    use tokio::net::{TcpListener, TcpStream};

    use crate::clients::Connections;
    use crate::clients::flink::{Client, settings};
    use crate::config::files::MemoryFiles;

    use super::*;

    /// Where a cluster is that has some jars and plans none, and what it was asked.
    async fn cluster(jars: &[&str]) -> (Flink, Arc<Mutex<Vec<String>>>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let jars: Vec<_> = jars
            .iter()
            .map(|name| serde_json::json!({ "id": format!("1_{name}"), "name": name }))
            .collect();
        let jars = serde_json::json!({ "files": jars }).to_string();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let record = Arc::clone(&asked);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, jars.clone(), Arc::clone(&record)));
            }
        });
        let url = ("url".to_owned(), format!("http://127.0.0.1:{port}"));
        let client = Client::new(settings::read(BTreeMap::from([url])).expect("settings"));
        let files = MemoryFiles::from_iter([("jobs/a.jar", "content")]);
        let connections = Connections::new(&BTreeMap::new(), Path::new(""));
        let connections = connections.with_files(Arc::new(files));
        let flink = Flink::new(client.expect("a client"), connections.files().clone());
        (flink, asked)
    }

    async fn serve(stream: TcpStream, jars: String, asked: Arc<Mutex<Vec<String>>>) {
        let mut stream = BufReader::new(stream);
        loop {
            let (mut head, mut length) = (String::new(), 0);
            loop {
                let start = head.len();
                match stream.read_line(&mut head).await {
                    Ok(0) | Err(_) => return,
                    Ok(_) => {}
                }
                let line = head[start..].trim().to_ascii_lowercase();
                if let Some(given) = line.strip_prefix("content-length:") {
                    length = given.trim().parse().expect("a number");
                }
                if line.is_empty() {
                    break;
                }
            }
            let mut body = vec![0; length];
            stream.read_exact(&mut body).await.expect("a body");
            let request = head.split(" HTTP").next().expect("a line").to_owned();
            let (status, answer) = match request.as_str() {
                "GET /jars" => ("200 OK", jars.as_str()),
                "POST /jars/upload" => ("200 OK", r#"{"filename":"/flink-web-upload/1_new"}"#),
                line if line.ends_with("/plan") => {
                    ("400 Bad Request", r#"{"errors":["No such argument"]}"#)
                }
                _ => ("200 OK", "{}"),
            };
            asked.lock().expect("not poisoned").push(request);
            let length = answer.len();
            let answer = format!("HTTP/1.1 {status}\r\ncontent-length: {length}\r\n\r\n{answer}");
            if stream.write_all(answer.as_bytes()).await.is_err() {
                return;
            }
        }
    }

    #[tokio::test]
    async fn only_a_jar_that_was_uploaded_just_now_is_deleted_where_it_makes_no_job() {
        let program = FlinkJar {
            jar: Origin::File("jobs/a.jar".into()),
            sha256: ContentHash::of(b"content"),
            entry_class: None,
            args: vec!["--new".into()],
            parallelism: None,
            settings: BTreeMap::new(),
        };
        let version = Version {
            program: Program::FlinkJar(program.clone()),
            kept: Vec::new(),
        };
        let there = upload_name("a", &program);
        for (jars, expected) in [
            (vec![], Some("DELETE /jars/1_new")),
            // It may be that of the version that runs, whose arguments are others.
            (vec![there.as_str()], None),
        ] {
            let (flink, asked) = cluster(&jars).await;
            let refused = flink.prepare_jar("a", &program, &version).await;
            let why = refused.expect_err("it makes no job").to_string();
            assert_eq!(why, "the jar's main method makes no job: No such argument");
            let asked = asked.lock().expect("not poisoned");
            let deleted = asked.iter().find(|line| line.starts_with("DELETE"));
            assert_eq!(deleted.map(String::as_str), expected, "{asked:?}");
        }
    }
}
