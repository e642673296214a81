//! Any text is formatted or refused; what was formatted is as it should be already.

#![no_main]

use libfuzzer_sys::fuzz_target;
use streamform::config::format::format;

fuzz_target!(|text: &str| {
    if let Ok(once) = format(text, "main.hcl") {
        let twice = format(&once, "main.hcl").expect("what was formatted can be read");
        assert_eq!(once, twice, "twice is not once");
    }
});
