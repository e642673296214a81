//! What to do with a plan, from the environment's policies and what the plan's changes come from. Pure.

use std::collections::{BTreeMap, BTreeSet};

use crate::address::Address;
use crate::config::project::{ApplyPolicy, DriftPolicy};

/// Why a plan changes an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cause {
    /// The configuration differs from what was applied last.
    Configuration,
    /// Only the live object does.
    Drift,
}

/// An environment's policies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Policies {
    pub(super) apply: ApplyPolicy,
    pub(super) drift: DriftPolicy,
}

/// What a commit is to the environment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// It is the branch's newest: what the environment should become.
    Head,
    /// It is what was applied last, and the head may not be applied: only drift is dealt with.
    Baseline,
}

/// What to do with a plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Action {
    /// Nothing.
    Rest,
    /// Apply it without these objects.
    Apply { exclude: BTreeSet<Address> },
    /// Wait until somebody applies it.
    Await,
    /// Say that there is drift.
    Report,
}

/// Decides what to do with a plan's changes.
///
/// A head whose configuration waits for a person is not applied in part, drift included: the state
/// would name a commit that is not in force. Its baseline is reconciled instead.
pub(super) fn decide(role: Role, policies: Policies, changes: &BTreeMap<Address, Cause>) -> Action {
    let configuration = match (role, policies.apply) {
        (Role::Head, ApplyPolicy::Auto) => true,
        (Role::Head, ApplyPolicy::Approval | ApplyPolicy::Manual) | (Role::Baseline, _) => false,
    };
    let drift = policies.drift == DriftPolicy::Revert;
    let allowed = |cause| match cause {
        Cause::Configuration => configuration,
        Cause::Drift => drift,
    };
    let has = |cause| changes.values().any(|c| *c == cause);
    if role == Role::Head && has(Cause::Configuration) && !configuration {
        return Action::Await;
    }
    if changes.values().any(|cause| allowed(*cause)) {
        let exclude = changes
            .iter()
            .filter(|(_, cause)| !allowed(**cause))
            .map(|(address, _)| address.clone())
            .collect();
        return Action::Apply { exclude };
    }
    if has(Cause::Drift) && policies.drift == DriftPolicy::Report {
        return Action::Report;
    }
    Action::Rest
}

#[cfg(test)]
mod tests {
    use super::*;

    use ApplyPolicy::{Approval, Auto, Manual};
    use DriftPolicy::{Ignore, Report, Revert};

    /// Changes by letter: `c` comes from the configuration, `d` from drift.
    fn changes(letters: &str) -> BTreeMap<Address, Cause> {
        letters
            .chars()
            .map(|letter| {
                let cause = if letter == 'c' {
                    Cause::Configuration
                } else {
                    Cause::Drift
                };
                (Address::root("topic", letter.to_string()), cause)
            })
            .collect()
    }

    fn apply(exclude: &str) -> Action {
        let exclude = changes(exclude).into_keys().collect();
        Action::Apply { exclude }
    }

    #[test]
    fn the_head_is_applied_as_the_policies_say() {
        for (policy, drift, letters, action) in [
            (Auto, Revert, "", Action::Rest),
            (Auto, Revert, "c", apply("")),
            (Auto, Revert, "d", apply("")),
            (Auto, Revert, "cd", apply("")),
            (Auto, Report, "c", apply("")),
            (Auto, Report, "d", Action::Report),
            (Auto, Report, "cd", apply("d")),
            (Auto, Ignore, "d", Action::Rest),
            (Auto, Ignore, "cd", apply("d")),
            (Approval, Revert, "", Action::Rest),
            (Approval, Revert, "c", Action::Await),
            (Approval, Revert, "d", apply("")),
            (Approval, Revert, "cd", Action::Await),
            (Approval, Report, "d", Action::Report),
            (Approval, Ignore, "d", Action::Rest),
            (Manual, Revert, "c", Action::Await),
            (Manual, Revert, "d", apply("")),
            (Manual, Ignore, "cd", Action::Await),
        ] {
            let policies = Policies {
                apply: policy,
                drift,
            };
            let given = decide(Role::Head, policies, &changes(letters));
            assert_eq!(given, action, "{policy:?} {drift:?} {letters:?}");
        }
    }

    #[test]
    fn a_baseline_has_nothing_but_drift() {
        for policy in [Auto, Approval, Manual] {
            for (drift, letters, action) in [
                (Revert, "", Action::Rest),
                (Revert, "c", Action::Rest),
                (Revert, "d", apply("")),
                (Revert, "cd", apply("c")),
                (Report, "cd", Action::Report),
                (Report, "c", Action::Rest),
                (Ignore, "cd", Action::Rest),
            ] {
                let policies = Policies {
                    apply: policy,
                    drift,
                };
                let given = decide(Role::Baseline, policies, &changes(letters));
                assert_eq!(given, action, "{policy:?} {drift:?} {letters:?}");
            }
        }
    }
}
