//! What the stand-in's workers hold and answer.

use std::cell::Cell;
use std::collections::BTreeMap;

use serde_json::{Value, json};

/// The workers' connectors, and how they are.
#[derive(Default)]
pub(crate) struct Workers {
    connectors: BTreeMap<String, Connector>,
    /// Whether passwords are shown as stars.
    pub(crate) masks: bool,
    /// Whether connectors are left out of the list with their details.
    pub(crate) hides: bool,
    /// Whether they are older than Kafka 3.7, and know neither `PATCH` nor an initial state.
    pub(crate) is_old: bool,
    /// How often the task of each connector fails before it runs.
    pub(crate) failures: u32,
    /// What validation answers for each key: the errors.
    pub(crate) refused: BTreeMap<String, String>,
}

struct Connector {
    config: BTreeMap<String, String>,
    state: &'static str,
    failures: u32,
    /// The password that it had when it failed, which its words repeat.
    tried: String,
    /// Another configuration helps, and how often it is then still shown as failed.
    mended: Option<u32>,
    stale: Cell<u32>,
    /// How often it is still shown as being restarted.
    restarting: Cell<u32>,
}

const PLUGIN: &str = "org.apache.kafka.connect.file.FileStreamSinkConnector";
const PASSWORD: &str = "the.password";

impl Workers {
    /// Makes a connector.
    pub(crate) fn add(&mut self, name: &str, config: BTreeMap<String, String>) {
        let connector = Connector {
            config,
            state: "RUNNING",
            failures: 0,
            tried: String::new(),
            mended: None,
            stale: Cell::new(0),
            restarting: Cell::new(0),
        };
        self.connectors.insert(name.to_owned(), connector);
    }

    /// Sets what is set of a connector.
    pub(crate) fn set(&mut self, name: &str, config: &Value) {
        self.connectors.get_mut(name).unwrap().config = texts(config);
    }

    /// Shows a connector so often as being restarted.
    pub(crate) fn restart(&mut self, name: &str, times: u32) {
        self.connectors[name].restarting.set(times);
    }

    /// Deletes a connector.
    pub(crate) fn delete(&mut self, name: &str) {
        self.connectors.remove(name).unwrap();
    }

    /// Lets the task of a connector fail, this often until a restart helps.
    pub(crate) fn fail(&mut self, name: &str, times: u32) {
        let connector = self.connectors.get_mut(name).unwrap();
        connector.failures = times;
        connector.tried = password(&connector.config);
    }

    /// Lets the task of a connector fail until its configuration is changed, which is shown so often later.
    pub(crate) fn fail_until_changed(&mut self, name: &str, late: u32) {
        self.fail(name, u32::MAX);
        self.connectors.get_mut(name).unwrap().mended = Some(late);
    }

    pub(super) fn config(&self, name: &str) -> Value {
        json!(self.connectors[name].config)
    }

    /// Returns the status and the body that a request is answered with.
    pub(super) fn answer(
        &mut self,
        method: &str,
        path: &[&str],
        expanded: bool,
        body: &Value,
    ) -> (u16, Value) {
        match (method, path) {
            ("GET", ["connectors"]) if expanded => {
                let shown = self.connectors.iter().filter(|_| !self.hides);
                let all = shown.map(|(name, connector)| {
                    let info = self.info(name, connector);
                    let status = connector.status(name);
                    (name.clone(), json!({ "info": info, "status": status }))
                });
                (200, Value::Object(all.collect()))
            }
            ("GET", ["connectors"]) => (200, json!(self.connectors.keys().collect::<Vec<_>>())),
            ("POST", ["connectors"]) => self.create(body),
            ("GET", ["connector-plugins"]) => (
                200,
                json!([{ "class": PLUGIN, "type": "sink", "version": "1" }]),
            ),
            ("PUT", ["connector-plugins", _, "config", "validate"]) => (200, self.validation(body)),
            (method, ["connectors", name, rest @ ..]) => {
                let name = (*name).to_owned();
                if self.connectors.contains_key(&name) {
                    self.one(method, &name, rest, body)
                } else {
                    refuse(404, &format!("Connector {name} not found"))
                }
            }
            _ => refuse(404, "HTTP 404 Not Found"),
        }
    }

    fn create(&mut self, body: &Value) -> (u16, Value) {
        if self.is_old && !body["initial_state"].is_null() {
            let message = "Unrecognized field \"initial_state\" (class org.apache.kafka.connect.runtime.rest.\
                           entities.CreateConnectorRequest), not marked as ignorable (2 known properties: \
                           \"config\", \"name\"])";
            return refuse(500, message);
        }
        let name = body["name"].as_str().unwrap().to_owned();
        if self.connectors.contains_key(&name) {
            return refuse(409, &format!("Connector {name} already exists"));
        }
        let state = match body["initial_state"].as_str() {
            Some("STOPPED") => "STOPPED",
            Some("PAUSED") => "PAUSED",
            _ => "RUNNING",
        };
        let config = texts(&body["config"]);
        let connector = Connector {
            tried: password(&config),
            mended: None,
            stale: Cell::new(0),
            config,
            state,
            failures: self.failures,
            restarting: Cell::new(0),
        };
        let info = self.info(&name, &connector);
        self.connectors.insert(name, connector);
        (201, info)
    }

    fn one(&mut self, method: &str, name: &str, rest: &[&str], body: &Value) -> (u16, Value) {
        let is_old = self.is_old;
        let connector = self.connectors.get_mut(name).unwrap();
        match (method, rest) {
            ("DELETE", []) => {
                self.connectors.remove(name);
                return (204, Value::Null);
            }
            ("GET", ["status"]) => return (200, connector.status(name)),
            ("PATCH", ["config"]) if is_old => return refuse(405, "HTTP 405 Method Not Allowed"),
            ("PATCH", ["config"]) => {
                for (key, value) in body.as_object().unwrap() {
                    match value.as_str() {
                        Some(text) => connector.config.insert(key.clone(), text.to_owned()),
                        None => connector.config.remove(key),
                    };
                }
                connector.mend();
            }
            ("PUT", ["config"]) => {
                connector.config = texts(body);
                connector.mend();
            }
            ("PUT", ["resume"]) => connector.state = "RUNNING",
            ("PUT", ["pause"]) => connector.state = "PAUSED",
            ("PUT", ["stop"]) => connector.state = "STOPPED",
            ("POST", ["restart"]) => connector.failures = connector.failures.saturating_sub(1),
            ("GET", ["offsets"]) => return (200, json!({ "offsets": [] })),
            ("GET", []) => {}
            _ => return refuse(404, "HTTP 404 Not Found"),
        }
        let connector = &self.connectors[name];
        (200, self.info(name, connector))
    }

    fn info(&self, name: &str, connector: &Connector) -> Value {
        let mut config = connector.config.clone();
        config.insert("name".to_owned(), name.to_owned());
        if self.masks
            && let Some(password) = config.get_mut(PASSWORD)
        {
            "****************".clone_into(password);
        }
        json!({ "name": name, "config": config, "tasks": [], "type": "sink" })
    }

    fn validation(&self, body: &Value) -> Value {
        let keys = ["connector.class", "file", "topics", "tasks.max", PASSWORD];
        let configs = keys.iter().map(|key| {
            let kind = if *key == PASSWORD {
                "PASSWORD"
            } else {
                "STRING"
            };
            let errors: Vec<String> = self
                .refused
                .get(*key)
                .map(|message| message.replace("VALUE", body[*key].as_str().unwrap_or("null")))
                .into_iter()
                .collect();
            json!({
                "definition": { "name": key, "type": kind, "required": false },
                "value": { "name": key, "errors": errors, "recommended_values": [] },
            })
        });
        let configs: Vec<Value> = configs.collect();
        json!({ "name": "S", "error_count": self.refused.len(), "configs": configs })
    }
}

impl Connector {
    fn mend(&mut self) {
        if let Some(late) = self.mended.take() {
            self.failures = 0;
            self.stale.set(late);
        }
    }

    fn status(&self, name: &str) -> Value {
        let restarts = self.restarting.get();
        self.restarting.set(restarts.saturating_sub(1));
        if restarts > 0 {
            return json!({
                "name": name, "type": "sink",
                "tasks": [{ "id": 0, "state": "UNASSIGNED", "worker_id": "w" }],
                "connector": { "state": "RESTARTING", "worker_id": "w" },
            });
        }
        let late = self.stale.get();
        self.stale.set(late.saturating_sub(1));
        let tasks = match (self.state, self.failures.max(late)) {
            ("STOPPED", _) => json!([]),
            ("RUNNING", 1..) => json!([{
                "id": 0, "state": "FAILED", "worker_id": "w",
                "trace": format!(
                    "org.apache.kafka.connect.errors.ConnectException: wrong password {}\n\tat a.B.c(D.java:1)",
                    self.tried
                ),
            }]),
            (state, _) => json!([{ "id": 0, "state": state, "worker_id": "w" }]),
        };
        json!({
            "name": name, "type": "sink", "tasks": tasks,
            "connector": { "state": self.state, "worker_id": "w" },
        })
    }
}

fn password(config: &BTreeMap<String, String>) -> String {
    config.get(PASSWORD).cloned().unwrap_or_default()
}

fn texts(config: &Value) -> BTreeMap<String, String> {
    let entries = config.as_object().unwrap().iter();
    let texts = entries.filter(|(key, _)| *key != "name");
    texts
        .map(|(key, value)| (key.clone(), value.as_str().unwrap().to_owned()))
        .collect()
}

fn refuse(status: u16, message: &str) -> (u16, Value) {
    (status, json!({ "error_code": status, "message": message }))
}
