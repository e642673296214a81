//! Whom the change of a schema concerns: real groups on a real Kafka, the schema in a registry.

use crate::support::estate::{Estate, topic};
use crate::support::program::Run;
use crate::support::registry::StandIn;

const V1: &str = r#"{"type": "record", "name": "Order", "fields": [
  {"name": "id", "type": "string"}]}"#;

/// Gets along with the first version both ways.
const COMPATIBLE: &str = r#"{"type": "record", "name": "Order", "fields": [
  {"name": "id", "type": "string"}, {"name": "note", "type": "string", "default": ""}]}"#;

/// Neither this nor the first version reads what the other wrote.
const BREAKING: &str = r#"{"type": "record", "name": "Order", "fields": [
  {"name": "number", "type": "int"}]}"#;

/// A topic with a schema that was applied, a group that is declared and reads it, and one that only reads it.
struct Shop {
    estate: Estate,
    registry: StandIn,
}

impl Shop {
    #[track_caller]
    fn new(test: &str) -> Option<Self> {
        let estate = Estate::new(test)?;
        let shop = Self {
            estate,
            registry: StandIn::start(),
        };
        shop.declare(V1, "BACKWARD", "");
        shop.estate.apply(&[]).expect(0);
        shop.estate.expect_empty_plan();
        Some(shop)
    }

    fn declare(&self, definition: &str, level: &str, more: &str) {
        self.estate.project.write("order.avsc", definition);
        let url = self.registry.url();
        let orders = topic("orders", 1, "\"retention.ms\" = 3600000");
        self.estate.declare(&format!(
            "provider \"schema_registry\" {{ url = \"{url}\" }}\n{orders}\
             schema \"order\" {{\n  topic = topic.orders\n  format = \"avro\"\n  \
             definition = file(\"order.avsc\")\n  compatibility = \"{level}\"\n{more}}}\n\
             consumer_group \"billing\" {{\n  name = \"P.billing-app\"\n  reads = [topic.orders]\n  \
             owner = \"team-billing\"\n}}\n"
        ));
    }

    /// Returns what a run says of the rollout, without the prefix of this test's names.
    fn rollout(&self, run: &Run) -> String {
        let lines = run.stdout.lines();
        lines
            .skip_while(|line| !line.contains("rollout:"))
            .take_while(|line| !line.is_empty())
            .flat_map(|line| [line.strip_prefix("    ").unwrap_or(line), "\n"])
            .collect::<String>()
            .replace(&self.estate.prefix, "")
    }
}

#[test]
fn a_live_reader_is_named_and_the_level_says_who_goes_first() {
    let Some(shop) = Shop::new("rollout") else {
        return;
    };
    let (name, orders) = (|group| shop.estate.name(group), shop.estate.name("orders"));
    let _members = [
        shop.estate
            .kafka
            .join(&name("billing-app"), &orders, "classic"),
        shop.estate.kafka.join(&name("audit"), &orders, "consumer"),
    ];
    shop.estate.kafka.commit(&name("reports"), &orders, 0);

    shop.declare(COMPATIBLE, "BACKWARD", "");
    let run = shop.estate.run("plan", &[]).expect(0);
    insta::assert_snapshot!(shop.rollout(&run), @r#"
    rollout: readers first (the level is BACKWARD)
      1. before this apply, upgrade the readers of topic "orders":
           - consumer_group.billing ("billing-app"; owner team-billing; Stable, 1 member)
           - consumer_group "audit" (not declared; Stable, 1 member)
           - consumer_group "reports" (not declared; Empty, no members)
      2. this apply
      3. after it, upgrade the writers of topic "orders": nobody is known
    "#);
    shop.declare(COMPATIBLE, "FORWARD", "");
    let run = shop.estate.run("plan", &[]).expect(0);
    insta::assert_snapshot!(shop.rollout(&run), @r#"
    rollout: writers first (the level is FORWARD)
      1. this apply
      2. after it, upgrade the writers of topic "orders": nobody is known
      3. after it, upgrade the readers of topic "orders":
           - consumer_group.billing ("billing-app"; owner team-billing; Stable, 1 member)
           - consumer_group "audit" (not declared; Stable, 1 member)
           - consumer_group "reports" (not declared; Empty, no members)
    "#);
    shop.declare(COMPATIBLE, "FULL", "");
    let run = shop.estate.run("plan", &[]).expect(0);
    insta::assert_snapshot!(shop.rollout(&run), @r#"
    rollout: in any order (the level is FULL)
      readers of topic "orders":
        - consumer_group.billing ("billing-app"; owner team-billing; Stable, 1 member)
        - consumer_group "audit" (not declared; Stable, 1 member)
        - consumer_group "reports" (not declared; Empty, no members)
      writers of topic "orders": nobody is known
    "#);
    let run = shop.estate.run("plan", &["--format", "json"]).expect(0);
    let plan: serde_json::Value = serde_json::from_str(&run.stdout).unwrap();
    let changes = plan["changes"].as_array().unwrap();
    let impact = changes
        .iter()
        .find(|change| change["address"] == "schema.order");
    let readers = impact.unwrap()["impact"]["readers"].as_array().unwrap();
    let names: Vec<_> = readers.iter().map(|reader| &reader["name"]).collect();
    let expected = ["billing-app", "audit", "reports"].map(name);
    assert_eq!(names, expected.each_ref());

    shop.estate.apply(&[]).expect(0);
    shop.estate.expect_empty_plan();
}

#[test]
fn what_no_order_makes_safe_needs_a_person() {
    let Some(shop) = Shop::new("breaking") else {
        return;
    };
    shop.declare(BREAKING, "NONE", "");
    let run = shop.estate.apply(&[]).expect(3);
    assert!(
        run.stderr.contains("No order of upgrades is safe"),
        "{}",
        run.stderr
    );
    assert!(
        run.stderr.contains("--allow-breaking 'schema.order'"),
        "{}",
        run.stderr
    );
    let subject = format!("{}-value", shop.estate.name("orders"));
    assert_eq!(shop.registry.client().versions(&subject), [1]);
    shop.declare(BREAKING, "NONE", "  lifecycle { allow_breaking = true }\n");
    shop.estate.run("plan", &[]).expect(0);
    shop.declare(BREAKING, "NONE", "");
    let permission = ["--allow-breaking", "schema.order"];
    shop.estate.apply(&permission).expect(0);
    assert_eq!(shop.registry.client().versions(&subject), [1, 2]);
    shop.estate.expect_empty_plan();
}
