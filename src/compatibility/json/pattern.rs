//! Regular expressions of schemas, compiled once a comparison. Pure.
//!
//! The language's are ECMA-262's; those with look-around or back references, which cannot be compiled
//! in linear time, have no known matches.

use std::cell::RefCell;
use std::collections::BTreeMap;

use regex::{Regex, RegexBuilder};

/// The most memory that one compiled expression may take, in bytes.
const SIZE_LIMIT: usize = 1 << 20;

/// Expressions that were compiled.
#[derive(Debug, Default)]
pub(super) struct Patterns(RefCell<BTreeMap<String, Option<Regex>>>);

impl Patterns {
    /// Says whether a text has a match, where the expression can be compiled.
    pub(super) fn matches(&self, pattern: &str, text: &str) -> Option<bool> {
        let mut compiled = self.0.borrow_mut();
        if !compiled.contains_key(pattern) {
            compiled.insert(pattern.to_owned(), compile(pattern));
        }
        compiled[pattern].as_ref().map(|regex| regex.is_match(text))
    }

    /// Says whether every text has a match.
    ///
    /// An expression that is no stricter than where a text starts and that matches nothing matches at
    /// every text's start.
    pub(super) fn accepts_everything(&self, pattern: &str) -> bool {
        let body = pattern.strip_prefix('^').unwrap_or(pattern);
        !["^", "$", "\\b", "\\B", "\\A", "\\z", "(?"]
            .iter()
            .any(|assertion| body.contains(assertion))
            && self.matches(pattern, "") == Some(true)
    }
}

fn compile(pattern: &str) -> Option<Regex> {
    RegexBuilder::new(pattern)
        .size_limit(SIZE_LIMIT)
        .build()
        .ok()
}
