//! A Flink cluster by its `JobManager`'s REST API, as Flink 2.3 documents and answers it. Does I/O.
//!
//! What is borne (each seen on a real cluster): errors that are stack traces; 500 where something is not
//! there; a stop of an ended job that is accepted and fails afterwards; the answers about a trigger that
//! are forgotten after some minutes. SQL is sent through the [`gateway`].

mod error;
pub mod gateway;
pub mod settings;
mod wire;

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value as Json, json};

use crate::clients::http::{self, Method, Request, present};

pub use error::{FlinkError, root_cause, tells_duplicate};
pub use settings::{SETTINGS, Settings};
pub use wire::{
    Bounds, Checkpoint, CheckpointCounts, Checkpointing, Checkpoints, Config, Features, Job,
    JobPlan, JobSummary, LatestCheckpoints, Node, Overview, Requirement, Requirements, Restored,
    Retention, RunRequest, Triggered, Vertex,
};

/// A client of one cluster. Clones share its connections.
#[derive(Debug, Clone)]
pub struct Client {
    http: http::Client,
    gateway: Option<gateway::Client>,
    preview: bool,
}

impl Client {
    /// Returns a client that connects at its first call. Reads the files that the settings name.
    pub fn new(settings: Settings) -> Result<Self, FlinkError> {
        let gateway = settings.gateway.map(gateway::Client::new).transpose()?;
        Ok(Self {
            http: http::Client::new(settings.jobmanager)?,
            gateway,
            preview: settings.preview,
        })
    }

    /// Returns the client of the SQL gateway, where the provider names one.
    pub fn gateway(&self) -> Option<&gateway::Client> {
        self.gateway.as_ref()
    }

    /// Whether a plan may have the cluster run a jar's `main`, or the declarations of SQL, to see the graph.
    pub fn may_preview(&self) -> bool {
        self.preview
    }

    /// Returns how much room the cluster has.
    pub async fn overview(&self) -> Result<Overview, FlinkError> {
        self.call(&Request::get(["overview"])).await
    }

    /// Returns what the cluster can do.
    pub async fn config(&self) -> Result<Config, FlinkError> {
        self.call(&Request::get(["config"])).await
    }

    /// Returns the settings that the `JobManager` was started with, by name; what is not set is not there.
    pub async fn settings(&self) -> Result<BTreeMap<String, String>, FlinkError> {
        #[derive(Deserialize)]
        struct Setting {
            key: String,
            value: String,
        }
        let settings: Vec<Setting> = self.call(&Request::get(["jobmanager", "config"])).await?;
        let settings = settings.into_iter();
        Ok(settings
            .map(|setting| (setting.key, setting.value))
            .collect())
    }

    /// Returns all jobs that the cluster knows, ended ones for a time as well.
    pub async fn jobs(&self) -> Result<Vec<JobSummary>, FlinkError> {
        #[derive(Deserialize)]
        struct Answer {
            jobs: Vec<JobSummary>,
        }
        let answer: Answer = self.call(&Request::get(["jobs", "overview"])).await?;
        Ok(answer.jobs)
    }

    /// Returns a job.
    pub async fn job(&self, id: &str) -> Result<Option<Job>, FlinkError> {
        self.optional(&Request::get(["jobs", id])).await
    }

    /// Returns a job's state in Flink's words, as it is now: of [`Client::job`] and of what is below it Flink keeps
    /// answers for `web.refresh-interval`. Since Flink 1.16
    /// ([FLINK-26641](https://issues.apache.org/jira/browse/FLINK-26641)).
    pub async fn job_state(&self, id: &str) -> Result<Option<String>, FlinkError> {
        #[derive(Deserialize)]
        struct Answer {
            status: String,
        }
        let answer = self.call(&Request::get(["jobs", id, "status"])).await;
        match answer {
            Ok(Answer { status }) => Ok(Some(status)),
            Err(error) if error.is_unknown_job() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Returns a job's checkpoints; they stay known for a time after it has ended.
    pub async fn checkpoints(&self, id: &str) -> Result<Option<Checkpoints>, FlinkError> {
        self.optional(&Request::get(["jobs", id, "checkpoints"]))
            .await
    }

    /// Returns how a job makes checkpoints; nothing where it makes none.
    pub async fn checkpointing(&self, id: &str) -> Result<Option<Checkpointing>, FlinkError> {
        self.optional(&Request::get(["jobs", id, "checkpoints", "config"]))
            .await
    }

    /// Returns why a job last failed, where it did.
    pub async fn last_exception(&self, id: &str) -> Result<Option<String>, FlinkError> {
        #[derive(Default, Deserialize)]
        #[serde(default, rename_all = "camelCase")]
        struct Answer {
            exception_history: History,
        }
        #[derive(Default, Deserialize)]
        #[serde(default)]
        struct History {
            entries: Vec<Entry>,
        }
        #[derive(Default, Deserialize)]
        #[serde(default)]
        struct Entry {
            stacktrace: String,
        }
        let request = Request::get(["jobs", id, "exceptions"]).parameter("maxExceptions", "1");
        let found: Option<Answer> = self.optional(&request).await?;
        let entry = found.and_then(|found| found.exception_history.entries.into_iter().next());
        Ok(entry.map(|entry| root_cause(&entry.stacktrace)))
    }

    /// Returns how often a job was restarted since it was started because something failed; nothing where no metric
    /// says so yet. The adaptive scheduler counts its rescalings among the restarts, and once more by themselves.
    pub async fn restarts(&self, id: &str) -> Result<Option<u64>, FlinkError> {
        #[derive(Deserialize)]
        struct Metric {
            id: String,
            value: String,
        }
        let names = "numRestarts,numRescales";
        let request = Request::get(["jobs", id, "metrics"]).parameter("get", names);
        let found: Option<Vec<Metric>> = self.optional(&request).await?;
        let found = found.unwrap_or_default();
        let number = |name: &str| -> Option<u64> {
            let metric = found.iter().find(|metric| metric.id == name)?;
            metric.value.parse().ok()
        };
        let rescales = number("numRescales").unwrap_or(0);
        Ok(number("numRestarts").map(|restarts| restarts.saturating_sub(rescales)))
    }

    /// Uploads a jar and returns its id there. Each upload is another one.
    pub async fn upload(&self, name: &str, content: &[u8]) -> Result<String, FlinkError> {
        #[derive(Deserialize)]
        struct Answer {
            filename: String,
        }
        let request = Request::new(Method::POST, ["jars", "upload"])
            .file("jarfile", name, "application/x-java-archive", content)
            .repeatable();
        let answer: Answer = self.call(&request).await?;
        let id = answer.filename.rsplit(['/', '\\']).next();
        Ok(id.unwrap_or_default().to_owned())
    }

    /// Returns the ids and names of the jars that were uploaded.
    pub async fn jars(&self) -> Result<Vec<(String, String)>, FlinkError> {
        #[derive(Deserialize)]
        struct Answer {
            files: Vec<File>,
        }
        #[derive(Deserialize)]
        struct File {
            id: String,
            name: String,
        }
        let answer: Answer = self.call(&Request::get(["jars"])).await?;
        let files = answer.files.into_iter();
        Ok(files.map(|file| (file.id, file.name)).collect())
    }

    /// Returns the graph of the job that a jar's `main` makes: the cluster runs it, up to its submission.
    pub async fn plan(&self, jar: &str, run: &RunRequest) -> Result<JobPlan, FlinkError> {
        #[derive(Deserialize)]
        struct Answer {
            plan: JobPlan,
        }
        let request = Request::new(Method::POST, ["jars", jar, "plan"])
            .body(json!(run))
            .repeatable();
        let answer: Answer = self.call(&request).await?;
        Ok(answer.plan)
    }

    /// Runs a jar's `main`, which submits the job. With an id of ours, a second time is refused
    /// ([`FlinkError::is_duplicate`]).
    pub async fn run(&self, jar: &str, run: &RunRequest) -> Result<String, FlinkError> {
        #[derive(Deserialize)]
        struct Answer {
            jobid: String,
        }
        let request = Request::new(Method::POST, ["jars", jar, "run"]).body(json!(run));
        let answer: Answer = self.call(&request).await?;
        Ok(answer.jobid)
    }

    /// Deletes a jar that was uploaded; one that is gone already is no error.
    pub async fn delete_jar(&self, jar: &str) -> Result<(), FlinkError> {
        let request = Request::new(Method::DELETE, ["jars", jar]).repeatable();
        self.optional::<Json>(&request).await.map(drop)
    }

    /// Stops a job with a savepoint. Repeated with the same trigger it is one stop. Ask
    /// [`savepoint`](Self::savepoint) how it is.
    pub async fn stop(
        &self,
        job: &str,
        trigger: &str,
        directory: Option<&str>,
    ) -> Result<(), FlinkError> {
        let mut body = json!({ "triggerId": trigger, "drain": false, "formatType": "CANONICAL" });
        if let Some(directory) = directory {
            body["targetDirectory"] = json!(directory);
        }
        let request = Request::new(Method::POST, ["jobs", job, "stop"])
            .body(body)
            .repeatable();
        self.call::<Json>(&request).await.map(drop)
    }

    /// Returns how a savepoint is that was triggered; nothing where the cluster does not know it, or no
    /// longer.
    pub async fn savepoint(
        &self,
        job: &str,
        trigger: &str,
    ) -> Result<Option<Triggered>, FlinkError> {
        let request = Request::get(["jobs", job, "savepoints", trigger]);
        self.triggered(&request).await
    }

    /// Begins to delete a savepoint's files.
    pub async fn dispose(&self, path: &str, trigger: &str) -> Result<(), FlinkError> {
        let request = Request::new(Method::POST, ["savepoint-disposal"])
            .body(json!({ "savepoint-path": path, "triggerId": trigger }))
            .repeatable();
        self.call::<Json>(&request).await.map(drop)
    }

    /// Returns how the deletion of a savepoint is.
    pub async fn disposal(&self, trigger: &str) -> Result<Option<Triggered>, FlinkError> {
        self.triggered(&Request::get(["savepoint-disposal", trigger]))
            .await
    }

    /// Cancels a job without a savepoint; one that has ended or is gone already is no error.
    pub async fn cancel(&self, job: &str) -> Result<(), FlinkError> {
        let request = Request::new(Method::PATCH, ["jobs", job])
            .parameter("mode", "cancel")
            .repeatable();
        match self.call::<Json>(&request).await {
            Err(FlinkError::Refused { status: 409, .. }) => Ok(()),
            Err(error) if error.is_absence() => Ok(()),
            other => other.map(drop),
        }
    }

    /// Returns the least and the most tasks of a job's vertices.
    pub async fn requirements(&self, job: &str) -> Result<Requirements, FlinkError> {
        self.call(&Request::get(["jobs", job, "resource-requirements"]))
            .await
    }

    /// Sets the least and the most tasks of a job's vertices: the adaptive scheduler restarts it so from
    /// its newest checkpoint.
    pub async fn require(&self, job: &str, wanted: &Requirements) -> Result<(), FlinkError> {
        let request = Request::new(Method::PUT, ["jobs", job, "resource-requirements"])
            .body(json!(wanted))
            .repeatable();
        self.call::<Json>(&request).await.map(drop)
    }

    async fn triggered(&self, request: &Request) -> Result<Option<Triggered>, FlinkError> {
        #[derive(Deserialize)]
        struct Answer {
            status: Status,
            #[serde(default)]
            operation: Option<Operation>,
        }
        #[derive(Deserialize)]
        struct Status {
            id: String,
        }
        #[derive(Default, Deserialize)]
        #[serde(default, rename_all = "kebab-case")]
        struct Operation {
            location: Option<String>,
            failure_cause: Option<Cause>,
        }
        #[derive(Deserialize)]
        #[serde(rename_all = "kebab-case")]
        struct Cause {
            stack_trace: String,
        }
        let found: Option<Answer> = self.optional(request).await?;
        Ok(found.map(|answer| {
            if answer.status.id != "COMPLETED" {
                return Triggered::InProgress;
            }
            let operation = answer.operation.unwrap_or_default();
            match operation.failure_cause {
                Some(cause) => Triggered::Failed(root_cause(&cause.stack_trace)),
                None => Triggered::Done(operation.location),
            }
        }))
    }

    async fn optional<T: DeserializeOwned>(
        &self,
        request: &Request,
    ) -> Result<Option<T>, FlinkError> {
        present(self.call(request).await)
    }

    async fn call<T: DeserializeOwned>(&self, request: &Request) -> Result<T, FlinkError> {
        self.http.call(request).await
    }
}
