//! What a new version means to who reads and writes records of its topic: who takes it up first. Pure.
//!
//! The order is that of the subject's level (Confluent's documentation of schema evolution). Where the level
//! promises nothing, or the new version breaks its promise, the two versions themselves tell: who can read
//! what the other wrote.

use std::collections::BTreeMap;

use crate::compatibility::level::Rollout;
use crate::compatibility::{Definition, Direction, Level};
use crate::kinds::{Action, CheckInput, Ripple};

use super::checks::{becomes_version, level};
use super::offline::{self, Earlier, Offline, Origin};
use super::spec::SchemaSpec;
use super::{Schema, recall};

/// Returns what a change of a subject means to others; nothing unless a version is added to some that there are, or
/// all of them go.
pub(super) fn ripple(input: &CheckInput<'_, Schema>) -> Option<Ripple> {
    if input.action == Action::Delete {
        return Some(Ripple {
            rollout: Rollout::NobodyStays,
            reason:
                "the subject is deleted, and records that carry its ids cannot be read after that"
                    .into(),
        });
    }
    let spec = becomes_version(input)?;
    let level = level(input, spec);
    let kept = compared(input, spec);
    let level_is = match level {
        Some(level) => format!("the level is {level}"),
        None => "the level is not known".to_owned(),
    };
    let promised = level.filter(|level| *level != Level::None).filter(|level| {
        let mut promises = level.directions().iter();
        kept.as_ref()
            .is_none_or(|kept| promises.all(|direction| kept.has(*direction)))
    });
    Some(match (promised, kept) {
        (Some(level), _) => Ripple {
            rollout: level.rollout(),
            reason: level_is,
        },
        (None, Some(kept)) => Ripple {
            rollout: Level::kept(kept.backward, kept.forward).rollout(),
            reason: format!("{level_is}, and {}", kept.words()),
        },
        (None, None) => Ripple {
            rollout: Rollout::NoSafeOrder,
            reason: format!("{level_is}, and the versions could not be compared"),
        },
    })
}

/// Whether the new version and the newest one read what the other wrote.
struct Kept {
    /// The newest version.
    version: Origin,
    /// The new version reads what the newest one wrote.
    backward: bool,
    /// The newest version reads what the new one writes.
    forward: bool,
}

impl Kept {
    fn has(&self, direction: Direction) -> bool {
        match direction {
            Direction::Backward => self.backward,
            Direction::Forward => self.forward,
        }
    }

    fn words(&self) -> String {
        let version = &self.version;
        match (self.backward, self.forward) {
            (true, true) => {
                format!("the new version and {version} read each other's records")
            }
            (true, false) => format!("{version} cannot read records of the new version"),
            (false, true) => format!("the new version cannot read records of {version}"),
            (false, false) => {
                format!("the new version and {version} cannot read each other's records")
            }
        }
    }
}

/// Holds the new version against the newest one, both ways; nothing where that cannot be done here.
fn compared(input: &CheckInput<'_, Schema>, spec: &SchemaSpec) -> Option<Kept> {
    let newest = newest(input)?;
    let kept = |backward, forward| Kept {
        version: newest.0.clone(),
        backward,
        forward,
    };
    if newest.1 != spec.format {
        return Some(kept(false, false));
    }
    let earlier = std::slice::from_ref(&newest);
    match offline::check(&spec.content(), &input.facts.texts, Level::Full, earlier) {
        Offline::Checked(breaks) => {
            let keeps = |direction| !breaks.iter().any(|found| found.direction == direction);
            Some(kept(keeps(Direction::Backward), keeps(Direction::Forward)))
        }
        Offline::Invalid(_) | Offline::Unchecked(_) => None,
    }
}

/// Returns the newest version with all that it refers to, as far as that is known.
fn newest(input: &CheckInput<'_, Schema>) -> Option<Earlier> {
    let Some(live) = input.live else {
        return recall::earlier(input, Level::Full).pop();
    };
    let latest = live.latest.as_ref()?;
    let known = input.facts.versions.iter();
    let known = known.max_by_key(|known| known.version);
    if let Some(known) = known.filter(|known| known.version == latest.version) {
        return offline::known(std::slice::from_ref(known)).pop();
    }
    latest.references.is_empty().then(|| {
        let definition = Definition {
            text: latest.schema.clone(),
            references: BTreeMap::new(),
        };
        (Origin::Version(latest.version), latest.format, definition)
    })
}

#[cfg(test)]
mod tests;
