//! Any text as a project: it is loaded, or refused with a place for every error.

#![no_main]

use libfuzzer_sys::fuzz_target;
use streamform::clients::PROVIDERS;
use streamform::config::files::MemoryFiles;
use streamform::config::load::{LoadRequest, UnsetVariables, load};
use streamform::config::project::Inputs;
use streamform::kinds;

const MODULE: &str = "variable \"name\" {}\ntopic \"t\" { name = var.name }\noutput \"name\" { value = topic.t.name }\n";

fuzz_target!(|text: &str| {
    let files = MemoryFiles::from_iter([("main.hcl", text), ("m/main.hcl", MODULE)]);
    let loaded = load(&LoadRequest {
        files: &files,
        root: "",
        environment: None,
        inputs: &Inputs::default(),
        kinds: &kinds::schemas(),
        providers: PROVIDERS,
        tool_version: "0.1.0",
        unset_variables: UnsetVariables::Refuse,
        on_head: None,
    });
    match loaded {
        Ok(project) => drop(kinds::decode(&project)),
        Err(errors) => {
            assert!(errors.has_errors());
            errors.render();
        }
    }
});
