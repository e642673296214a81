//! Whatever a small project says, its plan is empty once it was applied.

use proptest::prelude::{Strategy, prop};
use proptest::strategy::ValueTree as _;
use proptest::test_runner::TestRunner;

use crate::support::estate::{Estate, topic};

/// How many steps one project goes through.
const STEPS: usize = 10;

/// Settings that may each be there or not; partitions only grow, so they are no part of this.
fn settings() -> impl Strategy<Value = String> {
    let one_of = |key: &'static str, values: &'static [&'static str]| {
        prop::option::of(prop::sample::select(values))
            .prop_map(move |value| value.map(|value| format!("\"{key}\" = {value}")))
    };
    (
        one_of("retention.ms", &["-1", "3600000", "\"86400000\""]),
        one_of(
            "cleanup.policy",
            &["\"delete\"", "\"compact\"", "\"compact,delete\""],
        ),
        one_of("min.cleanable.dirty.ratio", &["0.5", "0.25", "\"0.10\""]),
        one_of("max.message.bytes", &["1048588", "2000000"]),
        one_of("preallocate", &["true", "false", "\"false\""]),
    )
        .prop_map(|(a, b, c, d, e)| {
            let present: Vec<String> = [a, b, c, d, e].into_iter().flatten().collect();
            present.join(", ")
        })
}

#[test]
fn what_was_applied_plans_to_nothing() {
    let Some(estate) = Estate::new("round-trip") else {
        return;
    };
    let mut runner = TestRunner::deterministic();
    let topics = prop::collection::btree_map(0..4_u8, settings(), 0..4);
    for _ in 0..STEPS {
        let project = topics.new_tree(&mut runner).unwrap().current();
        let blocks: String = project
            .iter()
            .map(|(number, config)| topic(&format!("t{number}"), 1, config))
            .collect();
        estate.declare(&blocks);
        estate.apply(&[]).expect(0);
        estate.expect_empty_plan();
        assert_eq!(estate.kafka.topics(&estate.prefix).len(), project.len());
    }
}
