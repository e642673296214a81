//! What a change of a job means for its state: one function a rule. Pure.
//!
//! A change is classed before it runs: metadata only (nothing differs, so there is no finding), `rescale`,
//! `restart-with-state`, `state-may-not-fit`, `rebuild`.

use crate::kinds::{Action, Check, CheckInput, Finding, Weight};

use super::diff::{RESTORE, STATE};
use super::memory::Step;
use super::program::Program;
use super::spec::{JobSpec, Mode, Restore, WantedState};
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
        code: "restore",
        run: restore,
    },
    Check {
        code: "no-way-back",
        run: no_way_back,
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

/// Returns the state that is to be taken up and was not yet.
fn pending_restore<'a>(input: &Input<'a>) -> Option<&'a Restore> {
    let restore = input.spec?.restore.as_ref();
    restore.filter(|_| input.action == Action::Create || changes(input, RESTORE))
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
        Step::Starting {
            run,
            given_up: true,
            ..
        } => format!("was about to end {}, which had not proved itself", run.id),
        Step::Starting {
            run, back: None, ..
        } => format!("was about to start it as {}", run.id),
        Step::Starting {
            run,
            back: Some(why),
            ..
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
    // One that is about to be taken over is meant; of several none is.
    if input.action == Action::Adopt {
        return Vec::new();
    }
    let foreign = live.filter(|ids| !ids.is_empty());
    let foreign = foreign.unwrap_or(&input.facts.foreign);
    if foreign.is_empty() {
        return Vec::new();
    }
    // Beside one that runs, a second one is not started.
    let starts = Change::of(input).is_some_and(|change| {
        change.spec.state == WantedState::Running && change.live.state != LiveState::Running
    });
    let weight = if starts || input.action == Action::Create {
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
        .hint(if starts {
            "end the other one; or forget this one (streamform state rm) and take that one over (streamform import)"
        } else {
            "end the other one, or give this one another name"
        }),
    ]
}

/// Says what class the change is of.
fn class(input: &Input<'_>) -> Vec<Finding> {
    let Some(change) = Change::of(input) else {
        return Vec::new();
    };
    let finding = if changes(input, STATE) && change.spec.state == WantedState::Suspended {
        Some(suspend(input, &change))
    } else if !change.starts() || pending_restore(input).is_some() {
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

fn suspend(input: &Input<'_>, change: &Change<'_>) -> Finding {
    let summary = match (
        change.live.state,
        change.spec.upgrade.mode,
        &input.facts.source,
    ) {
        (LiveState::Running, Mode::LastCheckpoint, _) => {
            "The job is cancelled and stays stopped; its state is in its newest checkpoint"
                .to_owned()
        }
        (LiveState::Running, ..) => {
            "The job is stopped with a savepoint and stays stopped".to_owned()
        }
        (state, _, Some(source)) => {
            format!(
                "The job is {} and stays stopped; its state is at {source}",
                state.name()
            )
        }
        (state, _, None) => {
            format!(
                "The job is {} and stays stopped; no state of it is known",
                state.name()
            )
        }
    };
    Finding::new("suspend", Weight::Note, summary).on(STATE)
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
        Mode::LastCheckpoint => "its newest checkpoint; what came after that is done again",
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
    let is_remembered = change.live.memory.newest() == Some(source);
    // In the middle of a change it has ended because we stopped it.
    let did_more = is_remembered && change.live.step.is_none();
    let weight = match change.live.state {
        LiveState::Missing => Weight::Warning,
        // What was stopped left something newer: this one came to its end, and would go through it again.
        LiveState::Finished if did_more => Weight::Destructive,
        LiveState::Failed | LiveState::Canceled if did_more => Weight::Warning,
        _ => Weight::Note,
    };
    let finding = Finding::new(code, weight, summary);
    if change.live.state != LiveState::Missing {
        return Some(match weight {
            Weight::Note => finding,
            Weight::Destructive => finding
                .detail("It came to its end by itself and left nothing newer: all that it did since is done again.")
                .hint("to leave it at its end: state = \"suspended\", or no block for it"),
            _ => finding.detail("It left nothing newer: what came after that is done again."),
        });
    }
    Some(finding.detail(match (is_remembered, &input.facts.unseen) {
        (false, None) => {
            "The engine does not know the job any more. That is the newest state that is in the job's folders."
                .to_owned()
        }
        (_, Some(folder)) => format!(
            "The engine does not know the job any more. Newer state may be in {folder}, which cannot be read from \
             here: what came after {source} is done again."
        ),
        (true, None) => {
            "The engine does not know the job any more, nor its newer checkpoints: what came after that is done again."
                .to_owned()
        }
    }))
}

/// Another state is taken up, in the place of what the job has gathered.
fn restore(input: &Input<'_>) -> Vec<Finding> {
    let (Some(spec), Some(restore)) = (input.spec, pending_restore(input)) else {
        return Vec::new();
    };
    let from = &restore.from;
    if spec.state == WantedState::Suspended {
        return vec![
            Finding::new(
                "restore-suspended",
                Weight::Error,
                "A job that is suspended takes up no state",
            )
            .hint("set state = \"running\", or leave the restore block out until it runs")
            .on(RESTORE),
        ];
    }
    let live = input.live.filter(|_| input.action != Action::Create);
    let has_state = live.is_some_and(|live| {
        live.state == LiveState::Running
            || input.facts.source.is_some()
            || live.memory.newest().is_some()
    });
    if !has_state {
        let summary = format!("The job starts from {from}");
        return vec![Finding::new("restore", Weight::Note, summary).on(RESTORE)];
    }
    let runs = live.is_some_and(|live| live.state == LiveState::Running);
    let kept = match (runs, spec.upgrade.mode) {
        (true, Mode::Savepoint) => {
            "It is stopped with a savepoint, which is kept, and from which it goes on if it cannot take that state up."
        }
        (true, _) => {
            "It is ended without a savepoint; if it cannot take that state up, it goes on from its newest checkpoint."
        }
        (false, _) => {
            "It does not run. Its own state stays where it is, and nothing goes on from there."
        }
    };
    vec![
        Finding::new(
            "state-replaced",
            Weight::Destructive,
            format!("The state that the job has gathered is given up for that at {from}"),
        )
        .detail(kept)
        .on(RESTORE),
    ]
}

/// A version that was taken over cannot be started again: where the new one fails, none runs.
fn no_way_back(input: &Input<'_>) -> Vec<Finding> {
    let Some(change) = Change::of(input) else {
        return Vec::new();
    };
    let is_taken_over = change.live.memory.run.is_some() && change.live.memory.program().is_none();
    let is_restarted = change.is_new_program() || pending_restore(input).is_some();
    if !is_taken_over || change.live.state != LiveState::Running || !is_restarted {
        return Vec::new();
    }
    vec![
        Finding::new(
            "no-way-back",
            Weight::Warning,
            "If the start fails, the version that runs now cannot be started again",
        )
        .detail(
            "The job was taken over, so that its program is not known. Its state is kept, and the next apply starts \
             from it.",
        ),
    ]
}

/// State may be dropped where no operator takes it.
fn drops_state(input: &Input<'_>) -> Vec<Finding> {
    let Some(change) = Change::of(input) else {
        return Vec::new();
    };
    let upgrade = &change.spec.upgrade;
    let takes_over =
        upgrade.mode != Mode::Stateless && change.is_new_program() && !change.is_scaled();
    let takes_any = takes_over || pending_restore(input).is_some();
    if !upgrade.allow_non_restored_state || !takes_any {
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
    if !change.starts() || !is_lost || pending_restore(input).is_some() {
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
        let known = "It does not run, and neither a savepoint nor a checkpoint of it is known.";
        match &input.facts.unseen {
            Some(folder) => finding.detail(format!(
                "{known} Some may be in {folder}, which cannot be read from here."
            )),
            None => finding.detail(known),
        }
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
    let detail = if runs && upgrade.has_final_savepoint() {
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

#[cfg(test)]
mod tests {
    use crate::kinds::Around;
    use crate::kinds::job::JobFacts;
    use crate::kinds::job::memory::{Memory, Run};
    use crate::kinds::job::spec::Upgrade;
    use crate::kinds::job::spec::tests::job;

    use super::*;

    /// A job that ran from a savepoint and is so now.
    fn live(state: LiveState) -> JobLive {
        let run = Run {
            id: "0a".into(),
            generation: 2,
            version: None,
            from: Some("file:/sp-1".into()),
            restored: false,
        };
        JobLive {
            state,
            memory: Memory {
                generation: 2,
                run: Some(run),
                ..Memory::default()
            },
            step: None,
            foreign: Vec::new(),
            upgrade: None,
        }
    }

    fn found(spec: &JobSpec, live: &JobLive, facts: &JobFacts) -> String {
        found_after(spec, spec, live, facts)
    }

    /// What is found where something else was applied.
    fn found_after(prior: &JobSpec, spec: &JobSpec, live: &JobLive, facts: &JobFacts) -> String {
        let deltas = super::super::diff::diff(spec, std::slice::from_ref(prior), live);
        let around = Around::default();
        let input = Input {
            action: Action::Update,
            remote_id: "a",
            spec: Some(spec),
            prior: Some(prior),
            live: Some(live),
            deltas: &deltas,
            facts,
            around: &around,
        };
        let found = CHECKS.iter().flat_map(|check| (check.run)(&input));
        let lines: Vec<String> = found
            .map(|found| format!("{:?}: {}: {}", found.weight, found.summary, found.detail))
            .collect();
        lines.join("\n")
    }

    fn facts(source: Option<&str>, unseen: Option<&str>) -> JobFacts {
        JobFacts {
            source: source.map(str::to_owned),
            unseen: unseen.map(str::to_owned),
            ..JobFacts::default()
        }
    }

    #[test]
    fn what_a_forgotten_job_starts_from_is_told() {
        let missing = live(LiveState::Missing);
        let told = |source, unseen| found(&job(), &missing, &facts(source, unseen));
        insta::assert_snapshot!(told(Some("file:/c/0a/chk-7"), None), @"Warning: The job is missing; it is started again from file:/c/0a/chk-7: The engine does not know the job any more. That is the newest state that is in the job's folders.");
        insta::assert_snapshot!(told(Some("file:/sp-1"), None), @"Warning: The job is missing; it is started again from file:/sp-1: The engine does not know the job any more, nor its newer checkpoints: what came after that is done again.");
        insta::assert_snapshot!(told(Some("file:/sp-1"), Some("s3://b/0a")), @"Warning: The job is missing; it is started again from file:/sp-1: The engine does not know the job any more. Newer state may be in s3://b/0a, which cannot be read from here: what came after file:/sp-1 is done again.");
        insta::assert_snapshot!(told(None, Some("s3://b/0a")), @"Destructive: The job starts empty: the state that it has gathered is lost: It does not run, and neither a savepoint nor a checkpoint of it is known. Some may be in s3://b/0a, which cannot be read from here.");
    }

    #[test]
    fn what_is_done_again_is_told_and_needs_permission_after_an_end() {
        let told = |state, source| found(&job(), &live(state), &facts(Some(source), None));
        // A stop or a failure left something newer.
        for state in [LiveState::Finished, LiveState::Failed, LiveState::Canceled] {
            let newer = told(state, "file:/c/0a/chk-7");
            assert!(
                newer.starts_with("Note: ") && !newer.contains("again."),
                "{newer}"
            );
        }
        insta::assert_snapshot!(told(LiveState::Finished, "file:/sp-1"), @"Destructive: The job is finished; it is started again from file:/sp-1: It came to its end by itself and left nothing newer: all that it did since is done again.");
        let stopped = JobLive {
            step: Some(Step::Stopped {
                from: Some("file:/sp-1".into()),
            }),
            ..live(LiveState::Finished)
        };
        let cut = found(&job(), &stopped, &facts(Some("file:/sp-1"), None));
        assert!(!cut.contains("Destructive"), "{cut}");
        insta::assert_snapshot!(told(LiveState::Failed, "file:/sp-1"), @"Warning: The job is failed; it is started again from file:/sp-1: It left nothing newer: what came after that is done again.");
    }

    #[test]
    fn nothing_is_started_beside_a_job_of_somebody_else() {
        let with = |state| JobLive {
            foreign: vec!["0b".into()],
            ..live(state)
        };
        let facts = facts(Some("file:/sp-1"), None);
        let missing = found(&job(), &with(LiveState::Missing), &facts);
        assert!(missing.starts_with("Error: A job of the name"), "{missing}");
        let runs = found(&job(), &with(LiveState::Running), &facts);
        assert!(runs.starts_with("Warning: A job of the name"), "{runs}");
    }

    #[test]
    fn what_becomes_of_the_own_state_is_told_where_another_is_taken_up() {
        let spec = JobSpec {
            restore: Some(Restore {
                from: "s3://b/sp-9".into(),
            }),
            ..job()
        };
        let told = |spec: &JobSpec, state, facts: &JobFacts| {
            found_after(&job(), spec, &live(state), facts)
        };
        let nothing = JobFacts::default();
        insta::assert_snapshot!(told(&spec, LiveState::Running, &nothing), @r"
        Destructive: The state that the job has gathered is given up for that at s3://b/sp-9: It is stopped with a savepoint, which is kept, and from which it goes on if it cannot take that state up.
        Warning: If the start fails, the version that runs now cannot be started again: The job was taken over, so that its program is not known. Its state is kept, and the next apply starts from it.
        ");
        insta::assert_snapshot!(told(&spec, LiveState::Failed, &facts(Some("file:/c/0a/chk-7"), None)), @"Destructive: The state that the job has gathered is given up for that at s3://b/sp-9: It does not run. Its own state stays where it is, and nothing goes on from there.");
        let by_checkpoint = JobSpec {
            upgrade: Upgrade {
                mode: Mode::LastCheckpoint,
                allow_non_restored_state: true,
                ..Upgrade::default()
            },
            ..spec.clone()
        };
        insta::assert_snapshot!(told(&by_checkpoint, LiveState::Running, &nothing), @r"
        Destructive: The state that the job has gathered is given up for that at s3://b/sp-9: It is ended without a savepoint; if it cannot take that state up, it goes on from its newest checkpoint.
        Warning: If the start fails, the version that runs now cannot be started again: The job was taken over, so that its program is not known. Its state is kept, and the next apply starts from it.
        Destructive: State that no operator of the new version takes is dropped: upgrade.allow_non_restored_state is true.
        ");
        let suspended = JobSpec {
            state: WantedState::Suspended,
            ..spec.clone()
        };
        insta::assert_snapshot!(told(&suspended, LiveState::Suspended, &nothing), @"Error: A job that is suspended takes up no state: ");
        let empty = JobLive {
            memory: Memory::default(),
            ..live(LiveState::Failed)
        };
        insta::assert_snapshot!(found_after(&job(), &spec, &empty, &nothing), @"Note: The job starts from s3://b/sp-9: ");
        // What was done once is not done again.
        assert_eq!(found(&spec, &live(LiveState::Running), &nothing), "");
        let found = found(&suspended, &live(LiveState::Running), &nothing);
        assert!(found.starts_with("Note: The job is stopped"), "{found}");
    }

    #[test]
    fn what_is_suspended_keeps_what_it_has() {
        let spec = JobSpec {
            state: WantedState::Suspended,
            ..job()
        };
        let told = |state, facts: &JobFacts| found(&spec, &live(state), facts);
        let nothing = JobFacts::default();
        insta::assert_snapshot!(told(LiveState::Running, &nothing), @"Note: The job is stopped with a savepoint and stays stopped: ");
        insta::assert_snapshot!(told(LiveState::Failed, &facts(Some("file:/c/0a/chk-7"), None)), @"Note: The job is failed and stays stopped; its state is at file:/c/0a/chk-7: ");
        insta::assert_snapshot!(told(LiveState::Missing, &nothing), @"Note: The job is missing and stays stopped; no state of it is known: ");
    }
}
