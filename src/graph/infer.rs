//! Edges that no reference makes: a setting names an object that another block manages. Pure.

use std::collections::BTreeMap;

use crate::address::{Address, ProviderAddress};
use crate::kinds::{Desired, Relation};

use super::{Cycle, Graph};

/// Adds to each object what its settings name and the project manages, and fails where that closes a cycle.
///
/// A reference to the same object stays what it is. Where both sides use the same kind of provider it must be
/// the same provider: a name means something in one cluster only.
pub fn infer(desired: &mut BTreeMap<Address, Desired>) -> Result<(), Cycle> {
    let inferred: Vec<(Address, Address)> = {
        let named = Named::of(desired);
        desired
            .iter()
            .flat_map(|(address, object)| {
                let relations = object.relations.iter();
                let needed = relations.flat_map(|relation| named.targets(object, relation));
                needed
                    .filter(move |needed| {
                        *needed != address && !object.depends_on.contains(*needed)
                    })
                    .map(|needed| (address.clone(), needed.clone()))
            })
            .collect()
    };
    if inferred.is_empty() {
        return Ok(());
    }
    for (address, needed) in inferred {
        if let Some(object) = desired.get_mut(&address) {
            object.depends_on.insert(needed.clone());
            object.inferred.insert(needed);
        }
    }
    Graph::of(desired).cycle().map_or(Ok(()), Err)
}

/// The objects of a project by what names them: kind and name in the live system.
pub struct Named<'a> {
    objects: BTreeMap<(&'a str, &'a str), Vec<(&'a Address, &'a ProviderAddress)>>,
}

impl<'a> Named<'a> {
    /// Returns the objects of the kinds that some relation names.
    pub fn of(desired: &'a BTreeMap<Address, Desired>) -> Self {
        let mut kinds: Vec<&str> = desired
            .values()
            .flat_map(|object| object.relations.iter().map(|relation| relation.kind))
            .collect();
        kinds.sort_unstable();
        kinds.dedup();
        let mut objects: BTreeMap<_, Vec<_>> = BTreeMap::new();
        if !kinds.is_empty() {
            for (address, object) in desired {
                if kinds.binary_search(&&*address.kind).is_ok() {
                    objects
                        .entry((&*address.kind, &*object.remote_id))
                        .or_default()
                        .push((address, &object.provider));
                }
            }
        }
        Self { objects }
    }

    /// Returns the objects that a relation of `object` names. Where a name stands for several, in different
    /// clusters, a reference to one of them says which is meant.
    pub fn targets(&self, object: &Desired, relation: &Relation) -> Vec<&'a Address> {
        let found = self.objects.get(&(relation.kind, &*relation.name));
        let mut targets: Vec<&Address> = found
            .into_iter()
            .flatten()
            .filter(|(_, provider)| {
                provider.kind != object.provider.kind || **provider == object.provider
            })
            .map(|(address, _)| *address)
            .collect();
        let referred = |address: &&Address| {
            object.depends_on.contains(*address) && !object.inferred.contains(*address)
        };
        if targets.iter().any(referred) {
            targets.retain(referred);
        }
        targets
    }
}
