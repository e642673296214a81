//! Kafka Connect for tests: a plain client that shares nothing with Streamform's own, and a stand-in.

mod stand_in;
mod workers;

use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::registry::Registry;

pub(crate) use stand_in::StandIn;

/// A plain client of a worker.
#[derive(Debug, Clone)]
pub(crate) struct Connect {
    http: Registry,
}

impl Connect {
    /// Returns a client.
    pub(crate) fn at(url: &str) -> Self {
        Self {
            http: Registry::at(url),
        }
    }

    /// Returns the worker's address.
    pub(crate) fn url(&self) -> &str {
        &self.http.url
    }

    /// Calls the worker, again while it rebalances; returns the status and the body.
    pub(crate) fn call(&self, method: &str, path: &str, body: Option<&Value>) -> (u16, Value) {
        let deadline = Instant::now() + Duration::from_secs(30);
        loop {
            let (status, answer) = self.http.call(method, path, body);
            let is_rebalance =
                status == 409 || answer.to_string().contains("rebalance is expected");
            if !is_rebalance || Instant::now() > deadline {
                return (status, answer);
            }
            thread::sleep(Duration::from_millis(200));
        }
    }

    /// Returns what is set of a connector.
    pub(crate) fn config(&self, name: &str) -> Value {
        self.call("GET", &format!("/connectors/{name}/config"), None)
            .1
    }

    /// Sets keys of a connector; null removes one.
    pub(crate) fn patch(&self, name: &str, changes: &Value) {
        let (status, answer) = self.call(
            "PATCH",
            &format!("/connectors/{name}/config"),
            Some(changes),
        );
        assert_eq!(status, 200, "{answer}");
    }

    /// Returns the connector's state and those of its tasks: `RUNNING [RUNNING]`.
    pub(crate) fn state(&self, name: &str) -> String {
        let (status, answer) = self.call("GET", &format!("/connectors/{name}/status"), None);
        if status != 200 {
            return format!("{status}");
        }
        let word = |part: &Value| part["state"].as_str().unwrap_or("?").to_owned();
        let tasks = answer["tasks"].as_array().cloned().unwrap_or_default();
        let tasks: Vec<String> = tasks.iter().map(word).collect();
        format!("{} [{}]", word(&answer["connector"]), tasks.join(", "))
    }

    /// Waits until a connector is in a state, as [`Connect::state`] writes it.
    #[track_caller]
    pub(crate) fn wait_for(&self, name: &str, state: &str) {
        let deadline = Instant::now() + Duration::from_mins(1);
        while self.state(name) != state {
            assert!(
                Instant::now() < deadline,
                "{name} is {}, not {state}",
                self.state(name)
            );
            thread::sleep(Duration::from_millis(100));
        }
    }

    /// Waits until a connector has committed how far it has come.
    #[track_caller]
    pub(crate) fn wait_for_offsets(&self, name: &str) {
        let deadline = Instant::now() + Duration::from_secs(90);
        let path = format!("/connectors/{name}/offsets");
        loop {
            let (_, answer) = self.call("GET", &path, None);
            if answer["offsets"]
                .as_array()
                .is_some_and(|all| !all.is_empty())
            {
                return;
            }
            assert!(Instant::now() < deadline, "{name} has committed nothing");
            thread::sleep(Duration::from_millis(200));
        }
    }

    /// Brings a connector to another state by hand: `pause`, `resume`, `stop`.
    pub(crate) fn bring(&self, name: &str, verb: &str) {
        let (status, answer) = self.call("PUT", &format!("/connectors/{name}/{verb}"), None);
        assert!((200..300).contains(&status), "{status} {answer}");
    }

    /// Whether there is such a connector.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.call("GET", &format!("/connectors/{name}"), None).0 == 200
    }

    /// Makes a connector by hand.
    pub(crate) fn create(&self, name: &str, config: &Value) {
        let body = json!({ "name": name, "config": config });
        let (status, answer) = self.call("POST", "/connectors", Some(&body));
        assert_eq!(status, 201, "{answer}");
    }

    /// Deletes the connectors whose names begin with a prefix.
    pub(crate) fn delete_all(&self, prefix: &str) {
        let (_, names) = self.call("GET", "/connectors", None);
        let names = names.as_array().cloned().unwrap_or_default();
        for name in names.iter().filter_map(Value::as_str) {
            if name.starts_with(prefix) {
                self.call("DELETE", &format!("/connectors/{name}"), None);
            }
        }
    }
}
