//! Any bytes as a plan file: read or refused; what was read is written as it was, and can be shown.

#![no_main]

use libfuzzer_sys::fuzz_target;
use streamform::gate::{GateInput, review};
use streamform::plan::render::{json, markdown, text};
use streamform::plan::{Plan, file};

fuzz_target!(|bytes: &[u8]| {
    if let Ok(plan) = file::decode(bytes) {
        show(plan);
    }
    // The hash stops most of the above; a plan without one goes further.
    if let Ok(plan) = serde_json::from_slice::<Plan>(bytes) {
        assert_eq!(file::decode(&file::encode(&plan)).expect("our own"), plan);
        show(plan);
    }
});

fn show(plan: Plan) {
    let refusals = match review(plan.clone(), &GateInput::default()) {
        Ok(_) => Vec::new(),
        Err(rejection) => rejection.refusals,
    };
    text::render(&plan, true);
    json::render(&plan, &refusals);
    let limit = markdown::GITHUB_LIMIT;
    let comment = markdown::render(&plan, &refusals, limit);
    assert!(plan.basis.environment.as_str().len() > 1000 || comment.len() <= limit);
}
