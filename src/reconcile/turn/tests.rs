use std::collections::VecDeque;

use crate::config::project::{ApplyPolicy, DriftPolicy};

use super::*;

/// A world in which commits are numbers on one line of history, but for those from 100 on, which
/// replace it.
struct Fake {
    head: u8,
    applied: Option<u8>,
    policies: Policies,
    /// The plan of a commit as letters: `c` from the configuration, `d` drift, `!` refused by a gate
    /// while `d` is in it or not excluded, `?` an invalid configuration.
    plans: BTreeMap<u8, &'static str>,
    applies: VecDeque<Result<Applied, Failure>>,
    log: Vec<String>,
}

fn id(number: u8) -> CommitId {
    format!("{number:040}").parse().expect("40 digits")
}

fn number(id: CommitId) -> u8 {
    id.to_string().parse().expect("a number")
}

fn commit(number: u8) -> Commit {
    Commit {
        id: id(number),
        summary: String::new(),
        author: String::new(),
        time: jiff::Timestamp::UNIX_EPOCH,
    }
}

impl World for Fake {
    type Plan = String;

    async fn head(&mut self) -> Result<Commit, Failure> {
        Ok(commit(self.head))
    }

    async fn applied(&mut self, _: &Commit) -> Result<Option<CommitId>, Failure> {
        Ok(self.applied.map(id))
    }

    fn compare(&self, from: CommitId, to: CommitId) -> Result<Update, Failure> {
        let (a, b) = (number(from), number(to));
        Ok(match (a < 100) == (b < 100) {
            _ if a == b => Update::Unchanged,
            true if a < b => Update::FastForward { from, to },
            _ => Update::Rewritten { from, to },
        })
    }

    fn commit(&self, id: CommitId) -> Result<Commit, Failure> {
        Ok(commit(number(id)))
    }

    async fn plan(
        &mut self,
        commit: &Commit,
        exclude: &BTreeSet<Address>,
    ) -> Result<Planned<String>, Failure> {
        let letters = self
            .plans
            .get(&number(commit.id))
            .copied()
            .unwrap_or_default();
        if letters.contains('?') {
            return Err(Failure::Invalid(Reason::new("no such attribute")));
        }
        let changes: BTreeMap<Address, Cause> = letters
            .chars()
            .filter(|letter| *letter != '!')
            .map(|letter| {
                let cause = if letter == 'c' {
                    Cause::Configuration
                } else {
                    Cause::Drift
                };
                (Address::root("topic", letter.to_string()), cause)
            })
            .filter(|(address, _)| !exclude.contains(address))
            .collect();
        let names: Vec<&str> = changes.keys().map(|address| &*address.name).collect();
        let plan = format!("{} {}", number(commit.id), names.join(","));
        Ok(Planned {
            policies: self.policies,
            verdict: if letters.contains('!') {
                Err(Reason::new("it loses data"))
            } else {
                Ok(plan)
            },
            changes,
        })
    }

    async fn look(&mut self) -> Option<Ill> {
        None
    }

    async fn apply(&mut self, plan: String, _: &Stop) -> Result<Applied, Failure> {
        self.log.push(plan.clone());
        let done = plan.split(',').count();
        let result = self.applies.pop_front().unwrap_or(Ok(Applied {
            done,
            failed: None,
            stopped: false,
        }));
        if result.is_ok() {
            let number = plan
                .split(' ')
                .next()
                .and_then(|n| n.parse().ok())
                .expect("a number");
            self.applied = Some(number);
            self.plans.insert(number, "");
        }
        result
    }
}

/// Plans by commit, with the policies `auto` and `revert`, commit 1 applied and commit 2 the head.
fn world(plans: &[(u8, &'static str)]) -> Fake {
    Fake {
        head: 2,
        applied: Some(1),
        policies: Policies {
            apply: ApplyPolicy::Auto,
            drift: DriftPolicy::Revert,
        },
        plans: plans.iter().copied().collect(),
        applies: VecDeque::new(),
        log: Vec::new(),
    }
}

async fn one(world: &mut Fake, memory: &mut Memory) -> Report {
    let (_stopper, stop) = Stop::new();
    turn(world, memory, &stop).await
}

/// The outcome, and the counts of changes, drift and objects put back.
fn told(report: &Report) -> (Outcome, usize, usize, usize) {
    (
        report.outcome,
        report.changes,
        report.drift,
        report.reverted,
    )
}

#[tokio::test]
async fn a_commit_is_applied_and_then_there_is_nothing_to_do() {
    let (mut world, mut memory) = (world(&[(2, "c")]), Memory::default());
    assert_eq!(
        told(&one(&mut world, &mut memory).await),
        (Outcome::Applied, 1, 0, 0)
    );
    assert_eq!(
        told(&one(&mut world, &mut memory).await),
        (Outcome::UpToDate, 0, 0, 0)
    );
    world.plans.insert(2, "d");
    assert_eq!(
        told(&one(&mut world, &mut memory).await),
        (Outcome::Reverted, 0, 1, 1)
    );
    assert_eq!(world.log, ["2 c", "2 d"]);
}

#[tokio::test]
async fn drift_that_is_only_reported_is_left_out_of_an_apply() {
    let (mut world, mut memory) = (world(&[(2, "cd")]), Memory::default());
    world.policies.drift = DriftPolicy::Report;
    assert_eq!(
        told(&one(&mut world, &mut memory).await),
        (Outcome::Applied, 1, 1, 0)
    );
    assert_eq!(world.log, ["2 c"]);
    world.plans.insert(2, "d");
    assert_eq!(
        told(&one(&mut world, &mut memory).await),
        (Outcome::Drifted, 0, 1, 0)
    );
}

#[tokio::test]
async fn a_refused_commit_leaves_the_last_one_in_force() {
    let (mut world, mut memory) = (world(&[(1, "d"), (2, "c!")]), Memory::default());
    let report = one(&mut world, &mut memory).await;
    assert_eq!(told(&report), (Outcome::Refused, 1, 1, 1));
    assert_eq!(report.reason, Some(Reason::new("it loses data")));
    assert_eq!(world.log, ["1 d"]);
    // A commit on top of it that takes the loss back is applied.
    (world.head, world.plans) = (3, BTreeMap::from([(3, "c")]));
    assert_eq!(
        told(&one(&mut world, &mut memory).await),
        (Outcome::Applied, 1, 0, 0)
    );
}

#[tokio::test]
async fn a_wrong_commit_leaves_the_last_one_in_force() {
    let (mut world, mut memory) = (world(&[(1, "d"), (2, "?")]), Memory::default());
    assert_eq!(
        told(&one(&mut world, &mut memory).await),
        (Outcome::Invalid, 0, 1, 1)
    );
    assert_eq!(world.log, ["1 d"]);
}

#[tokio::test]
async fn a_waiting_commit_is_not_applied_in_part() {
    for policy in [ApplyPolicy::Approval, ApplyPolicy::Manual] {
        let (mut world, mut memory) = (world(&[(1, "d"), (2, "cd")]), Memory::default());
        world.policies.apply = policy;
        assert_eq!(
            told(&one(&mut world, &mut memory).await),
            (Outcome::Awaiting, 1, 1, 1)
        );
        assert_eq!(world.log, ["1 d"]);
    }
}

#[tokio::test]
async fn rewritten_history_is_held_until_it_is_accepted() {
    let (mut world, mut memory) = (
        world(&[(1, "d"), (100, "c"), (101, "c")]),
        Memory::default(),
    );
    world.head = 100;
    let report = one(&mut world, &mut memory).await;
    assert_eq!(told(&report), (Outcome::Held, 0, 1, 1));
    insta::assert_snapshot!(report.reason.expect("a reason").text, @"the branch no longer contains 0000000000, which was applied; look at what replaced it, then start again with --accept-rewrite 0000000000000000000000000000000000000100");
    assert_eq!(world.log, ["1 d"]);
    // The branch moves on, and the user accepts the commit that was looked at.
    (world.head, memory.accepted) = (101, Some(id(100)));
    assert_eq!(
        told(&one(&mut world, &mut memory).await),
        (Outcome::Applied, 1, 0, 0)
    );
    // Another rewrite is another question.
    world.head = 3;
    assert_eq!(one(&mut world, &mut memory).await.outcome, Outcome::Held);
}

#[tokio::test]
async fn a_refused_commit_may_be_dropped_by_a_rewrite() {
    let (mut world, mut memory) = (world(&[(2, "c!")]), Memory::default());
    assert_eq!(one(&mut world, &mut memory).await.outcome, Outcome::Refused);
    world.head = 1;
    assert_eq!(
        one(&mut world, &mut memory).await.outcome,
        Outcome::UpToDate
    );
}

#[tokio::test]
async fn a_first_commit_needs_no_history() {
    let (mut world, mut memory) = (world(&[(2, "c")]), Memory::default());
    world.applied = None;
    assert_eq!(one(&mut world, &mut memory).await.outcome, Outcome::Applied);
}

#[tokio::test]
async fn a_partly_failed_apply_is_a_failure_and_is_tried_again() {
    let (mut world, mut memory) = (world(&[(2, "c")]), Memory::default());
    let reason = Reason::new("topic.c: not enough replicas");
    world
        .applies
        .push_back(Err(Failure::Leased(Reason::new("held by another"))));
    world
        .applies
        .push_back(Err(Failure::Transient(reason.clone())));
    assert_eq!(one(&mut world, &mut memory).await.outcome, Outcome::Leased);
    let report = one(&mut world, &mut memory).await;
    assert_eq!(
        (report.outcome, report.reason),
        (Outcome::Failed, Some(reason.clone()))
    );
    let failed = Some(reason.clone());
    world.applies.push_back(Ok(Applied {
        done: 0,
        failed,
        stopped: false,
    }));
    world.plans.insert(2, "c");
    let report = one(&mut world, &mut memory).await;
    assert_eq!(
        (report.outcome, report.reason),
        (Outcome::Failed, Some(reason))
    );
    world.plans.insert(2, "c");
    assert_eq!(one(&mut world, &mut memory).await.outcome, Outcome::Applied);
}

#[tokio::test]
async fn nothing_starts_after_a_request_to_stop() {
    let (mut world, mut memory) = (world(&[(2, "c")]), Memory::default());
    let (stopper, stop) = Stop::new();
    stopper.ask();
    assert_eq!(
        turn(&mut world, &mut memory, &stop).await.outcome,
        Outcome::Stopped
    );
    assert!(world.log.is_empty());
}
