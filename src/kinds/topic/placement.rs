//! Where replicas stand and should stand. Pure.
//!
//! A new assignment keeps every replica that may stay, and the preferred leader with it, so that as
//! little as possible is copied; what is added goes to the brokers that hold the fewest replicas.

use std::collections::{BTreeMap, BTreeSet};

use super::spec::Placement;

/// A broker and its rack.
pub type Racks = BTreeMap<i32, Option<String>>;

/// Why no assignment fits.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PlacementError {
    /// Fewer brokers than replicas.
    #[error("{wanted} replicas need {wanted} brokers, {available} may hold one")]
    Brokers {
        /// How many replicas are wanted.
        wanted: usize,
        /// How many brokers there are for them.
        available: usize,
    },
    /// Fewer racks than replicas.
    #[error("{wanted} replicas in different racks need {wanted} racks, {available} may hold one")]
    Racks {
        /// How many replicas are wanted.
        wanted: usize,
        /// How many racks there are for them.
        available: usize,
    },
}

/// Whether a partition's replicas stand where the placement lets them.
pub fn fits(replicas: &[i32], placement: &Placement, racks: &Racks) -> bool {
    let mut seen = BTreeSet::new();
    replicas.iter().all(|broker| match racks.get(broker) {
        Some(Some(rack)) => allows(placement, rack) && seen.insert(rack),
        _ => false,
    })
}

fn allows(placement: &Placement, rack: &str) -> bool {
    placement.racks.is_empty() || placement.racks.contains(rack)
}

/// Returns where the replicas of partitions should stand: `current` holds each partition's replicas,
/// none for a partition that does not exist yet.
pub fn assign(
    current: &[Vec<i32>],
    replication_factor: usize,
    placement: Option<&Placement>,
    racks: &Racks,
) -> Result<Vec<Vec<i32>>, PlacementError> {
    let candidates: BTreeMap<i32, Option<&str>> = racks
        .iter()
        .filter(|(_, rack)| {
            placement
                .is_none_or(|placement| rack.as_deref().is_some_and(|rack| allows(placement, rack)))
        })
        .map(|(broker, rack)| (*broker, placement.and(rack.as_deref())))
        .collect();
    if candidates.len() < replication_factor {
        return Err(PlacementError::Brokers {
            wanted: replication_factor,
            available: candidates.len(),
        });
    }
    let places: BTreeSet<_> = candidates.values().flatten().collect();
    if placement.is_some() && places.len() < replication_factor {
        return Err(PlacementError::Racks {
            wanted: replication_factor,
            available: places.len(),
        });
    }
    let mut load: BTreeMap<i32, usize> = candidates.keys().map(|broker| (*broker, 0)).collect();
    let kept: Vec<Vec<i32>> = current
        .iter()
        .map(|replicas| keep(replicas, replication_factor, &candidates, &mut load))
        .collect();
    Ok(kept
        .into_iter()
        .map(|replicas| fill(replicas, replication_factor, &candidates, &mut load))
        .collect())
}

/// Keeps the replicas that may stay, the preferred leader first.
fn keep(
    replicas: &[i32],
    most: usize,
    candidates: &BTreeMap<i32, Option<&str>>,
    load: &mut BTreeMap<i32, usize>,
) -> Vec<i32> {
    let mut kept: Vec<i32> = Vec::new();
    for broker in replicas {
        if kept.len() < most && may_join(*broker, &kept, candidates) {
            kept.push(*broker);
            *load.entry(*broker).or_default() += 1;
        }
    }
    kept
}

/// Adds replicas on the brokers that hold the fewest.
fn fill(
    mut replicas: Vec<i32>,
    wanted: usize,
    candidates: &BTreeMap<i32, Option<&str>>,
    load: &mut BTreeMap<i32, usize>,
) -> Vec<i32> {
    while replicas.len() < wanted {
        let next = candidates
            .keys()
            .copied()
            .filter(|broker| may_join(*broker, &replicas, candidates))
            .min_by_key(|broker| (load.get(broker).copied().unwrap_or_default(), *broker));
        // There is one: there are as many brokers, or racks, as replicas.
        let Some(next) = next else { break };
        replicas.push(next);
        *load.entry(next).or_default() += 1;
    }
    replicas
}

fn may_join(broker: i32, replicas: &[i32], candidates: &BTreeMap<i32, Option<&str>>) -> bool {
    let Some(rack) = candidates.get(&broker) else {
        return false;
    };
    replicas.iter().all(|other| {
        *other != broker
            && (rack.is_none() || candidates.get(other).is_none_or(|taken| taken != rack))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn racks(count: i32, each: i32) -> Racks {
        (0..count)
            .map(|id| (id, Some(format!("rack{}", id / each))))
            .collect()
    }

    #[test]
    fn a_replica_is_added_and_the_leader_stays() {
        let assigned = assign(&[vec![2], vec![0]], 2, None, &racks(3, 1));
        assert_eq!(assigned, Ok(vec![vec![2, 1], vec![0, 1]]));
    }

    #[test]
    fn too_few_racks_are_an_error() {
        let wanted = Placement {
            racks: BTreeSet::new(),
        };
        let error = assign(&[vec![]], 3, Some(&wanted), &racks(4, 2)).expect_err("two racks");
        assert_eq!(
            error.to_string(),
            "3 replicas in different racks need 3 racks, 2 may hold one"
        );
    }

    proptest! {
        #[test]
        fn assignments_are_valid_and_move_no_more_than_they_must(
            brokers in 3..9_i32,
            each in 1..3_i32,
            factor in 1..4_usize,
            placed in any::<bool>(),
            current in prop::collection::vec(prop::collection::btree_set(0..9_i32, 0..4), 1..20),
        ) {
            let racks = racks(brokers, each);
            let placement = placed.then(|| Placement { racks: BTreeSet::new() });
            let current: Vec<Vec<i32>> = current.into_iter().map(|set| set.into_iter().collect()).collect();
            let Ok(assigned) = assign(&current, factor, placement.as_ref(), &racks) else {
                return Ok(());
            };
            for (was, is) in current.iter().zip(&assigned) {
                let distinct: BTreeSet<_> = is.iter().collect();
                prop_assert_eq!(distinct.len(), factor);
                prop_assert!(is.iter().all(|broker| racks.contains_key(broker)));
                if let Some(placement) = &placement {
                    prop_assert!(fits(is, placement, &racks));
                } else {
                    let alive = was.iter().filter(|broker| racks.contains_key(*broker)).count();
                    let kept = is.iter().filter(|broker| was.contains(*broker)).count();
                    prop_assert_eq!(kept, alive.min(factor));
                }
            }
        }
    }
}
