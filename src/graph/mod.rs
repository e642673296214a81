//! What needs what: the graph of a project's objects, its cycles, its order. Pure.
//!
//! [`Graph`] holds the edges, each with where it came from; [`infer`](infer::infer) finds those that no
//! reference makes; [`Schedule`] walks the tasks of a plan in
//! their order; `render` draws. All of it takes time in proportion to nodes and edges.

mod cycle;
pub mod infer;
mod render;
pub mod schedule;

use std::collections::BTreeMap;

use crate::address::Address;
use crate::kinds::Desired;

pub use cycle::Cycle;
pub use schedule::{Outcome, Schedule, Skip, Task};

/// Where an edge came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Origin {
    /// A reference or a `depends_on` in the project.
    Explicit,
    /// A name in a setting that is a managed object's.
    Inferred,
}

/// Objects and what each needs, directly.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Graph {
    nodes: BTreeMap<Address, BTreeMap<Address, Origin>>,
}

impl Graph {
    /// Returns the graph of a project's objects.
    pub fn of(desired: &BTreeMap<Address, Desired>) -> Self {
        let mut graph = Self::default();
        for (address, object) in desired {
            graph.add_node(address);
            for needed in object
                .depends_on
                .iter()
                .filter(|a| desired.contains_key(*a))
            {
                let origin = if object.inferred.contains(needed) {
                    Origin::Inferred
                } else {
                    Origin::Explicit
                };
                graph.add_edge(address, needed, origin);
            }
        }
        graph
    }

    /// Adds an object; one that is there stays as it is.
    pub fn add_node(&mut self, address: &Address) {
        if !self.nodes.contains_key(address) {
            self.nodes.insert(address.clone(), BTreeMap::new());
        }
    }

    /// Notes that `address` needs `needed`, adding both; an explicit edge stays explicit.
    pub fn add_edge(&mut self, address: &Address, needed: &Address, origin: Origin) {
        self.add_node(needed);
        self.nodes
            .entry(address.clone())
            .or_default()
            .entry(needed.clone())
            .and_modify(|known| *known = origin.min(*known))
            .or_insert(origin);
    }

    /// Returns the objects, in the order of their addresses.
    pub fn nodes(&self) -> impl Iterator<Item = &Address> {
        self.nodes.keys()
    }

    /// Returns what an object needs, directly; nothing for an object that is not there.
    pub fn needs(&self, address: &Address) -> impl Iterator<Item = (&Address, Origin)> {
        self.nodes
            .get(address)
            .into_iter()
            .flatten()
            .map(|(needed, origin)| (needed, *origin))
    }

    /// Returns a cycle if there is one; of several always the same.
    pub fn cycle(&self) -> Option<Cycle> {
        cycle::find(&self.nodes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> Address {
        text.parse().expect("an address")
    }

    fn sample() -> Graph {
        let mut graph = Graph::default();
        let (topic, schema, sink) = (
            address("topic.orders[\"eu\"]"),
            address("schema.orders"),
            address("connector.sink"),
        );
        graph.add_edge(&schema, &topic, Origin::Inferred);
        graph.add_edge(&sink, &topic, Origin::Inferred);
        graph.add_edge(&sink, &topic, Origin::Explicit);
        graph.add_edge(&sink, &topic, Origin::Inferred);
        graph
    }

    #[test]
    fn inferred_edges_are_marked_as_such() {
        insta::assert_snapshot!(sample().text(), @r#"
        connector.sink
          needs topic.orders["eu"]
        schema.orders
          needs topic.orders["eu"] (inferred)
        topic.orders["eu"]
        "#);
        insta::assert_snapshot!(sample().dot(), @r#"
        digraph streamform {
          rankdir = "LR";
          node [shape = "box"];
          "connector.sink";
          "schema.orders";
          "topic.orders[\"eu\"]";
          "connector.sink" -> "topic.orders[\"eu\"]";
          "schema.orders" -> "topic.orders[\"eu\"]" [style = "dashed", label = "inferred"];
        }
        "#);
    }

    #[test]
    fn a_cycle_is_shown_from_its_smallest_address() {
        let mut graph = sample();
        assert_eq!(graph.cycle(), None);
        graph.add_edge(
            &address("topic.orders[\"eu\"]"),
            &address("connector.sink"),
            Origin::Inferred,
        );
        let cycle = graph.cycle().expect("a cycle");
        insta::assert_snapshot!(cycle.diagnostic().render(), @r#"
        Error: Objects need each other
          connector.sink needs topic.orders["eu"] needs (inferred) connector.sink
          hint: remove one of the references; an inferred edge is a name in a setting that is a managed object's
        "#);
    }
}
