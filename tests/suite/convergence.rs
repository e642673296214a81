//! Plan → apply → plan is empty, whatever the project says and whatever happened to the topics between.
//!
//! The planner, the gates, the executor, the state and its journal are the real ones; the cluster is a
//! [`World`] in memory, so that hundreds of histories take seconds. `round_trip` does the same on a broker.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use proptest::prelude::{Just, Strategy, prop, prop_oneof};
use proptest::test_runner::{Config, TestRunner};
use streamform::address::Address;
use streamform::apply::{ApplyOutcome, Events};
use streamform::backend::LeaseRequest;
use streamform::config::project::Inputs;
use streamform::gate::review;
use streamform::kinds::Action;
use streamform::pipeline::{self, Basis, PlanOptions, Planned, Request};
use streamform::plan::file;
use streamform::source::Snapshot;
use streamform::state::State;
use tokio::runtime::Runtime;

use crate::support::project::Project;
use crate::support::world::{self, Call, World, WorldTopic};

/// How many histories are made up.
const HISTORIES: u32 = 48;
/// How many topics there may be: few, so that they meet.
const TOPICS: u8 = 6;
/// Keys that are set, with some values each; some differ in writing only.
const SETTINGS: [(&str, &[&str]); 4] = [
    ("retention.ms", &["-1", "3600000", "86400000", "086400000"]),
    (
        "cleanup.policy",
        &["delete", "compact,delete", "delete, compact"],
    ),
    ("min.cleanable.dirty.ratio", &["0.5", "0.50", "0.25"]),
    ("preallocate", &["true", "TRUE", "false"]),
];

type Settings = BTreeMap<&'static str, &'static str>;

/// What a project says about one topic.
#[derive(Debug, Clone)]
struct Declared {
    partitions: u32,
    replication_factor: Option<u32>,
    settings: Settings,
    /// Topics with a smaller number: no cycle.
    needs: BTreeSet<u8>,
}

/// What somebody does to a topic with another tool.
#[derive(Debug, Clone)]
enum Meddling {
    Set(&'static str, &'static str),
    Unset(&'static str),
    Grow,
    Delete,
    Create,
}

/// One commit of the project, and what happened since the one before.
#[derive(Debug, Clone)]
struct Step {
    meddling: Vec<(u8, Meddling)>,
    declared: BTreeMap<u8, Declared>,
    /// Topics without a block that are to stay.
    forgotten: BTreeSet<u8>,
    /// Topics that the brokers fail to change at first.
    broken: BTreeSet<u8>,
}

fn setting() -> impl Strategy<Value = (&'static str, &'static str)> {
    prop::sample::select(&SETTINGS[..])
        .prop_flat_map(|(key, values)| (Just(key), prop::sample::select(values)))
}

fn declared() -> impl Strategy<Value = Declared> {
    (
        1..5_u32,
        prop::option::of(1..4_u32),
        prop::collection::btree_map(0..4_u8, setting(), 0..4),
        prop::collection::btree_set(0..TOPICS, 0..3),
    )
        .prop_map(
            |(partitions, replication_factor, settings, needs)| Declared {
                partitions,
                replication_factor,
                settings: settings.into_values().collect(),
                needs,
            },
        )
}

fn meddling() -> impl Strategy<Value = Meddling> {
    prop_oneof![
        4 => setting().prop_map(|(key, value)| Meddling::Set(key, value)),
        2 => setting().prop_map(|(key, _)| Meddling::Unset(key)),
        1 => Just(Meddling::Grow),
        1 => Just(Meddling::Delete),
        1 => Just(Meddling::Create),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    (
        prop::collection::vec((0..TOPICS, meddling()), 0..4),
        prop::collection::btree_map(0..TOPICS, declared(), 0..6),
        prop::collection::btree_set(0..TOPICS, 0..2),
        prop_oneof![
            3 => Just(BTreeSet::new()),
            1 => prop::collection::btree_set(0..TOPICS, 1..3),
        ],
    )
        .prop_map(|(meddling, mut declared, forgotten, broken)| {
            let there: BTreeSet<u8> = declared.keys().copied().collect();
            for (number, topic) in &mut declared {
                topic
                    .needs
                    .retain(|needed| needed < number && there.contains(needed));
            }
            Step {
                meddling,
                forgotten: forgotten.difference(&there).copied().collect(),
                declared,
                broken,
            }
        })
}

#[test]
fn what_was_applied_plans_to_nothing_in_any_history() {
    let config = Config {
        cases: HISTORIES,
        failure_persistence: None,
        max_shrink_time: 60_000,
        ..Config::default()
    };
    let history = prop::collection::vec(step(), 1..6);
    let ended = TestRunner::new(config).run(&history, |steps| {
        let mut run = History::new();
        for step in &steps {
            run.step(step);
        }
        Ok(())
    });
    if let Err(failed) = ended {
        unreachable!("{failed}");
    }
}

/// A project, its cluster and its state, as they go through a history.
struct History {
    project: Project,
    world: Arc<Mutex<World>>,
    runtime: Runtime,
    before: BTreeMap<u8, Declared>,
}

impl History {
    fn new() -> Self {
        Self {
            project: Project::new(),
            world: Arc::new(Mutex::new(World::new(3))),
            runtime: tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap(),
            before: BTreeMap::new(),
        }
    }

    fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap()
    }

    fn step(&mut self, step: &Step) {
        for (number, meddling) in &step.meddling {
            meddle(&mut self.world(), &name(*number), meddling);
        }
        let owned = self.state().objects;
        let wanted = self.declare(step, &owned.keys().cloned().collect());
        self.world().broken = step.broken.iter().map(|number| name(*number)).collect();
        let mut outcome = self.apply();
        self.check_order(&wanted, &outcome);
        if !outcome.is_complete() {
            for address in outcome.failed.keys() {
                assert!(self.world().broken.contains(&*address.name), "{outcome:?}");
            }
            self.world().broken.clear();
            outcome = self.apply();
            self.check_order(&wanted, &outcome);
        }
        assert!(outcome.is_complete(), "{outcome:?}");
        let plan = self.plan().plan;
        assert!(plan.is_empty() && plan.drift.is_empty(), "{plan:#?}");
        self.check_world(&wanted, step);
        self.before = wanted;
    }

    /// Writes the project; partitions never shrink. Returns what it says.
    fn declare(&self, step: &Step, owned: &BTreeSet<Address>) -> BTreeMap<u8, Declared> {
        let world = self.world();
        let mut text = String::from("provider \"kafka\" { bootstrap_servers = \"kafka:9092\" }\n");
        let mut wanted = step.declared.clone();
        for (number, topic) in &mut wanted {
            let name = name(*number);
            if let Some(live) = world.topics.get(&name) {
                topic.partitions = topic.partitions.max(live.partitions);
                if !owned.contains(&address(*number)) {
                    writeln!(
                        text,
                        "import {{\n  to = topic.{name}\n  id = \"{name}\"\n}}"
                    )
                    .unwrap();
                }
            }
            block(&mut text, &name, topic);
        }
        for number in &step.forgotten {
            writeln!(
                text,
                "removed {{\n  from = topic.{}\n  lifecycle {{ destroy = false }}\n}}",
                name(*number)
            )
            .unwrap();
        }
        self.project.write("main.hcl", &text);
        wanted
    }

    fn prepare(&self) -> pipeline::Prepared {
        let folder: &Path = self.project.folder();
        let mut prepared = pipeline::prepare(&Request {
            snapshot: Snapshot::of_directory(folder).unwrap(),
            environment: None,
            inputs: Inputs::default(),
            base: folder.to_owned(),
        })
        .unwrap();
        let kafka = "kafka".parse().unwrap();
        prepared.drivers = prepared
            .drivers
            .with(kafka, "topic", world::driver(&self.world));
        prepared
    }

    fn state(&self) -> State {
        self.project.write("main.hcl", "");
        let backend = self.prepare().backend;
        let snapshot = self.runtime.block_on(backend.read()).unwrap();
        if snapshot.state.serial > 0 {
            self.runtime.block_on(backend.verify()).unwrap();
        }
        snapshot.state
    }

    fn plan(&self) -> Planned {
        let prepared = self.prepare();
        self.runtime.block_on(async {
            let snapshot = prepared.backend.read().await.unwrap();
            let basis = Basis::from(snapshot);
            pipeline::plan_environment(prepared, basis, PlanOptions::default())
                .await
                .unwrap()
        })
    }

    fn apply(&self) -> ApplyOutcome {
        self.world().calls.clear();
        let prepared = self.prepare();
        let backend = prepared.backend.clone();
        let request = LeaseRequest {
            operation: "apply".into(),
            who: "test".into(),
            commit: None,
            wait: Duration::ZERO,
        };
        self.runtime.block_on(async {
            let mut writer = backend.acquire(&request).await.unwrap();
            let basis = Basis::from(&writer);
            let planning = pipeline::plan_environment(prepared, basis, PlanOptions::default());
            let Planned {
                plan,
                mut drivers,
                mut gates,
                ..
            } = planning.await.unwrap();
            assert_eq!(file::decode(&file::encode(&plan)).unwrap(), plan);
            gates.max_deletions = Some(u64::from(TOPICS));
            let approved = review(plan, &gates).unwrap();
            let (_stay, interrupts) = tokio::sync::watch::channel(0);
            let events = Events::ignore();
            let applying =
                pipeline::apply_plan(approved, &mut writer, &mut drivers, &events, interrupts);
            let outcome = applying.await.unwrap();
            writer.release().await.unwrap();
            outcome
        })
    }

    /// Checks that nothing was made before what it needs, or deleted before what needed it.
    fn check_order(&self, wanted: &BTreeMap<u8, Declared>, outcome: &ApplyOutcome) {
        let calls = self.world().calls.clone();
        let call = |number: u8, deletes: bool| {
            let mut calls = calls.iter();
            let found = calls.find(|call| {
                call.topic == name(number) && (call.action == Action::Delete) == deletes
            });
            found.map(|call: &Call| call.batch)
        };
        for (number, topic) in wanted {
            for needed in &topic.needs {
                if let (Some(this), Some(first)) = (call(*number, false), call(*needed, false)) {
                    assert!(
                        first < this,
                        "{number} before {needed}: {calls:?} {outcome:?}"
                    );
                }
            }
        }
        for (number, topic) in &self.before {
            for needed in &topic.needs {
                if let (Some(first), Some(this)) = (call(*number, true), call(*needed, true)) {
                    assert!(
                        first < this,
                        "{needed} before {number}: {calls:?} {outcome:?}"
                    );
                }
            }
        }
    }

    /// Checks the topics themselves, and that the state owns those of the project and no other.
    fn check_world(&self, wanted: &BTreeMap<u8, Declared>, step: &Step) {
        let world = self.world();
        for (number, topic) in wanted {
            let live = &world.topics[&name(*number)];
            assert_eq!(live.partitions, topic.partitions);
            let factor = topic.replication_factor;
            assert!(factor.is_none_or(|factor| factor == live.replication_factor));
            for (key, value) in &topic.settings {
                assert_eq!(meaning(key, &live.config[*key]), meaning(key, value));
            }
            let was = self.before.get(number).into_iter();
            for key in was.flat_map(|was| was.settings.keys()) {
                let is_set = live.config.contains_key(*key);
                assert_eq!(is_set, topic.settings.contains_key(key), "{number} {key}");
            }
        }
        for number in self.before.keys().filter(|n| !wanted.contains_key(n)) {
            let is_there = world.topics.contains_key(&name(*number));
            assert!(!is_there || step.forgotten.contains(number), "{number}");
        }
        drop(world);
        let owned: BTreeSet<Address> = self.state().objects.into_keys().collect();
        assert_eq!(owned, wanted.keys().map(|n| address(*n)).collect());
    }
}

fn name(number: u8) -> String {
    format!("t{number}")
}

fn address(number: u8) -> Address {
    Address::root("topic", name(number))
}

/// Returns a value in one writing of all those that mean the same.
fn meaning(key: &str, value: &str) -> String {
    match key {
        "retention.ms" => value.parse::<i64>().unwrap().to_string(),
        "min.cleanable.dirty.ratio" => value.parse::<f64>().unwrap().to_string(),
        "cleanup.policy" => {
            let items: BTreeSet<&str> = value.split(',').map(str::trim).collect();
            format!("{items:?}")
        }
        _ => value.to_lowercase(),
    }
}

/// Writes a topic's block.
fn block(text: &mut String, name: &str, topic: &Declared) {
    writeln!(
        text,
        "topic \"{name}\" {{\n  partitions = {}",
        topic.partitions
    )
    .unwrap();
    if let Some(factor) = topic.replication_factor {
        writeln!(text, "  replication_factor = {factor}").unwrap();
    }
    let settings = topic.settings.iter();
    let settings: Vec<String> = settings.map(|(k, v)| format!("{k:?} = {v:?}")).collect();
    let needs: Vec<String> = topic
        .needs
        .iter()
        .map(|n| address(*n).to_string())
        .collect();
    writeln!(
        text,
        "  config = {{ {} }}\n  depends_on = [{}]\n}}",
        settings.join(", "),
        needs.join(", ")
    )
    .unwrap();
}

fn meddle(world: &mut World, name: &str, meddling: &Meddling) {
    if let Meddling::Create = meddling {
        world.topics.entry(name.to_owned()).or_insert(WorldTopic {
            partitions: 2,
            replication_factor: 2,
            config: BTreeMap::new(),
            held: Vec::new(),
        });
    }
    let Some(topic) = world.topics.get_mut(name) else {
        return;
    };
    match meddling {
        Meddling::Set(key, value) => {
            topic.config.insert((*key).to_owned(), (*value).to_owned());
        }
        Meddling::Unset(key) => {
            topic.config.remove(*key);
        }
        Meddling::Grow => topic.partitions += 1,
        Meddling::Delete => {
            world.topics.remove(name);
        }
        Meddling::Create => {}
    }
}
