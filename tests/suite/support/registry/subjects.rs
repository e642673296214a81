//! What the stand-in holds, and its answers: HTTP statuses and codes as Confluent's documentation lists
//! them. Its idea of compatibility is the one rule of Avro that the tests need.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

/// An answer: a status and a body.
type Reply = (u16, Value);

/// All subjects, and what counts for all of them.
pub(super) struct Subjects {
    by_name: BTreeMap<String, Subject>,
    /// Contents by id, from 1.
    contents: Vec<Value>,
    level: String,
    mode: String,
    /// Whether metadata and rules are dropped.
    pub(super) forgets_metadata: bool,
}

impl Default for Subjects {
    fn default() -> Self {
        Self {
            by_name: BTreeMap::new(),
            contents: Vec::new(),
            level: "BACKWARD".into(),
            mode: "READWRITE".into(),
            forgets_metadata: false,
        }
    }
}

#[derive(Default)]
struct Subject {
    versions: Vec<Version>,
    level: Option<String>,
    mode: Option<String>,
}

#[derive(Clone)]
struct Version {
    number: u64,
    id: u64,
    deleted: bool,
}

fn error(status: u16, code: u32, message: impl Into<String>) -> Reply {
    (
        status,
        json!({ "error_code": code, "message": message.into() }),
    )
}

fn no_subject(subject: &str) -> Reply {
    error(404, 40401, format!("Subject '{subject}' not found."))
}

/// Returns a schema's text without what does not count.
fn canonical(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|_| Value::from(text))
}

/// Returns what makes two registrations the same.
fn content(body: &Value) -> Value {
    let mut content = Map::new();
    let kind = body["schemaType"].as_str().unwrap_or("AVRO");
    content.insert("schemaType".into(), kind.into());
    content.insert("schema".into(), body["schema"].clone());
    for key in ["references", "metadata", "ruleSet"] {
        if !body[key].is_null() {
            content.insert(key.into(), body[key].clone());
        }
    }
    Value::Object(content)
}

fn same(a: &Value, b: &Value) -> bool {
    let text = |content: &Value| canonical(content["schema"].as_str().unwrap_or_default());
    text(a) == text(b)
        && ["schemaType", "references", "metadata", "ruleSet"]
            .iter()
            .all(|key| a[key] == b[key])
}

impl Subjects {
    pub(super) fn answer(
        &mut self,
        method: &str,
        path: &[&str],
        options: &BTreeMap<&str, bool>,
        body: &Value,
    ) -> Reply {
        let mut body = body.clone();
        if let (true, Value::Object(fields)) = (self.forgets_metadata, &mut body) {
            fields.remove("metadata");
            fields.remove("ruleSet");
        }
        let body = &body;
        match (method, path) {
            ("GET", ["subjects"]) => (200, json!(self.names(options["deleted"]))),
            ("GET", ["contexts"]) => (200, json!(["."])),
            ("GET", ["schemas", "types"]) => (200, json!(["JSON", "PROTOBUF", "AVRO"])),
            ("GET", ["schemas", "ids", id, "versions"]) => self.holders(id),
            ("POST", ["subjects", subject]) => self.lookup(subject, body, options["deleted"]),
            ("DELETE", ["subjects", subject]) => self.delete(subject, options["permanent"]),
            ("GET", ["subjects", subject, "versions"]) => self.numbers(subject, options["deleted"]),
            ("POST", ["subjects", subject, "versions"]) => self.register(subject, body),
            ("GET", ["subjects", subject, "versions", version]) => self.version(subject, version),
            ("GET", ["subjects", subject, "versions", version, "referencedby"]) => {
                self.referenced_by(subject, version)
            }
            ("POST", ["compatibility", "subjects", subject, "versions", which @ ..]) => {
                self.check(subject, which.first().copied(), body, options["verbose"])
            }
            (_, ["config", subject @ ..]) => self.config(method, subject.first().copied(), body),
            (_, ["mode", subject @ ..]) => {
                let global = options["defaultToGlobal"];
                self.modes(method, subject.first().copied(), body, global)
            }
            _ => (
                404,
                json!({ "error_code": 404, "message": "HTTP 404 Not Found" }),
            ),
        }
    }

    fn names(&self, deleted: bool) -> Vec<&String> {
        let shown = self.by_name.iter().filter(|(_, subject)| {
            subject
                .versions
                .iter()
                .any(|version| deleted || !version.deleted)
        });
        shown.map(|(name, _)| name).collect()
    }

    fn live(&self, subject: &str) -> Vec<Version> {
        let versions = self
            .by_name
            .get(subject)
            .map(|subject| subject.versions.iter());
        let live = versions
            .into_iter()
            .flatten()
            .filter(|version| !version.deleted);
        live.cloned().collect()
    }

    fn shown(&self, subject: &str, version: &Version) -> Value {
        let mut shown = self.contents[usize::try_from(version.id).unwrap() - 1].clone();
        shown["subject"] = subject.into();
        shown["version"] = version.number.into();
        shown["id"] = version.id.into();
        shown
    }

    fn numbers(&self, subject: &str, deleted: bool) -> Reply {
        let Some(found) = self.by_name.get(subject) else {
            return no_subject(subject);
        };
        let shown = found
            .versions
            .iter()
            .filter(|version| deleted || !version.deleted);
        let numbers: Vec<u64> = shown.map(|version| version.number).collect();
        if numbers.is_empty() {
            return no_subject(subject);
        }
        (200, json!(numbers))
    }

    fn find(&self, subject: &str, version: &str) -> Result<Version, Reply> {
        let live = self.live(subject);
        if live.is_empty() {
            return Err(no_subject(subject));
        }
        let found = match version {
            "latest" | "-1" => live.last(),
            number => match number.parse::<u64>() {
                Ok(number) if number > 0 => live.iter().find(|version| version.number == number),
                _ => {
                    return Err(error(
                        422,
                        42202,
                        format!("The specified version '{version}' is not a valid version id."),
                    ));
                }
            },
        };
        found
            .cloned()
            .ok_or_else(|| error(404, 40402, format!("Version {version} not found.")))
    }

    fn version(&self, subject: &str, version: &str) -> Reply {
        match self.find(subject, version) {
            Ok(version) => (200, self.shown(subject, &version)),
            Err(reply) => reply,
        }
    }

    fn lookup(&self, subject: &str, body: &Value, deleted: bool) -> Reply {
        let wanted = content(body);
        let Some(found) = self.by_name.get(subject) else {
            return no_subject(subject);
        };
        let mut shown = found
            .versions
            .iter()
            .filter(|version| deleted || !version.deleted);
        let index = |id: u64| usize::try_from(id).unwrap() - 1;
        match shown.find(|version| same(&self.contents[index(version.id)], &wanted)) {
            Some(version) => (200, self.shown(subject, version)),
            None => error(404, 40403, "Schema not found"),
        }
    }

    fn mode_of(&self, subject: &str) -> String {
        let own = self
            .by_name
            .get(subject)
            .and_then(|subject| subject.mode.clone());
        own.unwrap_or_else(|| self.mode.clone())
    }

    fn level_of(&self, subject: &str) -> String {
        let own = self
            .by_name
            .get(subject)
            .and_then(|subject| subject.level.clone());
        own.unwrap_or_else(|| self.level.clone())
    }

    fn register(&mut self, subject: &str, body: &Value) -> Reply {
        let Some(text) = body["schema"].as_str() else {
            return error(422, 42201, "Invalid schema: it is null");
        };
        let wanted = content(body);
        if wanted["schemaType"] == "AVRO" && serde_json::from_str::<Value>(text).is_err() {
            return error(422, 42201, format!("Invalid schema {text}"));
        }
        for reference in wanted["references"].as_array().into_iter().flatten() {
            let (name, number) = (&reference["subject"], reference["version"].to_string());
            if self
                .find(name.as_str().unwrap_or_default(), &number)
                .is_err()
            {
                return error(
                    422,
                    42201,
                    format!("No schema reference found for subject {name} and version {number}"),
                );
            }
        }
        if let (200, found) = self.lookup(subject, body, false) {
            return (
                200,
                json!({ "id": found["id"], "version": found["version"] }),
            );
        }
        let mode = self.mode_of(subject);
        if mode != "READWRITE" {
            return error(422, 42205, format!("Subject {subject} is in {mode} mode"));
        }
        let breaks = self.breaks(subject, None, &wanted);
        if !breaks.is_empty() {
            return error(
                409,
                40901,
                format!(
                    "Schema being registered is incompatible with an earlier schema; details: {breaks:?}"
                ),
            );
        }
        let known = self
            .contents
            .iter()
            .position(|content| same(content, &wanted));
        let id = known.unwrap_or_else(|| {
            self.contents.push(wanted);
            self.contents.len() - 1
        });
        let id = u64::try_from(id).unwrap() + 1;
        let versions = &mut self.by_name.entry(subject.to_owned()).or_default().versions;
        let number = versions.last().map_or(1, |last| last.number + 1);
        versions.push(Version {
            number,
            id,
            deleted: false,
        });
        (200, json!({ "id": id, "version": number }))
    }

    /// Returns why a content cannot follow the versions that the level compares with.
    fn breaks(&self, subject: &str, only: Option<u64>, wanted: &Value) -> Vec<String> {
        let level = self.level_of(subject);
        let mut earlier = self.live(subject);
        match only {
            Some(number) => earlier.retain(|version| version.number == number),
            None if !level.ends_with("_TRANSITIVE") => {
                earlier = earlier.split_off(earlier.len().saturating_sub(1));
            }
            None => {}
        }
        let mut breaks = Vec::new();
        for version in earlier {
            let old = &self.contents[usize::try_from(version.id).unwrap() - 1];
            let (old, new) = (fields(old), fields(wanted));
            let backward = level.starts_with("BACKWARD") || level.starts_with("FULL");
            let forward = level.starts_with("FORWARD") || level.starts_with("FULL");
            for (needs, reads, writes) in [(backward, &new, &old), (forward, &old, &new)] {
                let missing = reads
                    .iter()
                    .filter(|(name, has_default)| !**has_default && !writes.contains_key(*name));
                breaks.extend(missing.filter(|_| needs).map(|(name, _)| {
                    format!("READER_FIELD_MISSING_DEFAULT_VALUE: the field '{name}' has no default and is missing in version {}", version.number)
                }));
            }
        }
        breaks
    }

    fn check(&self, subject: &str, which: Option<&str>, body: &Value, verbose: bool) -> Reply {
        let wanted = content(body);
        let text = body["schema"].as_str().unwrap_or_default();
        if wanted["schemaType"] == "AVRO" && serde_json::from_str::<Value>(text).is_err() {
            return error(422, 42201, format!("Invalid schema {text}"));
        }
        let only = match which {
            None => None,
            Some(which) => match self.find(subject, which) {
                Ok(version) => Some(version.number),
                Err(reply) => return reply,
            },
        };
        let breaks = self.breaks(subject, only, &wanted);
        let mut answer = json!({ "is_compatible": breaks.is_empty() });
        if verbose {
            answer["messages"] = json!(breaks);
        }
        (200, answer)
    }

    fn referenced_by(&self, subject: &str, version: &str) -> Reply {
        let version = match self.find(subject, version) {
            Ok(version) => version,
            Err(reply) => return reply,
        };
        (200, json!(self.referrers(subject, version.number)))
    }

    /// Returns the ids of the contents that refer to a version and are still registered.
    fn referrers(&self, subject: &str, number: u64) -> Vec<u64> {
        let refers = |content: &Value| {
            content["references"]
                .as_array()
                .into_iter()
                .flatten()
                .any(|reference| reference["subject"] == subject && reference["version"] == number)
        };
        let ids = self
            .contents
            .iter()
            .zip(1u64..)
            .filter(|(content, _)| refers(content));
        ids.map(|(_, id)| id)
            .filter(|id| {
                let versions = self.by_name.values().flat_map(|subject| &subject.versions);
                versions
                    .into_iter()
                    .any(|version| version.id == *id && !version.deleted)
            })
            .collect()
    }

    fn holders(&self, id: &str) -> Reply {
        let id: u64 = id.parse().unwrap_or_default();
        let mut holders = Vec::new();
        for (name, subject) in &self.by_name {
            for version in subject.versions.iter().filter(|v| v.id == id && !v.deleted) {
                holders.push(json!({ "subject": name, "version": version.number }));
            }
        }
        (200, json!(holders))
    }

    fn delete(&mut self, subject: &str, permanent: bool) -> Reply {
        let live = self.live(subject);
        let Some(found) = self
            .by_name
            .get(subject)
            .filter(|found| !found.versions.is_empty())
        else {
            return no_subject(subject);
        };
        if permanent {
            if !live.is_empty() {
                return error(
                    404,
                    40405,
                    format!(
                        "Subject '{subject}' was not deleted first before being permanently deleted"
                    ),
                );
            }
            let numbers: Vec<u64> = found
                .versions
                .iter()
                .map(|version| version.number)
                .collect();
            self.by_name.remove(subject);
            return (200, json!(numbers));
        }
        if live.is_empty() {
            return error(404, 40404, format!("Subject '{subject}' was soft deleted."));
        }
        if live
            .iter()
            .any(|version| !self.referrers(subject, version.number).is_empty())
        {
            return error(
                422,
                42206,
                format!("One or more references exist to the schema of {subject}"),
            );
        }
        let mode = self.mode_of(subject);
        if mode != "READWRITE" {
            return error(422, 42205, format!("Subject {subject} is in {mode} mode"));
        }
        let found = self.by_name.get_mut(subject).unwrap();
        found
            .versions
            .iter_mut()
            .for_each(|version| version.deleted = true);
        found.level = None;
        found.mode = None;
        let numbers: Vec<u64> = live.iter().map(|version| version.number).collect();
        (200, json!(numbers))
    }

    fn config(&mut self, method: &str, subject: Option<&str>, body: &Value) -> Reply {
        const LEVELS: [&str; 7] = [
            "NONE",
            "BACKWARD",
            "BACKWARD_TRANSITIVE",
            "FORWARD",
            "FORWARD_TRANSITIVE",
            "FULL",
            "FULL_TRANSITIVE",
        ];
        match (method, subject) {
            ("GET", None) => (200, json!({ "compatibilityLevel": self.level })),
            ("GET", Some(subject)) => {
                match self
                    .by_name
                    .get(subject)
                    .and_then(|subject| subject.level.as_ref())
                {
                    Some(level) => (200, json!({ "compatibilityLevel": level })),
                    None => error(
                        404,
                        40408,
                        format!(
                            "Subject '{subject}' does not have subject-level compatibility configured"
                        ),
                    ),
                }
            }
            ("PUT", subject) => {
                let level = body["compatibility"].as_str().unwrap_or_default();
                if !LEVELS.contains(&level) {
                    return error(422, 42203, "Invalid compatibility level.");
                }
                match subject {
                    Some(subject) => {
                        let entry = self.by_name.entry(subject.to_owned()).or_default();
                        entry.level = Some(level.to_owned());
                    }
                    None => level.clone_into(&mut self.level),
                }
                (200, json!({ "compatibility": level }))
            }
            (_, Some(subject)) => {
                match self
                    .by_name
                    .get_mut(subject)
                    .and_then(|subject| subject.level.take())
                {
                    Some(level) => (200, json!({ "compatibilityLevel": level })),
                    None => no_subject(subject),
                }
            }
            (_, None) => {
                let before = std::mem::replace(&mut self.level, "BACKWARD".into());
                (200, json!({ "compatibilityLevel": before }))
            }
        }
    }

    fn modes(
        &mut self,
        method: &str,
        subject: Option<&str>,
        body: &Value,
        default_to_global: bool,
    ) -> Reply {
        match (method, subject) {
            ("GET", None) => (200, json!({ "mode": self.mode })),
            ("GET", Some(subject)) => {
                match self
                    .by_name
                    .get(subject)
                    .and_then(|subject| subject.mode.as_ref())
                {
                    Some(mode) => (200, json!({ "mode": mode })),
                    None if default_to_global => (200, json!({ "mode": self.mode })),
                    None => error(
                        404,
                        40409,
                        format!("Subject '{subject}' does not have subject-level mode configured"),
                    ),
                }
            }
            ("PUT", subject) => {
                let mode = body["mode"].as_str().unwrap_or_default();
                match mode {
                    "READWRITE" | "READONLY" | "READONLY_OVERRIDE" => {}
                    "IMPORT" if subject.is_none_or(|subject| self.live(subject).is_empty()) => {}
                    "IMPORT" => {
                        return error(422, 42205, "Cannot import since found existing subjects");
                    }
                    _ => return error(422, 42204, "Invalid mode."),
                }
                match subject {
                    Some(subject) => {
                        let entry = self.by_name.entry(subject.to_owned()).or_default();
                        entry.mode = Some(mode.to_owned());
                    }
                    None => mode.clone_into(&mut self.mode),
                }
                (200, json!({ "mode": mode }))
            }
            (_, Some(subject)) => {
                match self
                    .by_name
                    .get_mut(subject)
                    .and_then(|subject| subject.mode.take())
                {
                    Some(mode) => (200, json!({ "mode": mode })),
                    None => no_subject(subject),
                }
            }
            (_, None) => {
                let before = std::mem::replace(&mut self.mode, "READWRITE".into());
                (200, json!({ "mode": before }))
            }
        }
    }
}

/// Returns a record's fields and whether each has a default.
fn fields(content: &Value) -> BTreeMap<String, bool> {
    let schema = canonical(content["schema"].as_str().unwrap_or_default());
    let fields = schema["fields"].as_array().cloned().unwrap_or_default();
    fields
        .iter()
        .filter_map(|field| {
            let name = field["name"].as_str()?;
            Some((name.to_owned(), field.get("default").is_some()))
        })
        .collect()
}
