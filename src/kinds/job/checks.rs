//! What a change of a job means for its state: one function a rule. Pure.
//!
//! A change is classed before it runs: metadata only (nothing differs, so there is no finding), `rescale`,
//! `restart-with-state`, `state-may-not-fit`, `rebuild`.

use crate::kinds::{Action, Check, CheckInput, Finding, Weight};

use super::diff::STATE;
use super::memory::Step;
use super::program::Program;
use super::spec::{JobSpec, Mode, WantedState};
use super::{Job, JobLive, LiveState};

/// The rules, in the order in which their findings are shown.
pub(super) const CHECKS: &[Check<Job>] = &[
    Check {
        code: "unsettled",
        run: unsettled,
    },
    Check {
        code: "foreign-job",
        run: foreign_job,
    },
    Check {
        code: "class",
        run: class,
    },
    Check {
        code: "drops-state",
        run: drops_state,
    },
    Check {
        code: "state-lost",
        run: state_lost,
    },
    Check {
        code: "deletion",
        run: deletion,
    },
    Check {
        code: "unmeasured",
        run: unmeasured,
    },
];

type Input<'a> = CheckInput<'a, Job>;

/// A change of what runs, or whether it runs.
struct Change<'a> {
    spec: &'a JobSpec,
    live: &'a JobLive,
    /// What ran so far, where it is known.
    was: Option<&'a Program>,
}

impl<'a> Change<'a> {
    /// Returns the change of a job that is there.
    fn of(input: &Input<'a>) -> Option<Self> {
        if matches!(input.action, Action::Create | Action::Delete) {
            return None;
        }
        let (spec, live) = (input.spec?, input.live?);
        let was = live.memory.program();
        let was = was.or_else(|| input.prior.map(|prior| &prior.program));
        Some(Self { spec, live, was })
    }

    /// Whether another program takes over the state.
    fn is_new_program(&self) -> bool {
        self.spec.state == WantedState::Running
            && self
                .was
                .is_some_and(|was| was.content() != self.spec.program.content())
    }

    /// Whether only the parallelism differs.
    fn is_scaled(&self) -> bool {
        self.was
            .is_some_and(|was| was.is_scaled(&self.spec.program))
    }

    /// Whether it has to be started, for whatever reason.
    fn starts(&self) -> bool {
        self.spec.state == WantedState::Running
            && (self.live.state != LiveState::Running || self.is_new_program())
    }
}

fn changes(input: &Input<'_>, path: &str) -> bool {
    input.deltas.iter().any(|delta| delta.path == path)
}

/// An earlier run ended in the middle of a change: this one finishes it.
fn unsettled(input: &Input<'_>) -> Vec<Finding> {
    let Some(step) = input.live.and_then(|live| live.step.as_ref()) else {
        return Vec::new();
    };
    let what = match step {
        Step::Stopping { .. } => "was about to stop the job with a savepoint".to_owned(),
        Step::Cancelling => "was about to end the job without a savepoint".to_owned(),
        Step::Stopped { from: Some(path) } => {
            format!("had stopped the job; its state is at {path}")
        }
        Step::Stopped { from: None } => "had stopped the job".to_owned(),
        Step::Starting { run, back: None } => format!("was about to start it as {}", run.id),
        Step::Starting {
            run,
            back: Some(why),
        } => format!(
            "was about to start the version before it again as {}, after the new one failed: {why}",
            run.id
        ),
        Step::Settled => return Vec::new(),
        Step::Rescaling { .. } => "was about to change its parallelism".to_owned(),
    };
    vec![
        Finding::new(
            "unsettled",
            Weight::Note,
            "An earlier change of the job was cut short; this one finishes it",
        )
        .detail(format!("It {what}.")),
    ]
}

/// A job that runs under our name and is not ours is told, and never touched.
fn foreign_job(input: &Input<'_>) -> Vec<Finding> {
    let live = input.live.map(|live| live.foreign.as_slice());
    // One that is about to be taken over is meant.
    if input.action == Action::Adopt {
        return Vec::new();
    }
    let foreign = live.filter(|ids| !ids.is_empty());
    let foreign = foreign.unwrap_or(&input.facts.foreign);
    if foreign.is_empty() {
        return Vec::new();
    }
    let weight = if input.action == Action::Create {
        Weight::Error
    } else {
        Weight::Warning
    };
    vec![
        Finding::new(
            "foreign-job",
            weight,
            format!(
                "A job of the name {:?} runs that is not ours: {}",
                input.remote_id,
                foreign.join(", ")
            ),
        )
        .detail("Streamform does not touch what it did not start; two of them may write everything twice.")
        .hint("end the other one, or give this one another name"),
    ]
}

/// Says what class the change is of.
fn class(input: &Input<'_>) -> Vec<Finding> {
    let Some(change) = Change::of(input) else {
        return Vec::new();
    };
    let finding = if changes(input, STATE) && change.spec.state == WantedState::Suspended {
        Some(
            Finding::new(
                "suspend",
                Weight::Note,
                "The job is stopped with a savepoint and stays stopped",
            )
            .on(STATE),
        )
    } else if !change.starts() {
        None
    } else if change.spec.upgrade.mode == Mode::Stateless {
        Some(rebuild())
    } else if change.live.state == LiveState::Running {
        Some(restart(input, &change))
    } else {
        starts_again(input, &change)
    };
    finding.into_iter().collect()
}

fn rebuild() -> Finding {
    Finding::new(
        "rebuild",
        Weight::Note,
        "The job starts without its state (upgrade mode \"stateless\")",
    )
}

/// A running job gets another program.
fn restart(input: &Input<'_>, change: &Change<'_>) -> Finding {
    let from = match change.spec.upgrade.mode {
        Mode::LastCheckpoint => "its newest checkpoint; what came after it is done twice",
        _ => "a savepoint that it is stopped with",
    };
    if change.is_scaled() {
        return if input.facts.rescales_in_place {
            Finding::new(
                "rescale",
                Weight::Note,
                "The parallelism is changed in place, from the newest checkpoint",
            )
        } else {
            Finding::new(
                "rescale",
                Weight::Note,
                format!("The parallelism is changed by a restart from {from}"),
            )
        };
    }
    if let Some(doubt) = doubt(input, change) {
        return Finding::new(
            "state-may-not-fit",
            Weight::Warning,
            "The new version may not take over all of the state",
        )
        .detail(doubt)
        .hint(
            "give every operator with state a uid that stays; a version that does not take the state over is \
             turned back",
        );
    }
    Finding::new(
        "restart-with-state",
        Weight::Note,
        format!("The job is restarted from {from}"),
    )
}

/// Returns why the state may not fit.
fn doubt(input: &Input<'_>, change: &Change<'_>) -> Option<String> {
    if let Some(graph) = &input.facts.graph {
        return (!graph.gone.is_empty()).then(|| {
            format!(
                "These operators are gone or were renamed: {}.",
                graph.gone.join("; ")
            )
        });
    }
    match (change.was?, &change.spec.program) {
        (Program::FlinkSql(was), Program::FlinkSql(now)) => (was.script != now.script).then(|| {
            "Other SQL may be planned into other operators, and their ids are made from the plan.".to_owned()
        }),
        (Program::FlinkJar(_), Program::FlinkJar(_)) => None,
        _ => Some("It is another kind of program, with other operators.".to_owned()),
    }
}

/// A job that does not run is started.
fn starts_again(input: &Input<'_>, change: &Change<'_>) -> Option<Finding> {
    let source = input.facts.source.as_ref()?;
    let (code, summary) = match change.live.state {
        LiveState::Suspended => ("resume", format!("The job goes on from {source}")),
        state => (
            "restart-with-state",
            format!(
                "The job is {}; it is started again from {source}",
                state.name()
            ),
        ),
    };
    let weight = if change.live.state == LiveState::Missing {
        Weight::Warning
    } else {
        Weight::Note
    };
    let finding = Finding::new(code, weight, summary);
    Some(if change.live.state == LiveState::Missing {
        finding.detail(
            "The engine does not know the job any more, nor its newer checkpoints: what came after that \
             savepoint is done again.",
        )
    } else {
        finding
    })
}

/// State may be dropped where no operator takes it.
fn drops_state(input: &Input<'_>) -> Vec<Finding> {
    let Some(change) = Change::of(input) else {
        return Vec::new();
    };
    let upgrade = &change.spec.upgrade;
    if !upgrade.allow_non_restored_state
        || upgrade.mode == Mode::Stateless
        || !change.is_new_program()
        || change.is_scaled()
    {
        return Vec::new();
    }
    vec![
        Finding::new(
            "drops-state",
            Weight::Destructive,
            "State that no operator of the new version takes is dropped",
        )
        .detail("upgrade.allow_non_restored_state is true.")
        .hint("set it to false again once the version that needs it has been applied")
        .on("upgrade"),
    ]
}

/// The job starts without the state that it had.
fn state_lost(input: &Input<'_>) -> Vec<Finding> {
    let Some(change) = Change::of(input) else {
        return Vec::new();
    };
    let is_on_purpose = change.spec.upgrade.mode == Mode::Stateless;
    let is_lost = match change.live.state {
        LiveState::Running => is_on_purpose,
        _ => is_on_purpose || input.facts.source.is_none(),
    };
    if !change.starts() || !is_lost {
        return Vec::new();
    }
    let finding = Finding::new(
        "state-lost",
        Weight::Destructive,
        "The job starts empty: the state that it has gathered is lost",
    );
    vec![if is_on_purpose {
        finding
            .hint("upgrade mode \"savepoint\" keeps it")
            .on("upgrade")
    } else {
        finding.detail("It does not run, and neither a savepoint nor a checkpoint of it is known.")
    }]
}

/// A job's state goes with it.
fn deletion(input: &Input<'_>) -> Vec<Finding> {
    let Some(live) = input.live.filter(|_| input.action == Action::Delete) else {
        return Vec::new();
    };
    let upgrade = live.upgrade.clone().unwrap_or_default();
    if upgrade.mode == Mode::Stateless && live.memory.savepoints.is_empty() {
        return Vec::new();
    }
    let runs = live.state == LiveState::Running;
    let detail = if runs && upgrade.final_savepoint && upgrade.mode != Mode::Stateless {
        "It is stopped with a last savepoint, which stays where it is and is then nobody's."
    } else if runs {
        "It is ended without a savepoint: what it has gathered is lost."
    } else {
        "It does not run. Its savepoints stay where they are and are then nobody's."
    };
    vec![
        Finding::new(
            "deletion",
            Weight::Destructive,
            format!("The job {:?} and its state go", input.remote_id),
        )
        .detail(detail)
        .hint("to stop it and keep its state: state = \"suspended\""),
    ]
}

fn unmeasured(input: &Input<'_>) -> Vec<Finding> {
    let unmeasured = input.facts.unmeasured.iter();
    unmeasured
        .map(|why| {
            Finding::new(
                "unmeasured",
                Weight::Warning,
                "What the change means could not be found out wholly",
            )
            .detail(why.clone())
        })
        .collect()
}
