//! The topics that a connector's settings name, and what it does with them. Pure.

use std::collections::BTreeSet;

use crate::kinds::topic::Topic;
use crate::kinds::{Kind as _, Relation, Role};

use super::spec::ConnectorSpec;

/// Settings of sources that hold one topic's name: of plugins that write to one, of Debezium's for what it
/// keeps and is told in Kafka.
const WRITES: [&str; 5] = [
    "topic",
    "kafka.topic",
    "schema.history.internal.kafka.topic",
    "database.history.kafka.topic",
    "signal.kafka.topic",
];

/// Returns the topics that are read and written, as far as their names can be known.
pub(super) fn of(spec: &ConnectorSpec) -> Vec<Relation> {
    let mut found = BTreeSet::new();
    if spec.is_sink() {
        for topic in list(spec, "topics") {
            found.insert((Role::Reads, topic.to_owned()));
        }
    } else {
        for key in WRITES {
            found.extend(spec.text(key).map(|topic| (Role::Writes, topic.to_owned())));
        }
        found.extend(prefixed(spec).map(|topic| (Role::Writes, topic)));
        if spec.is_mirror_source() {
            let topics = list(spec, "topics").filter_map(plain_name);
            found.extend(topics.map(|topic| (Role::Reads, topic)));
        }
    }
    if let Some(letters) = &spec.dead_letter {
        found.insert((Role::Writes, letters.topic.clone()));
    }
    let related = found.into_iter().filter(|(_, name)| !name.is_empty());
    related
        .map(|(role, name)| Relation {
            role,
            kind: Topic::NAME,
            name,
        })
        .collect()
}

/// Returns the topics that are named by regular expressions: a sink's `topics.regex`.
pub(super) fn patterns(spec: &ConnectorSpec) -> Vec<Relation> {
    let expression = spec.text("topics.regex").filter(|_| spec.is_sink());
    let pattern = expression.map(|expression| Relation {
        role: Role::Reads,
        kind: Topic::NAME,
        name: expression.to_owned(),
    });
    pattern.into_iter().collect()
}

fn list<'a>(spec: &'a ConnectorSpec, key: &str) -> impl Iterator<Item = &'a str> {
    let texts = spec.text(key).unwrap_or_default().split(',');
    texts.map(str::trim).filter(|text| !text.is_empty())
}

/// Topics whose names a prefix and a table make: Debezium's `PREFIX.SCHEMA.TABLE`, JDBC sources'
/// `PREFIXtable`, and those that `MirrorMaker` copies, `ALIAS.TOPIC` unless its policy keeps the names. Tables and topics may be written as regular
/// expressions; only those that are plain names are known.
fn prefixed(spec: &ConnectorSpec) -> impl Iterator<Item = String> {
    let is_debezium = spec.class.contains("debezium");
    let (prefix, separator, tables): (_, _, Vec<&str>) = if spec.is_mirror_source() {
        let topics = list(spec, "topics").collect();
        match spec.text("replication.policy.class") {
            Some(policy) if policy.ends_with("IdentityReplicationPolicy") => (Some(""), "", topics),
            // What others make of a name is not known.
            Some(policy) if !policy.ends_with("DefaultReplicationPolicy") => (None, "", topics),
            _ => {
                let separator = spec.text("replication.policy.separator").unwrap_or(".");
                (spec.text("source.cluster.alias"), separator, topics)
            }
        }
    } else {
        let separator = if is_debezium { "." } else { "" };
        let keys = [
            "table.include.list",
            "table.whitelist",
            "collection.include.list",
        ];
        let tables = keys.iter().flat_map(|key| list(spec, key)).collect();
        (spec.text("topic.prefix"), separator, tables)
    };
    let names = prefix.into_iter().flat_map(move |prefix| {
        let plain = tables.clone().into_iter().filter_map(plain_name);
        plain.map(move |table| format!("{prefix}{separator}{table}"))
    });
    names.collect::<Vec<_>>().into_iter()
}

/// Returns the name that a regular expression stands for, where it is one name only.
fn plain_name(expression: &str) -> Option<String> {
    let name = expression.replace("\\.", ".");
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    name.chars().all(is_plain).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::super::spec::tests::{connector, decoded};
    use super::*;

    fn relations(body: &str) -> String {
        let spec = decoded(&connector(body));
        let lines = of(&spec).into_iter();
        let lines = lines.map(|relation| format!("{:?} {}", relation.role, relation.name));
        lines.collect::<Vec<_>>().join(", ")
    }

    #[test]
    fn a_sink_reads_its_topics_and_writes_its_dead_letters() {
        insta::assert_snapshot!(
            relations("class = \"S\"\nconfig = { topics = [\"a\", \"b\"], topic = \"c\" }\ndead_letter { topic = \"dead\" }"),
            @"Reads a, Reads b, Writes dead"
        );
    }

    #[test]
    fn a_source_writes_what_its_plugin_makes_of_prefixes() {
        insta::assert_snapshot!(
            relations("class = \"FileStreamSource\"\nconfig = { topic = \"lines\" }"),
            @"Writes lines"
        );
        insta::assert_snapshot!(
            relations("class = \"io.debezium.connector.postgresql.PostgresConnector\"\nconfig = { \"topic.prefix\" = \"shop\", \"table.include.list\" = \"public.orders,public\\\\.users,audit.*\" }"),
            @"Writes shop.public.orders, Writes shop.public.users"
        );
        let mirror = |class: &str, more: &str| {
            relations(&format!(
                "class = \"org.apache.kafka.connect.mirror.{class}\"\nconfig = {{ \"source.cluster.alias\" = \"east\", \"topics\" = \"orders,audit.*\"{more} }}"
            ))
        };
        insta::assert_snapshot!(mirror("MirrorSourceConnector", ""), @"Reads orders, Writes east.orders");
        insta::assert_snapshot!(
            mirror("MirrorSourceConnector", ", \"replication.policy.class\" = \"org.apache.kafka.connect.mirror.IdentityReplicationPolicy\""),
            @"Reads orders, Writes orders"
        );
        insta::assert_snapshot!(
            mirror("MirrorSourceConnector", ", \"replication.policy.class\" = \"com.example.Policy\""),
            @"Reads orders"
        );
        insta::assert_snapshot!(mirror("MirrorCheckpointConnector", ""), @"");
        insta::assert_snapshot!(
            relations("class = \"x.JdbcSourceConnector\"\nconfig = { \"topic.prefix\" = \"db-\", \"table.whitelist\" = \"orders\" }"),
            @"Writes db-orders"
        );
    }
}
