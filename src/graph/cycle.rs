//! Finds objects that need each other. Pure.

use std::collections::BTreeMap;
use std::fmt;

use crate::address::Address;
use crate::diagnostic::Diagnostic;

use super::Origin;

/// Objects of which each needs the next, and the last the first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cycle {
    steps: Vec<(Address, Origin)>,
}

impl Cycle {
    /// Returns the objects, each with the origin of its edge to the next one.
    pub fn steps(&self) -> &[(Address, Origin)] {
        &self.steps
    }

    /// Returns the error to show.
    pub fn diagnostic(&self) -> Diagnostic {
        let hint = if self
            .steps
            .iter()
            .any(|(_, origin)| *origin == Origin::Inferred)
        {
            "remove one of the references; an inferred edge is a name in a setting that is a managed object's"
        } else {
            "remove one of the references or depends_on entries"
        };
        Diagnostic::error("dependency-cycle", "Objects need each other")
            .detail(self.to_string())
            .hint(hint)
    }
}

impl fmt::Display for Cycle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (address, origin) in &self.steps {
            let arrow = match origin {
                Origin::Explicit => "needs",
                Origin::Inferred => "needs (inferred)",
            };
            write!(f, "{address} {arrow} ")?;
        }
        match self.steps.first() {
            Some((first, _)) => write!(f, "{first}"),
            None => Ok(()),
        }
    }
}

/// Where the search is with a node.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Mark {
    /// On the path from the root of the search.
    OnPath,
    /// No cycle can be reached from it.
    Clear,
}

/// Searches in depth, with a stack of its own: a chain of ten thousand must not overflow the thread's.
pub(super) fn find(nodes: &BTreeMap<Address, BTreeMap<Address, Origin>>) -> Option<Cycle> {
    let mut marks: BTreeMap<&Address, Mark> = BTreeMap::new();
    for root in nodes.keys() {
        if marks.contains_key(root) {
            continue;
        }
        marks.insert(root, Mark::OnPath);
        let mut path = vec![(root, nodes[root].iter())];
        let mut taken: Vec<Origin> = Vec::new();
        while let Some((address, rest)) = path.last_mut() {
            let Some((needed, origin)) = rest.next() else {
                marks.insert(address, Mark::Clear);
                path.pop();
                taken.pop();
                continue;
            };
            match marks.get(needed) {
                Some(Mark::Clear) => {}
                Some(Mark::OnPath) => {
                    taken.push(*origin);
                    let start = path.iter().position(|(on_path, _)| *on_path == needed)?;
                    let addresses = path[start..].iter().map(|(address, _)| (*address).clone());
                    let steps: Vec<_> = addresses.zip(taken[start..].iter().copied()).collect();
                    return Some(smallest_first(steps));
                }
                None => {
                    marks.insert(needed, Mark::OnPath);
                    taken.push(*origin);
                    path.push((needed, nodes[needed].iter()));
                }
            }
        }
    }
    None
}

fn smallest_first(mut steps: Vec<(Address, Origin)>) -> Cycle {
    let smallest = steps
        .iter()
        .enumerate()
        .min_by_key(|(_, (address, _))| address)
        .map_or(0, |(index, _)| index);
    steps.rotate_left(smallest);
    Cycle { steps }
}
