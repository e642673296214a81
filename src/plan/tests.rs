//! From a project's text to a plan, with the live system given as documents.

use std::collections::BTreeMap;

use serde_json::{Value as Json, json};

use crate::address::{Address, EnvironmentName};
use crate::clients::PROVIDERS;
use crate::config::files::MemoryFiles;
use crate::config::load::{LoadRequest, UnsetVariables, load};
use crate::config::project::Inputs;
use crate::diagnostic::Diagnostics;
use crate::document::Document;
use crate::graph::infer::infer;
use crate::kinds::{self, Action, LiveUser, Role};
use crate::plan::around::{Neighbours, place};
use crate::plan::conclude::{Facts, conclude};
use crate::plan::impact::{Concerns, Flows, LiveUsers, concerns, weigh};
use crate::plan::propose::{Observed, propose};
use crate::plan::render::text;
use crate::plan::survey::{SurveyInput, survey};
use crate::plan::{Change, Mode, Plan, Proposal, Selection};
use crate::state::journal::{Operation, Record, fold};
use crate::state::{ObjectState, State};

/// What a plan is made of: the state, and what the live system holds.
pub(crate) struct World {
    /// What was applied.
    pub(crate) state: State,
    /// What the live system says: address → live object.
    pub(crate) live: BTreeMap<Address, Document>,
    /// What was measured: address → facts.
    pub(crate) facts: Facts,
    /// Who uses what.
    pub(crate) users: LiveUsers,
}

impl World {
    /// Returns a world in which nothing was applied and nothing is there.
    pub(crate) fn new() -> Self {
        Self {
            state: State::empty(EnvironmentName::default_environment()),
            live: BTreeMap::new(),
            facts: Facts::new(),
            users: LiveUsers::default(),
        }
    }

    /// Adds a live object.
    pub(crate) fn with(mut self, address: &str, live: Json) -> Self {
        self.live.insert(parse(address), Document::from(live));
        self
    }

    /// Adds what was measured about an object.
    pub(crate) fn measured(mut self, address: &str, facts: Json) -> Self {
        self.facts.insert(parse(address), Document::from(facts));
        self
    }

    /// Lets groups read a topic.
    pub(crate) fn read_by(mut self, topic: &str, groups: &[(&str, &str)]) -> Self {
        let readers = groups.iter().map(|(name, state)| LiveUser {
            role: Role::Reads,
            kind: "consumer_group",
            name: (*name).to_owned(),
            state: (*state).to_owned(),
        });
        let kafka = "kafka".parse().expect("a provider");
        self.users
            .found
            .insert((kafka, "topic", topic.to_owned()), readers.collect());
        self
    }

    /// Compares a project, whose providers are given, with the world.
    pub(crate) fn propose(&self, blocks: &str) -> Result<Proposal, Diagnostics> {
        self.compare(blocks).map(|(proposal, _)| proposal)
    }

    fn compare(&self, blocks: &str) -> Result<(Proposal, Concerns), Diagnostics> {
        let text = format!(
            "provider \"kafka\" {{ bootstrap_servers = \"kafka:9092\" }}\n{blocks}\n\
             provider \"schema_registry\" {{ url = \"http://registry:8081\" }}\n"
        );
        let files = MemoryFiles::from_iter([("main.hcl", text)]);
        let project = load(&LoadRequest {
            files: &files,
            root: "",
            environment: None,
            inputs: &Inputs::default(),
            kinds: &kinds::schemas(),
            providers: PROVIDERS,
            tool_version: "0.1.0",
            unset_variables: UnsetVariables::Refuse,
            on_head: None,
        })?;
        let mut desired = kinds::decode(&project)?;
        infer(&mut desired).map_err(|cycle| cycle.diagnostic())?;
        let neighbours = Neighbours::of(&desired);
        let flows = Flows::of(&desired, &project.providers);
        let survey = survey(SurveyInput {
            project: &project,
            desired,
            state_hash: self.state.content_hash(),
            state: self.state.clone(),
            mode: Mode::Apply,
            selection: Selection::default(),
            imports: Vec::new(),
            commit: None,
            tool: "0.1.0",
        })?;
        let live = |address| self.live.get(address).cloned();
        let observed: Observed = survey
            .items
            .keys()
            .map(|address| (address.clone(), live(address)))
            .collect();
        let mut proposal = propose(survey, &observed)?;
        place(&mut proposal, &neighbours);
        let concerns = concerns(&proposal, &flows)?;
        Ok((proposal, concerns))
    }

    /// Plans a project.
    pub(crate) fn plan(&self, blocks: &str) -> Plan {
        let (proposal, concerns) = self.compare(blocks).expect("a project without errors");
        let plan = conclude(proposal, self.facts.clone(), Diagnostics::new());
        let mut plan = plan.expect("documents that fit");
        weigh(&mut plan, &concerns, &self.users).expect("documents that fit");
        plan
    }

    /// Records a plan as an apply does; the live objects are up to the caller.
    pub(crate) fn apply(&mut self, plan: &Plan) {
        let records = plan.changes.iter().flat_map(|change| {
            let intent = Record::Intent {
                address: change.address.clone(),
                operation: operation(change),
                object: object(change).map(Box::new),
                from: None,
            };
            let address = change.address.clone();
            [
                intent,
                Record::Applied {
                    address,
                    outcome: None,
                },
            ]
        });
        let records: Vec<Record> = records.collect();
        self.state = fold(self.state.clone(), &records).expect("records that follow each other");
    }
}

fn operation(change: &Change) -> Operation {
    match change.desired {
        Some(_) => Operation::Update,
        None => Operation::Forget,
    }
}

fn object(change: &Change) -> Option<ObjectState> {
    Some(ObjectState {
        provider: change.provider.clone(),
        remote_id: change.remote_id.clone(),
        spec: change.desired.clone()?,
        protected: change.protected,
        depends_on: change.needs.clone(),
        outcome: None,
        pending: None,
    })
}

fn parse(address: &str) -> Address {
    address.parse().expect("an address")
}

const BILLING: &str = r#"
topic "orders" { partitions = 1 }
consumer_group "billing" {
  name  = "billing-app"
  reads = [topic.orders, "audit"]
  owner = "team-billing"
}
"#;

fn orders() -> Json {
    json!({"partitions": 1, "replication_factor": 1})
}

#[test]
fn a_declaration_is_recorded_whether_its_group_is_there_or_not() {
    let mut absent = World::new().measured(
        "consumer_group.billing",
        json!({"similar": "did you mean \"billing-ap\"?"}),
    );
    let plan = absent.plan(BILLING);
    insta::assert_snapshot!(text::render(&plan, false), @r#"
    = consumer_group.billing is declared; it is recorded, and nothing else is changed
        + name = "billing-app"
        + owner = "team-billing"
        + reads = ["audit","orders"]
        note: There is no group "billing-app" in Kafka so far
          It appears there when its consumers join.
          hint: did you mean "billing-ap"?

    + topic.orders will be created
        + name = "orders"
        + partitions = 1

      + topic.orders
      = consumer_group.billing  [note]
    Plan: 1 to create, 1 to record; 0 as wanted.
    "#);
    absent.apply(&plan);
    let absent = absent.with("topic.orders", orders());
    assert!(absent.plan(BILLING).is_empty(), "its absence is no drift");

    let mut there = World::new()
        .with("topic.orders", orders())
        .with(
            "consumer_group.billing",
            json!({"state": "Stable", "protocol": "classic", "members": 2, "topics": ["orders", "refunds"]}),
        )
        .measured("consumer_group.billing", json!({"committed": ["audit"]}));
    let orders = there.plan("topic \"orders\" { partitions = 1 }");
    there.apply(&orders);
    let plan = there.plan(BILLING);
    insta::assert_snapshot!(text::render(&plan, false), @r#"
    = consumer_group.billing is declared; it is recorded, and nothing else is changed
        + name = "billing-app"
        + owner = "team-billing"
        + reads = ["audit","orders"]
        warning: The group "billing-app" also reads "refunds"
          Kafka shows members or committed offsets there; reads does not name it.
          hint: add it to reads, or delete the offsets that the group no longer needs

      = consumer_group.billing  [warning]
    Plan: 1 to record; 1 as wanted.
    "#);
    there.apply(&plan);
    let again = there.plan(BILLING);
    assert!(again.is_empty() && again.drift.is_empty());
}

#[test]
fn a_changed_declaration_shows_what_changed_and_a_removed_one_is_forgotten() {
    let mut world = World::new().with("topic.orders", orders());
    let plan = world.plan(BILLING);
    world.apply(&plan);
    let renamed = BILLING
        .replace("billing-app", "billing-2")
        .replace(", \"audit\"", "");
    insta::assert_snapshot!(text::render(&world.plan(&renamed), false), @r#"
    = consumer_group.billing is declared; it is recorded, and nothing else is changed
        ~ name: "billing-app" -> "billing-2"
        ~ reads: ["audit","orders"] -> ["orders"]
        note: There is no group "billing-2" in Kafka so far
          It appears there when its consumers join.

      = consumer_group.billing  [note]
    Plan: 1 to record; 1 as wanted.
    "#);
    let world = world.with(
        "consumer_group.billing",
        json!({"state": "Stable", "protocol": "classic", "members": 2}),
    );
    let gone = world.plan("topic \"orders\" { partitions = 1 }");
    insta::assert_snapshot!(text::render(&gone, false), @r"
    . consumer_group.billing will no longer be managed; the live object stays

      . consumer_group.billing
    Plan: 1 to forget; 1 as wanted.
    ");
}

#[test]
fn there_is_nothing_to_import() {
    let import = "import {\n  to = consumer_group.billing\n  id = \"billing-app\"\n}\n";
    let error = World::new().propose(&format!("{BILLING}{import}")).err();
    insta::assert_snapshot!(error.expect("an error").render(), @r#"
    Error: consumer_group.billing is a declaration: there is nothing to take over
     --> main.hcl:4:1
      |
    4 | consumer_group "billing" {
      | ^^^^^^^^^^^^^^^^^^^^^^^^
      on consumer_group.billing
      A consumer_group belongs to whoever uses it; the block only says what it does.
      hint: apply the block without an import
    "#);
}

#[test]
fn a_name_is_an_edge_within_one_cluster() {
    let blocks = r#"
provider "kafka" {
  alias             = "other"
  bootstrap_servers = "other:9092"
}
topic "orders" { partitions = 1 }
topic "elsewhere" {
  name       = "orders"
  partitions = 1
  provider   = kafka.other
}
consumer_group "billing" { reads = ["orders", "audit"] }
"#;
    let proposal = World::new().propose(blocks).expect("no error");
    let group = &proposal.survey.items[&parse("consumer_group.billing")];
    let desired = group.desired.as_ref().expect("declared");
    assert_eq!(desired.depends_on, [parse("topic.orders")].into());
    assert_eq!(desired.inferred, desired.depends_on);
}

#[test]
fn a_name_that_closes_a_cycle_is_an_error() {
    let blocks = r#"
topic "orders" {
  partitions = 1
  depends_on = [consumer_group.billing]
}
consumer_group "billing" { reads = ["orders"] }
"#;
    let error = World::new().propose(blocks).err();
    insta::assert_snapshot!(error.expect("a cycle").render(), @r"
    Error: Objects need each other
      consumer_group.billing needs (inferred) topic.orders needs consumer_group.billing
      hint: remove one of the references; an inferred edge is a name in a setting that is a managed object's
    ");
}

#[test]
fn what_a_group_reads_is_a_list_of_topics() {
    let blocks = r#"
topic "events" {
  for_each   = toset(["a", "b"])
  name       = each.key
  partitions = 1
}
consumer_group "a" { reads = topic.events }
consumer_group "b" { reads = [] }
consumer_group "c" { reads = [consumer_group.b, ""] }
consumer_group "d" {
  name  = ""
  reads = values(topic.events)
  owner = 7
}
"#;
    let error = World::new().propose(blocks).err();
    insta::assert_snapshot!(error.expect("errors").render(), @r#"
    Error: reads must be a list of topics
     --> main.hcl:8:30
      |
    8 | consumer_group "a" { reads = topic.events }
      |                              ^^^^^^^^^^^^
      on consumer_group.a
      It is of type object.
      hint: for all topics of a block with for_each: reads = values(topic.NAME)

    Error: reads names no topic
     --> main.hcl:9:30
      |
    9 | consumer_group "b" { reads = [] }
      |                              ^^
      on consumer_group.b
      A group is declared so that others know what it reads.

    Error: reads must be a list of topics
      --> main.hcl:10:30
       |
    10 | consumer_group "c" { reads = [consumer_group.b, ""] }
       |                              ^^^^^^^^^^^^^^^^^^^^^^
      on consumer_group.c
      2 of its elements are something else.
      hint: an element is a topic block, such as topic.orders, or a topic's name

    Error: name must be a string that is not empty
      --> main.hcl:12:11
       |
    12 |   name  = ""
       |           ^^
      on consumer_group.d
      It is empty.

    Error: owner must be a string that is not empty
      --> main.hcl:14:11
       |
    14 |   owner = 7
       |           ^
      on consumer_group.d
      It is 7.
    "#);
}

const REWIND: &str = r#"
consumer_group "billing" {
  reads = ["orders"]
  offsets { to = "earliest" }
}
"#;

fn actions(plan: &Plan) -> Vec<(String, Action)> {
    let each = plan.changes.iter();
    each.map(|change| (change.address.to_string(), change.action))
        .collect()
}

#[test]
fn what_a_declaration_asks_for_once_reaches_the_driver_once() {
    let group = |address: &str, action| vec![(address.to_owned(), action)];
    let billing = "consumer_group.billing";
    // Whether the group is there or not.
    let idle = json!({"state": "Empty", "protocol": "classic", "members": 0});
    for mut world in [World::new(), World::new().with(billing, idle)] {
        let plan = world.plan(REWIND);
        assert_eq!(actions(&plan), group(billing, Action::Update));
        world.apply(&plan);
        assert!(world.plan(REWIND).is_empty());
        let elsewhere = REWIND.replace("earliest", "2h");
        assert_eq!(
            actions(&world.plan(&elsewhere)),
            group(billing, Action::Update)
        );
        let without = REWIND.replace("  offsets { to = \"earliest\" }\n", "");
        let plan = world.plan(&without);
        assert_eq!(actions(&plan), group(billing, Action::Record));
        world.apply(&plan);
        // Asked for again, it is another step.
        assert_eq!(actions(&world.plan(REWIND)), group(billing, Action::Update));
    }
}

#[test]
fn what_was_cut_short_is_asked_for_again_with_all_that_differs() {
    let mut world = World::new();
    let plan = world.plan("consumer_group \"billing\" { reads = [\"orders\"] }");
    world.apply(&plan);
    let plan = world.plan(REWIND);
    let begun = Record::Intent {
        address: plan.changes[0].address.clone(),
        operation: Operation::Update,
        object: object(&plan.changes[0]).map(Box::new),
        from: None,
    };
    world.state = fold(world.state, &[begun]).expect("a record that follows");
    let again = world.plan(REWIND);
    assert_eq!(again.changes[0].action, Action::Update);
    assert_eq!(again.changes[0].deltas, plan.changes[0].deltas);
    let mut same = World {
        state: world.state,
        ..World::new()
    };
    same.apply(&again);
    assert!(same.plan(REWIND).is_empty());
}

#[test]
fn what_an_application_makes_and_reads_is_known_within_its_cluster() {
    let blocks = r#"
provider "kafka" {
  alias             = "other"
  bootstrap_servers = "other:9092"
}
kafka_streams "fraud" {
  reads  = ["payments"]
  writes = ["alerts"]
  owner  = "team-fraud"
}
kafka_streams "fraud-v2" { reads = ["payments"] }
topic "payments" { partitions = 1 }
topic "alerts" { partitions = 1 }
topic "own" {
  name       = "fraud-v2-counts-changelog"
  partitions = 1
  internal   = true
}
topic "elsewhere" {
  name       = "fraud-v2-counts-changelog"
  partitions = 1
  internal   = true
  provider   = kafka.other
}
"#;
    let plan = World::new().plan(blocks);
    let around = |address: &str| {
        let change = plan.changes.iter().find(|it| it.address == parse(address));
        let around = &change.expect("a change").around;
        let belongs_to = around.belongs_to.as_ref().map(|it| it.address.to_string());
        let readers = around.readers.iter().map(|it| it.address.to_string());
        (belongs_to, readers.collect::<Vec<_>>())
    };
    let both = vec![
        "kafka_streams.fraud".to_owned(),
        "kafka_streams.fraud-v2".to_owned(),
    ];
    assert_eq!(around("topic.payments"), (None, both));
    assert_eq!(around("topic.alerts"), (None, vec![]));
    let owner = Some("kafka_streams.fraud-v2".to_owned());
    assert_eq!(around("topic.own"), (owner, vec![]));
    assert_eq!(around("topic.elsewhere"), (None, vec![]));
}
