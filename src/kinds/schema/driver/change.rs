//! Makes changes of subjects, in an order that counts, and reads them back (I/O).
//!
//! A subject that is opened for writing is opened first, one that is closed is closed last; between the
//! two the level is set before the content is registered. Each step can be repeated.

use crate::clients::registry::RegistryError;
use crate::kinds::Action;
use crate::kinds::driver::{Context, Failure, Operation, Wanted, at_once};
use crate::kinds::schema::spec::{Mode, SchemaSpec};
use crate::kinds::schema::{Schema, SchemaLive, diff};

use super::SchemaDriver;
use super::resolve::{self, Resolver};

/// Makes the changes of a batch, all at the same time: what needs another one is in a later batch.
pub(super) async fn apply(
    driver: &SchemaDriver,
    operations: Vec<Operation<Schema>>,
    context: &Context,
) -> Vec<Result<Option<SchemaLive>, Failure>> {
    at_once(operations.into_iter().map(|operation| {
        let (driver, context) = (driver.clone(), context.clone());
        async move {
            let mut run = Run {
                driver: &driver,
                operation: &operation,
                context: &context,
                is_clean: true,
            };
            match run.make().await {
                Ok(live) => Ok(live),
                Err(message) => Err(Failure {
                    message,
                    unchanged: run.is_clean,
                    outcome: None,
                }),
            }
        }
    }))
    .await
}

/// One change under way.
struct Run<'a> {
    driver: &'a SchemaDriver,
    operation: &'a Operation<Schema>,
    context: &'a Context,
    /// Whether the subject is known to be as it was.
    is_clean: bool,
}

impl Run<'_> {
    async fn make(&mut self) -> Result<Option<SchemaLive>, String> {
        match (&self.operation.action, &self.operation.spec) {
            (Action::Delete, _) => self.delete().await.map(|()| None),
            (_, Some(spec)) => self.write(spec).await.map(Some),
            (_, None) => Ok(None),
        }
    }

    /// Notes what the result of a step says about the subject.
    fn step<T>(&mut self, result: Result<T, RegistryError>) -> Result<T, String> {
        match result {
            Ok(done) => {
                self.is_clean = false;
                Ok(done)
            }
            Err(error) => {
                self.is_clean &= error.is_harmless();
                Err(error.to_string())
            }
        }
    }

    fn changes(&self, path: &str) -> bool {
        self.operation.deltas.iter().any(|delta| delta.path == path)
    }

    async fn write(&mut self, spec: &SchemaSpec) -> Result<SchemaLive, String> {
        let client = self.driver.client.clone();
        let subject = self.operation.remote_id.as_str();
        let is_new = self.operation.action == Action::Create;
        let sets_mode = self.changes("mode") || (is_new && spec.mode.is_some());
        if sets_mode && spec.mode == Some(Mode::ReadWrite) {
            let set = client.set_mode(Some(subject), Mode::ReadWrite.name()).await;
            self.step(set)?;
        }
        if sets_mode && spec.mode.is_none() {
            let reset = client.reset_mode(subject).await;
            self.step(reset)?;
        }
        match spec.compatibility {
            Some(level) if is_new || self.changes("compatibility") => {
                let set = client.set_level(Some(subject), level.name()).await;
                self.step(set)?;
            }
            None if self.changes("compatibility") => {
                let reset = client.reset_level(Some(subject)).await;
                self.step(reset)?;
            }
            _ => {}
        }
        if is_new
            || ["definition", "metadata", "rule_set"]
                .iter()
                .any(|path| self.changes(path))
        {
            self.register(spec).await?;
        }
        if sets_mode && spec.mode == Some(Mode::ReadOnly) {
            let set = client.set_mode(Some(subject), Mode::ReadOnly.name()).await;
            self.step(set)?;
        }
        self.read_back(spec).await
    }

    async fn register(&mut self, spec: &SchemaSpec) -> Result<(), String> {
        let client = &self.driver.client;
        let versions = Resolver::new(client).versions(&spec.content()).await;
        let versions = versions.map_err(|error| error.to_string())?;
        let Some(schema) = resolve::new_schema(spec, &versions) else {
            let missing = versions.iter().find(|(_, version)| version.is_none());
            let name = missing.map(|(name, _)| name.as_str()).unwrap_or_default();
            let subject = spec
                .references
                .get(name)
                .map(|referenced| referenced.subject.as_str())
                .unwrap_or_default();
            return Err(format!(
                "it refers to {name:?}, and no version of the subject {subject:?} holds that content"
            ));
        };
        let done = client
            .register(&spec.subject, &schema, spec.normalize)
            .await;
        let id = self.step(done)?.id;
        self.context
            .progress(&self.operation.address, format!("registered, id {id}"));
        Ok(())
    }

    /// Reads the subject: a success that changed nothing is a failure.
    async fn read_back(&mut self, spec: &SchemaSpec) -> Result<SchemaLive, String> {
        let wanted = Wanted {
            remote_id: self.operation.remote_id.clone(),
            specs: vec![spec.clone()],
            owned: true,
            unwanted: false,
            outcome: self.operation.outcome.clone(),
            notes: None,
        };
        let seen = self.driver.look(&[wanted]).await;
        let live = seen
            .map_err(|error| format!("it cannot be read back: {error}"))?
            .pop()
            .flatten()
            .ok_or("the registry accepted the change, but the subject is not there")?;
        let is_new = self.operation.action == Action::Create;
        let left = diff::diff(spec, std::slice::from_ref(spec), &live);
        match left
            .iter()
            .find(|delta| is_new || self.changes(&delta.path))
        {
            None => Ok(live),
            Some(delta) if matches!(delta.path.as_str(), "metadata" | "rule_set") => Err(format!(
                "this registry does not keep {}: remove it from the block",
                delta.path
            )),
            Some(delta) => Err(format!(
                "the registry accepted the change, but {} is {}, not {}",
                delta.path, delta.before, delta.after
            )),
        }
    }

    /// Softly first, then for good: the registry permits no other way.
    async fn delete(&mut self) -> Result<(), String> {
        let client = self.driver.client.clone();
        let subject = self.operation.remote_id.as_str();
        let softly = client.delete(subject, false).await;
        self.step(softly)?;
        self.context
            .progress(&self.operation.address, "deleted softly");
        let for_good = client.delete(subject, true).await;
        self.step(for_good).map_err(|why| {
            format!("deleted softly, but not for good yet: {why}; the next apply goes on")
        })?;
        let left = client.versions(subject, true).await;
        match left {
            Ok(left) if left.is_empty() => Ok(()),
            Ok(left) => Err(format!(
                "the registry accepted the deletion, but {} versions are still there",
                left.len()
            )),
            Err(error) => Err(format!("it cannot be read back: {error}")),
        }
    }
}
