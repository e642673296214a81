//! Any text as an expression and as a template: it has a value, or errors.

#![no_main]

use libfuzzer_sys::fuzz_target;
use serde_json::json;
use streamform::config::console::{Names, Question, answer};

fuzz_target!(|text: &str| {
    let scope = json!({
        "n": 3, "s": "text", "yes": true, "nothing": null, "list": ["a", 1, [true]],
        "map": { "a": "b", "c": { "d": [1, 2] } }, "later": { "$unknown": "list(string)" },
        "hidden": { "$sensitive": "x" }, "key": { "$secret": "env:KEY" },
    });
    for template in [false, true] {
        let question = Question {
            expression: text.to_owned(),
            template,
            scope: scope
                .as_object()
                .into_iter()
                .flatten()
                .map(|(k, v)| (k.clone(), v.clone()))
                .collect(),
        };
        answer(&question, &Names::new(), None);
    }
});
