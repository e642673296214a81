//! A schema registry by Confluent's REST API, as Confluent documents it and as other servers answer it.
//! Does I/O.
//!
//! What is borne (each seen on a real server): fields that are missing or unknown; `null` for a list;
//! errors whose body is not JSON or whose `error_code` is 0, so that the HTTP status counts first;
//! conditions of a deletion answered with 409 instead of 404; a subject's level or mode that is not
//! set, answered with the registry's own; `verbose=true` without messages.

mod error;
pub mod settings;
mod wire;

use serde::de::DeserializeOwned;
use serde_json::{Value as Json, json};

use crate::clients::http::{self, Method, Request, present};

pub use error::RegistryError;
pub use settings::SETTINGS;
pub use wire::{Metadata, NewSchema, Reference, Registered, RuleSet, Verdict, Version};

use error::code;

/// A client of one registry. Clones share its connections.
#[derive(Debug, Clone)]
pub struct Client {
    http: http::Client,
}

impl Client {
    /// Returns a client that connects at its first call. Reads the files that the settings name.
    pub fn new(settings: http::Settings) -> Result<Self, RegistryError> {
        Ok(Self {
            http: http::Client::new(settings)?,
        })
    }

    /// Returns a subject's newest version; `None` where it has none.
    pub async fn latest(&self, subject: &str) -> Result<Option<Version>, RegistryError> {
        let request = Request::get(["subjects", subject, "versions", "latest"]);
        self.optional(&request).await
    }

    /// Returns one version of a subject.
    pub async fn version(
        &self,
        subject: &str,
        version: u32,
    ) -> Result<Option<Version>, RegistryError> {
        let number = version.to_string();
        let request = Request::get(["subjects", subject, "versions", &number]);
        self.optional(&request).await
    }

    /// Returns the numbers of a subject's versions, soft-deleted ones only where asked for; none where
    /// there is no such subject.
    pub async fn versions(&self, subject: &str, deleted: bool) -> Result<Vec<u32>, RegistryError> {
        let mut request = Request::get(["subjects", subject, "versions"]);
        if deleted {
            request = request.query("deleted", true);
        }
        let found: Option<Option<Vec<u32>>> = self.optional(&request).await?;
        Ok(found.flatten().unwrap_or_default())
    }

    /// Returns the version of a subject that holds some content.
    pub async fn lookup(
        &self,
        subject: &str,
        schema: &NewSchema,
        normalize: bool,
    ) -> Result<Option<Version>, RegistryError> {
        let request = Request::new(Method::POST, ["subjects", subject])
            .body(json!(schema))
            .repeatable();
        self.optional(&normalized(request, normalize)).await
    }

    /// Registers content under a subject: a new version, or the one that holds it already. Can be
    /// repeated for that reason.
    pub async fn register(
        &self,
        subject: &str,
        schema: &NewSchema,
        normalize: bool,
    ) -> Result<Registered, RegistryError> {
        let request = Request::new(Method::POST, ["subjects", subject, "versions"])
            .body(json!(schema))
            .repeatable();
        self.call(&normalized(request, normalize)).await
    }

    /// Asks whether content could follow a subject's versions, under the level that is in force there.
    pub async fn check(
        &self,
        subject: &str,
        schema: &NewSchema,
        normalize: bool,
        every_version: bool,
    ) -> Result<Verdict, RegistryError> {
        let mut path = vec!["compatibility", "subjects", subject, "versions"];
        if !every_version {
            path.push("latest");
        }
        let request = Request::new(Method::POST, path)
            .query("verbose", true)
            .body(json!(schema))
            .repeatable();
        let found: Option<Verdict> = self.optional(&normalized(request, normalize)).await?;
        // There is nothing that it could break.
        Ok(found.unwrap_or_else(Verdict::compatible))
    }

    /// Returns the level of a subject, or of the registry itself; `None` where a subject has none of
    /// its own. Some servers answer with the registry's own level then.
    pub async fn level(&self, subject: Option<&str>) -> Result<Option<String>, RegistryError> {
        let request = Request::get(["config"].into_iter().chain(subject));
        let found: Option<wire::Config> = self.optional(&request).await?;
        Ok(found.and_then(wire::Config::level))
    }

    /// Sets the level of a subject, or of the registry itself.
    pub async fn set_level(&self, subject: Option<&str>, level: &str) -> Result<(), RegistryError> {
        let request = Request::new(Method::PUT, ["config"].into_iter().chain(subject))
            .body(json!({ "compatibility": level }))
            .repeatable();
        self.call::<Json>(&request).await.map(drop)
    }

    /// Takes the level of a subject away, or sets the registry's own back to what it was started with.
    pub async fn reset_level(&self, subject: Option<&str>) -> Result<(), RegistryError> {
        self.remove(["config"].into_iter().chain(subject)).await
    }

    /// Returns the mode of a subject, or the one that is in force there; of the registry itself where none is
    /// named.
    pub async fn mode(
        &self,
        subject: Option<&str>,
        in_force: bool,
    ) -> Result<Option<String>, RegistryError> {
        let mut request = Request::get(["mode"].into_iter().chain(subject));
        if in_force {
            request = request.query("defaultToGlobal", true);
        }
        let found: Option<wire::Mode> = self.optional(&request).await?;
        Ok(found.map(|found| found.mode))
    }

    /// Sets the mode of a subject, or of the registry itself.
    pub async fn set_mode(&self, subject: Option<&str>, mode: &str) -> Result<(), RegistryError> {
        let request = Request::new(Method::PUT, ["mode"].into_iter().chain(subject))
            .body(json!({ "mode": mode }))
            .repeatable();
        self.call::<Json>(&request).await.map(drop)
    }

    /// Takes the mode of a subject away.
    pub async fn reset_mode(&self, subject: &str) -> Result<(), RegistryError> {
        self.remove(["mode", subject]).await
    }

    /// Returns the ids of the schemas that refer to a version.
    pub async fn referenced_by(
        &self,
        subject: &str,
        version: u32,
    ) -> Result<Vec<u64>, RegistryError> {
        let number = version.to_string();
        let path = ["subjects", subject, "versions", &number, "referencedby"];
        let found: Option<Option<Vec<u64>>> = self.optional(&Request::get(path)).await?;
        Ok(found.flatten().unwrap_or_default())
    }

    /// Returns the subjects and versions that hold the schema of an id.
    pub async fn holders(&self, id: u64) -> Result<Vec<(String, u32)>, RegistryError> {
        let number = id.to_string();
        let request = Request::get(["schemas", "ids", &number, "versions"]);
        let found: Option<Option<Vec<wire::Holder>>> = self.optional(&request).await?;
        let holders = found.flatten().unwrap_or_default().into_iter();
        Ok(holders
            .map(|holder| (holder.subject, holder.version))
            .collect())
    }

    /// Deletes a subject: softly, which keeps its schemas readable by id, or for good, which is possible
    /// only after that. One that is deleted so already is no error.
    pub async fn delete(&self, subject: &str, for_good: bool) -> Result<(), RegistryError> {
        let mut request = Request::new(Method::DELETE, ["subjects", subject]).repeatable();
        if for_good {
            request = request.query("permanent", true);
        }
        match self.call::<Json>(&request).await {
            Err(error)
                if error.is_absence() || (!for_good && error.is(code::SUBJECT_SOFT_DELETED)) =>
            {
                Ok(())
            }
            other => other.map(drop),
        }
    }

    async fn remove<'a>(
        &self,
        path: impl IntoIterator<Item = &'a str>,
    ) -> Result<(), RegistryError> {
        let request = Request::new(Method::DELETE, path).repeatable();
        match self.call::<Json>(&request).await {
            Err(error) if error.is_absence() => Ok(()),
            other => other.map(drop),
        }
    }

    /// Returns the answer; `None` where there is no such thing.
    async fn optional<T: DeserializeOwned>(
        &self,
        request: &Request,
    ) -> Result<Option<T>, RegistryError> {
        present(self.call(request).await)
    }

    async fn call<T: DeserializeOwned>(&self, request: &Request) -> Result<T, RegistryError> {
        self.http.call(request).await
    }
}

fn normalized(request: Request, normalize: bool) -> Request {
    if normalize {
        request.query("normalize", true)
    } else {
        request
    }
}
