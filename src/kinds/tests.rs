//! What is wrong with the objects of a project, whatever its environment holds.

use crate::clients;
use crate::config::files::MemoryFiles;
use crate::config::load::{LoadRequest, UnsetVariables, load};
use crate::config::project::Inputs;

use super::*;

/// Decodes the objects of a project of one file, and returns the errors.
fn errors(text: &str) -> String {
    objects(text).map_or_else(|errors| errors.render(), |_| String::new())
}

/// Decodes the objects of a project of one file.
fn objects(text: &str) -> Result<BTreeMap<Address, Desired>, Diagnostics> {
    let mut files = MemoryFiles::default();
    files.insert("main.hcl", text);
    let project = load(&LoadRequest {
        files: &files,
        root: "",
        environment: None,
        inputs: &Inputs::default(),
        kinds: &schemas(),
        providers: clients::PROVIDERS,
        tool_version: "0.1.0",
        unset_variables: UnsetVariables::Refuse,
        on_head: None,
    });
    let project = project.expect("the project loads");
    decode(&project)
}

#[test]
fn two_blocks_are_not_one_object() {
    let text = r#"
provider "kafka" { bootstrap_servers = "localhost:9092" }
topic "orders" {}
topic "again" { name = "orders" }
topic "in_metrics_one" { name = "shop.orders" }
topic "in_metrics_two" { name = "shop_orders" }
"#;
    insta::assert_snapshot!(errors(text), @r#"
    Error: topic.in_metrics_one ("shop.orders") and topic.in_metrics_two ("shop_orders") collide
     --> main.hcl:6:1
      |
    6 | topic "in_metrics_two" { name = "shop_orders" }
      | ^^^^^^^^^^^^^^^^^^^^^^
      on topic.in_metrics_two
      Both have one name in metrics, where "." and "_" are the same: Kafka refuses that.
      hint: give one of them another name

    Error: topic.again and topic.orders are both the topic "orders"
     --> main.hcl:3:1
      |
    3 | topic "orders" {}
      | ^^^^^^^^^^^^^^
      on topic.orders
      The other block is in main.hcl.
      hint: give one of them another name, or remove it
    "#);
}

#[test]
fn clusters_have_names_of_their_own() {
    let text = r#"
provider "kafka" { bootstrap_servers = "localhost:9092" }
provider "kafka" {
  alias             = "west"
  bootstrap_servers = "localhost:9093"
}
topic "a" { name = "shop.orders" }
topic "b" {
  name     = "shop_orders"
  provider = kafka.west
}
"#;
    assert_eq!(errors(text), "");
}

#[test]
fn topics_of_other_programs_are_not_managed_by_mistake() {
    let text = r#"
provider "kafka" { bootstrap_servers = "localhost:9092" }
topic "offsets" { name = "__consumer_offsets" }
topic "connect-configs" {}
topic "store" {
  name     = "fraud-by-user-changelog"
  internal = true
}
topic "ours" {
  name     = "shop-orders-changelog"
  internal = false
}
topic "number" { internal = 1 }
"#;
    insta::assert_snapshot!(errors(text), @r#"
    Error: "connect-configs" looks like an internal topic of Kafka Connect
     --> main.hcl:4:1
      |
    4 | topic "connect-configs" {}
      | ^^^^^^^^^^^^^^^^^^^^^^^
      on topic.connect-configs
      Kafka Connect makes such topics itself, and loses its state or stops when somebody else changes them.
      hint: set internal = true if it is one, and to be managed here all the same; internal = false if it only has such a name

    Error: internal must be true or false
      --> main.hcl:13:29
       |
    13 | topic "number" { internal = 1 }
       |                             ^
      on topic.number
      It is a number.

    Error: The topic "__consumer_offsets" cannot be managed
     --> main.hcl:3:26
      |
    3 | topic "offsets" { name = "__consumer_offsets" }
      |                          ^^^^^^^^^^^^^^^^^^^^
      on topic.offsets
      Names that start with "__" belong to Kafka itself: changing such a topic can stop the cluster.
    "#);
}

#[test]
fn a_pattern_names_those_that_it_matches_wholly() {
    let text = r#"
provider "kafka" { bootstrap_servers = "localhost:9092" }
provider "connect" { url = "http://localhost:8083" }
topic "a" { name = "orders.eu" }
topic "b" { name = "orders.us" }
topic "c" { name = "old.orders.us" }
connector "sink" {
  class  = "S"
  config = { "topics.regex" = "orders\\..*" }
}
connector "java" {
  class  = "S"
  config = { "topics.regex" = "orders(?!x).*" }
}
"#;
    let desired = objects(text).expect("decodes");
    let names = |address: &str| {
        let address: Address = address.parse().expect("an address");
        let relations = desired[&address].relations.iter();
        relations
            .map(|relation| relation.name.as_str())
            .collect::<Vec<_>>()
    };
    assert_eq!(names("connector.sink"), ["orders.eu", "orders.us"]);
    assert!(names("connector.java").is_empty());
}

#[test]
fn a_group_of_two_blocks_is_told() {
    let text = r#"
provider "kafka" { bootstrap_servers = "localhost:9092" }
provider "kafka" {
  alias             = "west"
  bootstrap_servers = "localhost:9093"
}
provider "connect" { url = "http://localhost:8083" }
topic "orders" {}
consumer_group "fraud" { reads = [topic.orders] }
kafka_streams "scores" {
  application_id = "fraud"
  reads          = [topic.orders]
}
consumer_group "elsewhere" {
  name     = "fraud"
  provider = kafka.west
  reads    = ["orders"]
}
connector "one" {
  class  = "S"
  config = { "topics" = "orders" }
}
connector "two" {
  class  = "S"
  config = {
    "topics"                     = "orders"
    "consumer.override.group.id" = "connect-one"
  }
}
consumer_group "of_one" {
  name  = "connect-one"
  reads = [topic.orders]
}
"#;
    let desired = objects(text).expect("decodes");
    insta::assert_snapshot!(groups::shared(&desired).render(), @r#"
    Warning: connector.one and connector.two name the same group "connect-one"
      --> main.hcl
      on connector.two
      The members of a group share the partitions of its topics: of two applications each would see only a part of the records.
      hint: if it is one application, remove one of the blocks; else give each a group of its own

    Warning: consumer_group.fraud and kafka_streams.scores name the same group "fraud"
      --> main.hcl
      on kafka_streams.scores
      The members of a group share the partitions of its topics: of two applications each would see only a part of the records.
      hint: if it is one application, remove one of the blocks; else give each a group of its own
    "#);
}
