//! Draws a graph: as text, and in Graphviz's DOT language. Pure.

use std::fmt::Write as _;

use super::{Graph, Origin};

impl Graph {
    /// Returns the graph as text: each object, and below it what it needs.
    pub fn text(&self) -> String {
        let mut out = String::new();
        for (address, needs) in &self.nodes {
            // Writing to a String cannot fail.
            let _ = writeln!(out, "{address}");
            for (needed, origin) in needs {
                let mark = match origin {
                    Origin::Explicit => "",
                    Origin::Inferred => " (inferred)",
                };
                let _ = writeln!(out, "  needs {needed}{mark}");
            }
        }
        out
    }

    /// Returns the graph in the DOT language; inferred edges are dashed.
    pub fn dot(&self) -> String {
        let mut out =
            String::from("digraph streamform {\n  rankdir = \"LR\";\n  node [shape = \"box\"];\n");
        for address in self.nodes.keys() {
            let _ = writeln!(out, "  {};", quoted(address));
        }
        for (address, needs) in &self.nodes {
            for (needed, origin) in needs {
                let style = match origin {
                    Origin::Explicit => "",
                    Origin::Inferred => " [style = \"dashed\", label = \"inferred\"]",
                };
                let _ = writeln!(out, "  {} -> {}{style};", quoted(address), quoted(needed));
            }
        }
        out.push_str("}\n");
        out
    }
}

/// Returns a text as a DOT string: an address may hold quotes and backslashes.
fn quoted(text: &impl ToString) -> String {
    let escaped = text.to_string().replace('\\', "\\\\").replace('"', "\\\"");
    format!("\"{escaped}\"")
}
