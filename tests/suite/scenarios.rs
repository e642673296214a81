//! The folders of `tests/scenarios`: a project, what was applied, what is live → the plan in every form.
//!
//! A folder holds the project's `*.hcl` files and, as JSON:
//! - `live.json`: the cluster ([`World`])
//! - `state.json`: the objects that were applied, as a state's file holds them; none without the file
//! - `options.json`: what the command line says ([`Options`]); nothing without the file
//!
//! and the snapshots: `plan.text.snap` (what `streamform plan` writes, and its exit code),
//! `plan.json.snap`, `plan.markdown.snap`. No broker is needed: a plan is a function of these.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::{Arc, Mutex};

use serde::Deserialize;
use serde::de::DeserializeOwned;
use streamform::address::{Address, AddressPattern, EnvironmentName};
use streamform::config::project::Inputs;
use streamform::diagnostic::Diagnostics;
use streamform::gate::{ApprovedPlan, Rejection, review};
use streamform::pipeline::{self, Basis, PlanOptions, Planned, Request};
use streamform::plan::render::{json, markdown, text};
use streamform::plan::{Mode, Selection};
use streamform::source::Snapshot;
use streamform::state::{ObjectState, State};

use crate::support::world::{self, World};

/// What the command line says.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Options {
    destroy: bool,
    target: Vec<AddressPattern>,
    exclude: Vec<AddressPattern>,
    allow_destroy: Vec<AddressPattern>,
    max_deletions: Option<u64>,
}

#[test]
fn every_scenario_has_the_plan_that_stands_beside_it() {
    insta::glob!("../scenarios", "*/main.hcl", |main| {
        let folder = main.parent().unwrap();
        let mut settings = insta::Settings::clone_current();
        settings.set_snapshot_path(folder);
        settings.set_prepend_module_to_snapshot(false);
        settings.remove_snapshot_suffix();
        settings.remove_input_file();
        settings.set_omit_expression(true);
        settings.add_filter(r"\bsha256:[0-9a-f]{64}\b", "[HASH]");
        settings.bind(|| check(folder));
    });
}

fn check(folder: &Path) {
    // In a folder of its own, where no repository around it is a part of paths.
    let project = tempfile::tempdir().unwrap();
    copy(folder, project.path());
    let seen = match plan(project.path()) {
        Ok(seen) => seen,
        Err(errors) => {
            insta::assert_snapshot!("plan.text", format!("{}exit code: 1\n", errors.render()));
            return;
        }
    };
    insta::assert_snapshot!("plan.text", seen.text);
    insta::assert_snapshot!("plan.json", seen.json);
    insta::assert_snapshot!("plan.markdown", seen.markdown);
}

fn copy(from: &Path, to: &Path) {
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            fs::create_dir(&to).unwrap();
            copy(&entry.path(), &to);
        } else {
            fs::copy(entry.path(), to).unwrap();
        }
    }
}

/// A plan in every form.
struct Seen {
    text: String,
    json: String,
    markdown: String,
}

fn plan(folder: &Path) -> Result<Seen, Diagnostics> {
    let options: Options = read(folder, "options.json").unwrap_or_default();
    let mut prepared = pipeline::prepare(&Request {
        snapshot: Snapshot::of_directory(folder).unwrap(),
        environment: None,
        inputs: Inputs::default(),
        base: folder.to_owned(),
    })?;
    let cluster: World = read(folder, "live.json").unwrap();
    let driver = world::driver(&Arc::new(Mutex::new(cluster)));
    let kafka = "kafka".parse().unwrap();
    prepared.drivers = prepared.drivers.with(kafka, "topic", driver);
    let planning = pipeline::plan_environment(
        prepared,
        applied(read(folder, "state.json").unwrap_or_default()),
        PlanOptions {
            mode: if options.destroy {
                Mode::Destroy
            } else {
                Mode::Apply
            },
            selection: Selection {
                targets: options.target,
                excludes: options.exclude,
            },
            ..PlanOptions::default()
        },
    );
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    let mut planned = runtime.unwrap().block_on(planning)?;
    planned.gates.allow_destroy.extend(options.allow_destroy);
    planned.gates.max_deletions = options.max_deletions.or(planned.gates.max_deletions);
    Ok(seen(planned))
}

/// Returns a state that holds these objects.
fn applied(objects: BTreeMap<Address, ObjectState>) -> Basis {
    let mut state = State::empty(EnvironmentName::default_environment());
    if !objects.is_empty() {
        state.lineage = "00000000-0000-4000-8000-000000000000".into();
        state.serial = 1;
        state.objects = objects;
    }
    Basis {
        hash: state.content_hash(),
        state,
    }
}

fn seen(planned: Planned) -> Seen {
    let reviewed = review(planned.plan, &planned.gates);
    let plan = reviewed
        .as_ref()
        .map_or_else(|rejection| &*rejection.plan, ApprovedPlan::plan);
    let refusals = reviewed.as_ref().map_or_else(|r| &*r.refusals, |_| &[]);
    let told = reviewed.as_ref().err();
    let told = told.map(|rejection| rejection.diagnostics(&planned.places, &planned.sources));
    Seen {
        text: format!(
            "{}{}{}exit code: {}\n",
            plan.warnings.render(),
            text::render(plan, false),
            told.map(|told| format!("\n{}", told.render()))
                .unwrap_or_default(),
            exit(&reviewed)
        ),
        json: format!("{:#}\n", json::render(plan, refusals)),
        markdown: markdown::render(plan, refusals, markdown::GITHUB_LIMIT),
    }
}

/// Returns the code that `streamform plan --detailed-exitcode` ends with.
fn exit(reviewed: &Result<ApprovedPlan, Rejection>) -> u8 {
    match reviewed {
        Err(rejection) if rejection.is_infeasible() => 1,
        Err(_) => 3,
        Ok(approved) if approved.plan().is_empty() => 0,
        Ok(_) => 2,
    }
}

/// Reads a file of a scenario; `None` where it has none.
fn read<T: DeserializeOwned>(folder: &Path, name: &str) -> Option<T> {
    let path = folder.join(name);
    let text = fs::read_to_string(&path).ok()?;
    let read = serde_json::from_str(&text);
    Some(read.unwrap_or_else(|error| unreachable!("{}: {error}", path.display())))
}
