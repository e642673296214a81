//! The driver of topics, against real brokers: what it reads, what it measures, what it changes.

mod cluster;
mod single;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex};

use streamform::address::{Address, ProviderAddress};
use streamform::clients::Connections;
use streamform::config::block::Attribute;
use streamform::config::project::Provider;
use streamform::config::value::Value;
use streamform::diagnostic::Span;
use streamform::document::Document;
use streamform::kinds::driver::{Context, Driver as _, Failure, Operation, Question, Wanted};
use streamform::kinds::topic::driver::TopicDriver;
use streamform::kinds::topic::{Topic, TopicFacts, TopicLive, TopicSpec};
use streamform::kinds::{Action, Kind as _};
use tokio::runtime::Runtime;
use tokio::sync::mpsc;

/// A driver, and what it told.
struct Driven {
    runtime: Runtime,
    driver: TopicDriver,
    notes: Arc<Mutex<Vec<(Address, Document)>>>,
    progress: Arc<Mutex<Vec<String>>>,
}

impl Driven {
    /// Returns the driver of a cluster without TLS or login.
    fn new(bootstrap: &str) -> Self {
        let span = Span::new("main.hcl", 0..0);
        let servers = Attribute {
            value: Value::string(bootstrap),
            key_span: span.clone(),
            value_span: span.clone(),
        };
        let settings = BTreeMap::from([("bootstrap_servers".into(), servers)]);
        let kafka = ProviderAddress {
            kind: "kafka".into(),
            alias: None,
        };
        let providers = BTreeMap::from([(kafka.clone(), Provider { settings, span })]);
        let connections = Connections::new(&providers, Path::new("."));
        Self {
            runtime: Runtime::new().unwrap(),
            driver: TopicDriver::connect(&connections, &kafka).unwrap(),
            notes: Arc::default(),
            progress: Arc::default(),
        }
    }

    fn observe(&self, spec: &TopicSpec) -> Option<TopicLive> {
        let wanted = vec![Wanted {
            remote_id: spec.name.clone(),
            specs: vec![spec.clone()],
            owned: false,
            unwanted: false,
            outcome: None,
            notes: None,
        }];
        let seen = self.runtime.block_on(self.driver.observe(wanted));
        seen.unwrap().remove(0)
    }

    /// Measures a change to what is wanted, or the deletion of what is there.
    fn investigate(&self, action: Action, spec: &TopicSpec) -> TopicFacts {
        let live = self.observe(spec);
        let deltas = live
            .as_ref()
            .map(|live| Topic::diff(spec, &[], live))
            .unwrap_or_default();
        let question = Question {
            action,
            remote_id: spec.name.clone(),
            spec: (action != Action::Delete).then(|| spec.clone()),
            prior: None,
            live,
            deltas,
        };
        let facts = self
            .runtime
            .block_on(self.driver.investigate(vec![question]));
        facts.unwrap().remove(0)
    }

    /// Returns the operation that makes the topic as wanted; `was` is what an earlier run wanted.
    fn operation(&self, action: Action, spec: &TopicSpec, was: &[TopicSpec]) -> Operation<Topic> {
        let wanted = Wanted {
            remote_id: spec.name.clone(),
            specs: std::iter::once(spec).chain(was).cloned().collect(),
            owned: !was.is_empty(),
            unwanted: false,
            outcome: None,
            notes: None,
        };
        let seen = self.runtime.block_on(self.driver.observe(vec![wanted]));
        let live = seen.unwrap().remove(0);
        Operation {
            address: Address::root("topic", spec.name.as_str()),
            action,
            remote_id: spec.name.clone(),
            spec: (action != Action::Delete).then(|| spec.clone()),
            deltas: live
                .as_ref()
                .map(|live| Topic::diff(spec, was, live))
                .unwrap_or_default(),
            live,
            outcome: None,
            notes: None,
            facts: None,
        }
    }

    fn apply(&self, operations: Vec<Operation<Topic>>) -> Vec<Result<(), Failure>> {
        let (sender, mut requests) = mpsc::channel(1);
        let told = self.progress.clone();
        let progress = move |address: &Address, text: String| {
            told.lock().unwrap().push(format!("{address}: {text}"));
        };
        let context = Context::new(Arc::new(progress), sender);
        let notes = self.notes.clone();
        self.runtime.block_on(async move {
            let journal = tokio::spawn(async move {
                while let Some((address, note, written)) = requests.recv().await {
                    let note: (Address, Document) = (address, note);
                    notes.lock().unwrap().push(note);
                    let _ = written.send(());
                }
            });
            let results = self.driver.apply(operations, &context).await;
            drop(context);
            journal.await.unwrap();
            let results = results.into_iter();
            results.map(|result| result.map(drop)).collect()
        })
    }
}

fn spec(name: &str, partitions: u32, config: &[(&str, &str)]) -> TopicSpec {
    TopicSpec {
        name: name.into(),
        partitions: Some(partitions),
        replication_factor: None,
        config: config
            .iter()
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
            .collect(),
        placement: None,
        reassignment: None,
        internal: false,
    }
}
