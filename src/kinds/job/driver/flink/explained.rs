//! What SQL is planned into, in words that a plan and a job that runs have in common. Pure.
//!
//! Flink maps the state of SQL by ids that it makes from the graph, and does not tell them before the job runs. So
//! operators are compared by their descriptions, which hold all that they do: `GroupAggregate(groupBy=[v], …)`.

use serde::Deserialize;

use crate::clients::flink::JobPlan;
use crate::kinds::job::driver::engine::Graph;

use super::slots;

/// What stands before the plan that is JSON, in what `EXPLAIN JSON_EXECUTION_PLAN` gives.
const TITLE: &str = "== Physical Execution Plan ==";

/// Reads what `EXPLAIN JSON_EXECUTION_PLAN` gives; nothing where that is something else.
pub(super) fn planned(text: &str) -> Option<Graph> {
    #[derive(Deserialize)]
    struct Plan {
        nodes: Vec<Node>,
    }
    #[derive(Deserialize)]
    struct Node {
        #[serde(default)]
        contents: String,
        #[serde(default)]
        parallelism: u32,
    }
    let json = text.split_once(TITLE).map_or(text, |(_, json)| json);
    let plan: Plan = serde_json::from_str(json.trim()).ok()?;
    let parts = plan.nodes.iter();
    Some(Graph {
        parts: parts.map(|node| named(&node.contents)).collect(),
        slots: slots(plan.nodes.iter().map(|node| node.parallelism)),
    })
}

/// Reads the graph of a job that runs, whose descriptions are trees of operators in HTML.
pub(super) fn running(plan: &JobPlan) -> Graph {
    let operators = plan
        .nodes
        .iter()
        .flat_map(|node| node.description.split("<br/>"));
    let operators = operators.map(str::trim).filter(|text| !text.is_empty());
    Graph {
        parts: operators.map(named).collect(),
        slots: slots(plan.nodes.iter().map(|node| node.parallelism)),
    }
}

/// Returns an operator by its description, without the numbers that it has in its plan: they are others in each.
fn named(description: &str) -> (String, String) {
    let text = description
        .trim_start_matches(['+', '-', ':', ' '])
        .replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&quot;", "\"")
        .replace("&amp;", "&");
    let mut name = String::new();
    let mut parts = text.split('[');
    name.push_str(parts.next().unwrap_or_default());
    for part in parts {
        match part.split_once(']') {
            Some((number, rest)) if number.bytes().all(|byte| byte.is_ascii_digit()) => {
                name.push_str(rest);
            }
            _ => {
                name.push('[');
                name.push_str(part);
            }
        }
    }
    let name = name.trim_start_matches(':').trim().to_owned();
    (name.clone(), name)
}

#[cfg(test)]
mod tests {
    use crate::clients::flink::Node;

    use super::*;

    /// As Flink 2.3 gives it.
    const EXPLAINED: &str = r#"== Optimized Execution Plan ==
Sink(table=[default_catalog.default_database.counts], fields=[v, EXPR$1])

== Physical Execution Plan ==
{
  "nodes" : [ {
    "id" : 121,
    "type" : "Source: KafkaSource-default_catalog.default_database.records",
    "contents" : "Source: KafkaSource-default_catalog.default_database.records",
    "parallelism" : 1
  }, {
    "id" : 122,
    "type" : "Calc[52]",
    "contents" : "[52]:Calc(select=[v], where=[(v <> 'a')])",
    "parallelism" : 2
  }, {
    "id" : 128,
    "type" : "counts[55]: Writer",
    "contents" : "counts[55]: Writer",
    "parallelism" : 1
  } ]
}"#;

    #[test]
    fn what_is_explained_is_what_runs() {
        let node = |description: &str, parallelism| Node {
            id: "0a".into(),
            parallelism,
            description: description.into(),
        };
        let plan = JobPlan {
            name: "a".into(),
            nodes: vec![
                node(
                    "Source: KafkaSource-default_catalog.default_database.records<br/>+- [2]:Calc(select=[v], where=[(v &lt;&gt; 'a')])<br/>",
                    2,
                ),
                node("counts[7]: Writer<br/>", 1),
            ],
        };
        let explained = planned(EXPLAINED).expect("read");
        assert_eq!(explained, running(&plan));
        assert_eq!(explained.slots, 2);
        assert_eq!(explained.parts[1].1, "Calc(select=[v], where=[(v <> 'a')])");
    }

    #[test]
    fn what_is_no_such_plan_is_none() {
        assert_eq!(planned("== Abstract Syntax Tree ==\nLogicalSink"), None);
    }
}
