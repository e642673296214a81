//! `--target` and `--exclude`: which objects a plan is restricted to. Pure.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::address::{Address, AddressPattern};
use crate::diagnostic::{Diagnostic, Diagnostics};

/// What a plan is restricted to.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Selection {
    /// Only these and what they need; everything where it is empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub targets: Vec<AddressPattern>,
    /// Not these, and not what needs them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub excludes: Vec<AddressPattern>,
}

impl Selection {
    /// Whether nothing is left out.
    pub fn is_all(&self) -> bool {
        self.targets.is_empty() && self.excludes.is_empty()
    }

    /// Returns the selected ones of some objects, each given with what it needs.
    ///
    /// A pattern that selects nothing is an error: it is a slip more often than a wish.
    pub fn select(
        &self,
        objects: &BTreeMap<Address, BTreeSet<Address>>,
    ) -> Result<BTreeSet<Address>, Diagnostics> {
        let mut unmatched = Diagnostics::new();
        for (option, pattern) in self
            .targets
            .iter()
            .map(|pattern| ("--target", pattern))
            .chain(self.excludes.iter().map(|pattern| ("--exclude", pattern)))
        {
            if !objects.keys().any(|address| pattern.matches(address)) {
                unmatched.push(
                    Diagnostic::error(
                        "no-such-object",
                        format!("{option} {pattern} selects nothing"),
                    )
                    .detail("Neither the project nor the state holds such an object.")
                    .hint("`streamform graph` and `streamform state list` print the addresses"),
                );
            }
        }
        if unmatched.has_errors() {
            return Err(unmatched);
        }
        let mut selected: BTreeSet<Address> = if self.targets.is_empty() {
            objects.keys().cloned().collect()
        } else {
            let start = objects
                .keys()
                .filter(|a| self.targets.iter().any(|p| p.matches(a)));
            closure(start, |address| objects.get(address).into_iter().flatten())
        };
        let dependants = reversed(objects);
        let excluded = closure(
            objects
                .keys()
                .filter(|a| self.excludes.iter().any(|p| p.matches(a))),
            |address| dependants.get(address).into_iter().flatten().copied(),
        );
        selected.retain(|address| objects.contains_key(address) && !excluded.contains(address));
        Ok(selected)
    }
}

fn reversed(
    objects: &BTreeMap<Address, BTreeSet<Address>>,
) -> BTreeMap<&Address, BTreeSet<&Address>> {
    let mut dependants: BTreeMap<&Address, BTreeSet<&Address>> = BTreeMap::new();
    for (address, needs) in objects {
        for needed in needs {
            dependants.entry(needed).or_default().insert(address);
        }
    }
    dependants
}

/// Returns everything that can be reached from some addresses.
fn closure<'a, I: Iterator<Item = &'a Address>>(
    start: impl Iterator<Item = &'a Address>,
    next: impl Fn(&'a Address) -> I,
) -> BTreeSet<Address> {
    let mut reached = BTreeSet::new();
    let mut open: Vec<&Address> = start.collect();
    while let Some(address) = open.pop() {
        if reached.insert(address.clone()) {
            open.extend(next(address));
        }
    }
    reached
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> Address {
        text.parse().expect("an address")
    }

    /// c needs b, b needs a; d stands alone.
    fn objects() -> BTreeMap<Address, BTreeSet<Address>> {
        [
            ("a", vec![]),
            ("b", vec!["a"]),
            ("c", vec!["b"]),
            ("d", vec![]),
        ]
        .into_iter()
        .map(|(name, needs)| {
            let needs = needs
                .into_iter()
                .map(|n| address(&format!("topic.{n}")))
                .collect();
            (address(&format!("topic.{name}")), needs)
        })
        .collect()
    }

    fn select(targets: &[&str], excludes: &[&str]) -> Vec<String> {
        let parse = |texts: &[&str]| {
            texts
                .iter()
                .map(|t| t.parse().expect("a pattern"))
                .collect()
        };
        let selection = Selection {
            targets: parse(targets),
            excludes: parse(excludes),
        };
        let selected = selection.select(&objects()).expect("patterns that match");
        selected
            .into_iter()
            .map(|address| address.name.to_string())
            .collect()
    }

    #[test]
    fn a_target_brings_what_it_needs() {
        assert_eq!(select(&["topic.b"], &[]), ["a", "b"]);
    }

    #[test]
    fn an_exclusion_takes_away_what_needs_it() {
        assert_eq!(select(&[], &["topic.b"]), ["a", "d"]);
        assert_eq!(select(&["topic.c", "topic.d"], &["topic.a"]), ["d"]);
    }

    #[test]
    fn a_pattern_that_selects_nothing_is_an_error() {
        let selection = Selection {
            targets: vec!["topic.z".parse().expect("a pattern")],
            excludes: vec![],
        };
        let error = selection.select(&objects()).expect_err("no such topic");
        insta::assert_snapshot!(error.render(), @r"
        Error: --target topic.z selects nothing
          Neither the project nor the state holds such an object.
          hint: `streamform graph` and `streamform state list` print the addresses
        ");
    }
}
