//! `MirrorMaker` on a real worker: a topic of the three brokers is copied to the single one.

use std::collections::BTreeSet;

use crate::support::kafka::Kafka;
use crate::support::servers;

use super::{Plant, SECRET};

/// The topic, its copy, and what copies it. `ALIAS` is the source cluster's name.
const MIRROR: &str = r#"
provider "kafka" {
  alias             = "three"
  bootstrap_servers = "THREE"
}
topic "orders" {
  name               = "P.orders"
  provider           = kafka.three
  partitions         = 1
  replication_factor = 1
}
topic "copy" {
  name               = "ALIAS.P.orders"
  partitions         = 1
  replication_factor = 1
}
connector "mirror" {
  name      = "P.mirror"
  class     = "org.apache.kafka.connect.mirror.MirrorSourceConnector"
  tasks_max = 1
  config = {
    "source.cluster.alias"                   = "ALIAS"
    "source.cluster.bootstrap.servers"       = "THREE"
    "source.cluster.ssl.key.password"        = secret("env:TEST_CONNECT_SECRET")
    "target.cluster.alias"                   = "one"
    "target.cluster.bootstrap.servers"       = "ONE"
    "topics"                                 = "P.orders"
    "replication.factor"                     = 1
    "offset-syncs.topic.location"            = "target"
    "offset-syncs.topic.replication.factor"  = 1
    "heartbeats.topic.replication.factor"    = 1
    "sync.topic.acls.enabled"                = false
    "key.converter"                          = "org.apache.kafka.connect.converters.ByteArrayConverter"
    "value.converter"                        = "org.apache.kafka.connect.converters.ByteArrayConverter"
  }
}
"#;

/// What the connector that carries groups over is told besides.
const CHECKPOINTS: &str = r#"
    "groups"                                 = "P.carried"
    "emit.checkpoints.interval.seconds"      = 1
    "sync.group.offsets.enabled"             = true
    "sync.group.offsets.interval.seconds"    = 1
    "checkpoints.topic.replication.factor"   = 1
"#;

/// The plant, both clusters, and the names that the test gives.
struct Mirror {
    plant: Plant,
    three: Kafka,
    alias: String,
    orders: String,
    copy: String,
    blocks: String,
}

impl Mirror {
    fn new(plant: Plant, cluster: &str) -> Self {
        let alias = plant.name("three").replace('.', "-");
        let orders = plant.name("orders");
        let copy = format!("{alias}.{orders}");
        let blocks = MIRROR
            .replace("ALIAS.P.orders", &copy)
            .replace("ALIAS", &alias)
            .replace("THREE", cluster)
            .replace("ONE", plant.bootstrap.as_ref().unwrap());
        Self {
            three: Kafka::connect(cluster),
            plant,
            alias,
            orders,
            copy,
            blocks,
        }
    }

    /// Replaces the project's blocks; the workers' topics are known.
    fn declare(&self, blocks: &str) {
        let settings =
            "  kafka_provider = \"kafka\"\n  offset_storage_topic = \"connect-offsets\"\n";
        self.plant.declare_with(settings, blocks);
    }

    /// How the place of the copied partition is written.
    fn place(&self) -> String {
        format!("cluster {}, partition 0, topic {}", self.alias, self.orders)
    }

    /// Plans, and checks what is said.
    #[track_caller]
    fn expect_plan(&self, code: i32, parts: &[&str]) {
        let plan = self.plant.run("plan", &[]);
        let told = format!("{}{}", plan.stdout, plan.stderr);
        assert_eq!(plan.code, Some(code), "{told}");
        for part in parts {
            assert!(told.contains(part), "{part}:\n{told}");
        }
    }

    fn is_checked_before_anything_is_made(&self) {
        // The name of the password is no plugin's, and is known all the same.
        let secret = "secret(\"env:TEST_CONNECT_SECRET\")";
        self.declare(&self.blocks.replace(secret, "\"word\""));
        let said = "config[\"source.cluster.ssl.key.password\"] is a password in plain text";
        self.expect_plan(0, &[said]);
        let one = "\"replication.factor\"                     = 1";
        assert!(self.blocks.contains(one));
        self.declare(&self.blocks.replace(one, "\"replication.factor\" = \"few\""));
        self.expect_plan(1, &["refuses config[\"replication.factor\"]"]);
        self.declare(&self.blocks);
        let plan = self.plant.run("plan", &[]).expect(0);
        for unwanted in [
            "plain text",
            "does not know",
            "There is no topic",
            "goes on from",
        ] {
            let told = &plan.stdout;
            assert!(!told.contains(unwanted), "{unwanted}:\n{told}");
        }
        let graph = self.plant.run("graph", &[]).expect(0);
        insta::assert_snapshot!(graph.stdout, @r"
        connector.mirror
          needs topic.copy (inferred)
          needs topic.orders (inferred)
        topic.copy
        topic.orders
        ");
    }

    fn copies_exactly_and_goes_on_with_other_settings(&self) {
        let (plant, name) = (&self.plant, self.plant.name("mirror"));
        plant.apply().expect(0);
        self.three.produce_numbers(&self.orders, 0..100);
        let group = plant.name("readers");
        let kafka = plant.kafka();
        kafka.commit(&group, &self.copy, 0);
        let mut read = kafka.consume(&group, &self.copy, "classic", 100);
        plant.expect_empty_plan();
        let config = plant.connect.config(&name);
        assert_eq!(config["source.cluster.ssl.key.password"], SECRET);
        self.declare(&self.blocks.replace("tasks_max = 1", "tasks_max = 2"));
        plant.apply().expect(0);
        self.three.produce_numbers(&self.orders, 100..150);
        read.extend(kafka.consume(&group, &self.copy, "classic", 50));
        let numbers: BTreeSet<usize> = read.iter().map(|it| it.parse().unwrap()).collect();
        assert_eq!((read.len(), numbers), (150, (0..150).collect()));
        plant.expect_empty_plan();
        plant.connect.wait_for_offsets(&name);
    }

    fn becomes_another_plugin(&self) {
        let heartbeat = self
            .blocks
            .replace("MirrorSourceConnector", "MirrorHeartbeatConnector");
        self.declare(&heartbeat);
        let was = "MirrorSourceConnector. Kafka";
        self.expect_plan(0, &["becomes another plugin", was, &self.place()]);
        self.plant.apply().expect(0);
        self.plant.expect_empty_plan();
        // A shorter name of the same plugin is another text, and no other plugin.
        let whole = "org.apache.kafka.connect.mirror.MirrorHeartbeatConnector";
        self.declare(&heartbeat.replace(whole, "MirrorHeartbeat"));
        let plan = self.plant.run("plan", &["--detailed-exitcode"]).expect(2);
        assert!(!plan.stdout.contains("another plugin"), "{}", plan.stdout);
    }

    /// The one that carries the groups' offsets over: it names the topics, and neither reads nor writes them.
    fn carries_offsets_over(&self) {
        let plant = &self.plant;
        let group = plant.name("carried");
        self.three.commit(&group, &self.orders, 120);
        let checkpoints = self
            .blocks
            .replace("P.mirror", "P.checkpoints")
            .replace("connector \"mirror\"", "connector \"checkpoints\"")
            .replace("MirrorSourceConnector", "MirrorCheckpointConnector")
            .replace(
                "    \"sync.topic.acls.enabled\"                = false\n",
                CHECKPOINTS,
            );
        let (_, mirror) = self.blocks.split_once("connector \"mirror\"").unwrap();
        let both = format!("{checkpoints}connector \"mirror\"{mirror}");
        self.declare(&both);
        plant.apply().expect(0);
        let carried = || plant.kafka().committed(&group, &self.copy)[0];
        plant
            .kafka()
            .wait(|| carried().is_some_and(|offset| offset > 0));
        plant.expect_empty_plan();
        let graph = plant.run("graph", &[]).expect(0);
        assert!(
            graph
                .stdout
                .contains("connector.checkpoints\nconnector.mirror\n"),
            "{}",
            graph.stdout
        );
    }

    fn is_deleted_and_its_name_is_known_after(&self) {
        let plant = &self.plant;
        let (providers, _) = self.blocks.split_once("topic").unwrap();
        self.declare(providers);
        let plan = plant.run("plan", &[]);
        let told = format!("{}{}", plan.stdout, plan.stderr);
        assert!(told.contains("Kafka Connect keeps the offsets"), "{told}");
        let permitted = ["topic.orders", "topic.copy"].map(|topic| ["--allow-destroy", topic]);
        let arguments = [&["--auto-approve"][..], permitted.as_flattened()].concat();
        plant.run("apply", &arguments).expect(0);
        assert!(!plant.connect.has(&plant.name("mirror")));
        self.declare(&self.blocks);
        self.expect_plan(0, &["There was a connector", &self.place()]);
        // What it made for itself has names of its own.
        let made = [
            &format!("mm2-offset-syncs.{}", self.alias),
            &format!("{}.checkpoints", self.alias),
            "heartbeats",
        ];
        let made = made.map(|name| plant.kafka().topics(name).into_keys());
        let made: Vec<String> = made.into_iter().flatten().collect();
        plant.kafka().delete_topics(&made);
    }
}

#[test]
fn a_topic_is_copied_to_another_cluster_and_goes_on_after_changes() {
    let (Some(plant), Some(cluster)) = (Plant::real("mirror"), servers::cluster()) else {
        return;
    };
    let _running = servers::cluster_shared();
    let mirror = Mirror::new(plant, &cluster);
    mirror.is_checked_before_anything_is_made();
    mirror.copies_exactly_and_goes_on_with_other_settings();
    mirror.carries_offsets_over();
    mirror.becomes_another_plugin();
    mirror.is_deleted_and_its_name_is_known_after();
}
