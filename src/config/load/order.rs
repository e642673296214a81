//! The order of evaluation: what a node refers to comes before it. Cycles are reported whole.

use std::fmt::Write as _;
use std::ops::Range;

use crate::diagnostic::{Diagnostic, Diagnostics, SourceMap};

use super::expression::{Ref, Target};
use super::index::{ItemKind, place};
use super::module::Item;
use super::source::Piece;
use super::tree::{BranchId, NodeId, Tree};

/// The nodes in an order in which they can be evaluated; those of a cycle are left out.
#[derive(Debug, Default)]
pub(super) struct Order {
    pub(super) nodes: Vec<NodeId>,
    /// How many nodes come first: the providers and what they need.
    pub(super) providers: usize,
    /// Whether something refers to the node.
    pub(super) referred_to: Vec<bool>,
}

/// That one node refers to another, and where it says so.
struct Edge<'m> {
    to: NodeId,
    piece: &'m Piece,
    range: Range<usize>,
}

/// A node whose edges are being followed.
struct Frame<'m> {
    node: NodeId,
    edges: Vec<Edge<'m>>,
    next: usize,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Mark {
    New,
    Open,
    Done,
}

/// Sorts all nodes, so that the providers and what they need come first.
pub(super) fn order(
    tree: &Tree<'_, '_>,
    sources: &SourceMap,
    diagnostics: &mut Diagnostics,
) -> Order {
    let count = tree.nodes.len();
    let mut search = Search {
        tree,
        sources,
        diagnostics,
        marks: vec![Mark::New; count],
        in_cycle: vec![false; count],
        order: Order {
            nodes: Vec::with_capacity(count),
            providers: 0,
            referred_to: vec![false; count],
        },
    };
    for node in 0..count {
        if matches!(tree.item(node), Item::Provider(_)) {
            search.visit(node);
        }
    }
    search.order.providers = search.order.nodes.len();
    for node in 0..count {
        search.visit(node);
    }
    search.order
}

/// A search that keeps its own stack: a chain of a hundred thousand locals is no problem.
struct Search<'s, 'm, 'a> {
    tree: &'s Tree<'m, 'a>,
    sources: &'s SourceMap,
    diagnostics: &'s mut Diagnostics,
    marks: Vec<Mark>,
    in_cycle: Vec<bool>,
    order: Order,
}

impl Search<'_, '_, '_> {
    /// Puts what a node needs, and then the node, behind what is sorted already.
    fn visit(&mut self, start: NodeId) {
        if self.marks[start] != Mark::New {
            return;
        }
        self.marks[start] = Mark::Open;
        let mut stack = vec![frame(self.tree, start)];
        while let Some(top) = stack.last_mut() {
            if let Some(edge) = top.edges.get(top.next) {
                top.next += 1;
                let to = edge.to;
                self.order.referred_to[to] = true;
                match self.marks[to] {
                    Mark::Done => {}
                    Mark::New => {
                        self.marks[to] = Mark::Open;
                        stack.push(frame(self.tree, to));
                    }
                    Mark::Open => {
                        let from = stack.iter().position(|frame| frame.node == to).unwrap_or(0);
                        self.cycle(&stack[from..]);
                    }
                }
            } else {
                let node = top.node;
                self.marks[node] = Mark::Done;
                if !self.in_cycle[node] {
                    self.order.nodes.push(node);
                }
                stack.pop();
            }
        }
    }

    fn cycle(&mut self, cycle: &[Frame<'_>]) {
        // A second way around the same nodes says nothing new.
        if !cycle.iter().all(|frame| self.in_cycle[frame.node]) {
            let error = cycle_error(self.tree, self.sources, cycle);
            self.diagnostics.push(error);
        }
        for frame in cycle {
            self.in_cycle[frame.node] = true;
        }
    }
}

fn frame<'m>(tree: &Tree<'m, '_>, node: NodeId) -> Frame<'m> {
    Frame {
        node,
        edges: edges(tree, node),
        next: 0,
    }
}

/// Lists what a node needs before it: what its expressions refer to, the expansion of the module
/// call around it, and for objects what `depends_on` names, also that of the calls around.
fn edges<'m>(tree: &Tree<'m, '_>, node: NodeId) -> Vec<Edge<'m>> {
    let (branch, item_id) = tree.nodes[node];
    let item = tree.item(node);
    let piece = tree.header(node).piece;
    let mut edges = Edges {
        tree,
        found: Vec::new(),
    };
    if let Some((parent, call)) = tree.branches[branch].parent {
        let header = tree.header(tree.node(parent, call));
        edges.push(
            tree.node(parent, call),
            header.piece,
            header.span.start..header.span.end,
        );
        if let (Item::Variable(_), Item::Call(call)) = (item, tree.item(tree.node(parent, call))) {
            let name = tree.branches[branch].module.index.items[item_id].name;
            if let Some(argument) = call.arguments.get(name) {
                argument
                    .refs
                    .iter()
                    .for_each(|used| edges.used(parent, header.piece, used));
            }
        }
    }
    item.each_ref(&mut |used| {
        // A variable's own validation refers to the variable.
        if used.target != Target::Value(item_id) || !matches!(item, Item::Variable(_)) {
            edges.used(branch, piece, used);
        }
    });
    for used in item.depends_on() {
        edges.depended(branch, piece, used);
    }
    if matches!(item, Item::Object(_)) {
        for way in tree.way_to(branch) {
            if let Some((parent, call)) = tree.branches[way].parent {
                let call = tree.node(parent, call);
                for used in tree.item(call).depends_on() {
                    edges.depended(parent, tree.header(call).piece, used);
                }
            }
        }
    }
    edges.found
}

struct Edges<'t, 'm, 'a> {
    tree: &'t Tree<'m, 'a>,
    found: Vec<Edge<'m>>,
}

impl<'m> Edges<'_, 'm, '_> {
    fn push(&mut self, to: NodeId, piece: &'m Piece, range: Range<usize>) {
        self.found.push(Edge { to, piece, range });
    }

    /// A use of a name in an expression.
    fn used(&mut self, branch: BranchId, piece: &'m Piece, used: &Ref) {
        let tree = self.tree;
        let range = || used.range.clone();
        match used.target {
            Target::Value(item) | Target::Object(item, _) => {
                self.push(tree.node(branch, item), piece, range());
            }
            Target::Module(call, _, output) => {
                self.push(tree.node(branch, call), piece, range());
                let Some(child) = tree.branches[branch].children.get(&call).copied() else {
                    return;
                };
                match output {
                    Some(output) => self.push(tree.node(child, output), piece, range()),
                    None => {
                        for output in tree.branches[child].module.index.outputs.values() {
                            self.push(tree.node(child, *output), piece, range());
                        }
                    }
                }
            }
        }
    }

    /// A name in `depends_on`: a module there is all objects inside.
    fn depended(&mut self, branch: BranchId, piece: &'m Piece, used: &Ref) {
        let Target::Module(call, ..) = used.target else {
            return self.used(branch, piece, used);
        };
        let tree = self.tree;
        self.push(tree.node(branch, call), piece, used.range.clone());
        let Some(child) = tree.branches[branch].children.get(&call) else {
            return;
        };
        for inside in tree.inside(*child) {
            for names in tree.branches[inside].module.index.objects.values() {
                for item in names.values() {
                    self.push(tree.node(inside, *item), piece, used.range.clone());
                }
            }
        }
    }
}

/// A node's name for people: `local.a`, `module.orders.topic.main`.
pub(super) fn label(tree: &Tree<'_, '_>, node: NodeId) -> String {
    let (branch, _) = tree.nodes[node];
    let header = tree.header(node);
    let mut label = String::new();
    for step in tree.way_to(branch) {
        if let Some((parent, call)) = tree.branches[step].parent {
            label.push_str("module.");
            label.push_str(tree.header(tree.node(parent, call)).name);
            label.push('.');
        }
    }
    let prefix = match header.kind {
        ItemKind::Variable => "var",
        ItemKind::Local => "local",
        ItemKind::Output => "output",
        ItemKind::Object(kind) => kind.keyword,
        ItemKind::Call => "module",
        ItemKind::Provider => "provider",
        ItemKind::Check => "check",
        ItemKind::Import => return label + "import",
    };
    label + prefix + "." + header.name
}

fn cycle_error(tree: &Tree<'_, '_>, sources: &SourceMap, cycle: &[Frame<'_>]) -> Diagnostic {
    let mut detail = String::new();
    let mut first = None;
    for (at, frame) in cycle.iter().enumerate() {
        let next = cycle.get(at + 1).unwrap_or(&cycle[0]);
        // `next` was counted up when the edge was taken.
        let edge = &frame.edges[frame.next - 1];
        let span = edge.piece.span(edge.range.clone());
        // Writing to a String cannot fail.
        let _ = writeln!(
            detail,
            "{} refers to {} at {}",
            label(tree, frame.node),
            label(tree, next.node),
            place(sources, &span),
        );
        first.get_or_insert(span);
    }
    let summary = match cycle {
        [single] => format!("{} refers to itself", label(tree, single.node)),
        _ => format!("{} values refer to each other in a circle", cycle.len()),
    };
    Diagnostic::error("cycle", summary)
        .detail(detail.trim_end())
        .at(first)
}
