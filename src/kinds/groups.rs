//! Groups of consumers that several blocks of a project read by. Pure.

use std::collections::BTreeMap;

use crate::address::{Address, ProviderAddress};
use crate::diagnostic::{Diagnostic, Diagnostics};

use super::{Desired, Role};

/// Returns a warning for each group that several objects of a provider are, or read by. A declaration beside
/// the object that it tells more about, such as a job's group with a hand-over, is none of them.
pub fn shared(desired: &BTreeMap<Address, Desired>) -> Diagnostics {
    let mut of_group: BTreeMap<(&ProviderAddress, bool, String), Vec<&Address>> = BTreeMap::new();
    for (address, object) in desired {
        let Some(kind) = super::kind(&address.kind) else {
            continue;
        };
        let reads = |object: &Desired| object.relations.iter().any(|it| it.role == Role::Reads);
        // Most objects read nothing, and their descriptions need not be looked at.
        if !kind.declaration && !reads(object) {
            continue;
        }
        // It was written by the kind itself a moment ago.
        let Ok(patient) = (kind.patient)(&object.spec, None, &object.remote_id) else {
            continue;
        };
        for group in patient.reads().groups {
            let key = (&object.provider, kind.declaration, group);
            of_group.entry(key).or_default().push(address);
        }
    }
    let shared = of_group.iter().filter(|(_, owners)| owners.len() > 1);
    let warnings = shared.filter_map(|((_, _, group), owners)| {
        let (last, others) = owners.split_last()?;
        let others: Vec<String> = others.iter().map(ToString::to_string).collect();
        let summary = format!(
            "{} and {last} name the same group {group:?}",
            others.join(", ")
        );
        let place = desired.get(last)?.span.clone();
        let warning = Diagnostic::warning("shared-group", summary)
            .at(place)
            .on(last)
            .detail(
                "The members of a group share the partitions of its topics: of two applications each would see \
                 only a part of the records.",
            )
            .hint("if it is one application, remove one of the blocks; else give each a group of its own");
        Some(warning)
    });
    warnings.collect()
}
