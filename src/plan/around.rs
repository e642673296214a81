//! What the project says around a changed object: whose it is, and who reads it. Pure.
//!
//! [`Neighbours::of`] the project's objects → [`place`], which notes in each change what its kind's rules may look at.

use std::collections::BTreeMap;

use crate::address::{Address, ProviderAddress};
use crate::kinds::{self, Around, Desired, Neighbour, Role};

use super::Proposal;

/// The objects of a project that others belong to or are read by.
#[derive(Debug, Clone, Default)]
pub struct Neighbours {
    /// Who reads an object, by its kind and its name.
    readers: BTreeMap<(&'static str, String), Vec<Placed>>,
    /// Objects whose kinds make objects of their own.
    owners: Vec<Placed>,
}

/// A neighbour and where it is.
#[derive(Debug, Clone)]
struct Placed {
    provider: ProviderAddress,
    neighbour: Neighbour,
}

impl Neighbours {
    /// Returns the neighbours that a project's objects can be to each other, whatever a plan is restricted to.
    pub fn of(desired: &BTreeMap<Address, Desired>) -> Self {
        let mut neighbours = Self::default();
        for (address, object) in desired {
            let Some(kind) = kinds::kind(&address.kind) else {
                continue;
            };
            let placed = || Placed {
                provider: object.provider.clone(),
                neighbour: Neighbour {
                    address: address.clone(),
                    name: object.remote_id.clone(),
                    owner: object.owner.clone(),
                    fits_partitions: kind.fits_partitions,
                },
            };
            let relations = object.relations.iter();
            for relation in relations.filter(|relation| relation.role == Role::Reads) {
                let key = (relation.kind, relation.name.clone());
                neighbours.readers.entry(key).or_default().push(placed());
            }
            if kind.claims.is_some() {
                neighbours.owners.push(placed());
            }
        }
        neighbours
    }

    /// Returns what is around an object.
    fn around(&self, kind: &'static str, provider: &ProviderAddress, name: &str) -> Around {
        // A name means something in one cluster only.
        let near = |placed: &&Placed| {
            placed.provider.kind != provider.kind || placed.provider == *provider
        };
        let readers = self.readers.get(&(kind, name.to_owned()));
        let readers = readers.into_iter().flatten().filter(near);
        let claims = |placed: &&Placed| {
            let owner = kinds::kind(&placed.neighbour.address.kind);
            let claims = owner.and_then(|owner| owner.claims);
            claims.is_some_and(|claims| claims(&placed.neighbour.name, kind, name))
        };
        let owners = self.owners.iter().filter(near).filter(claims);
        Around {
            // Of `orders` and `orders-v2` the longer one is meant.
            belongs_to: owners
                .max_by_key(|placed| placed.neighbour.name.len())
                .map(|placed| placed.neighbour.clone()),
            readers: readers.map(|placed| placed.neighbour.clone()).collect(),
        }
    }
}

/// Notes in each change what is around its object.
pub fn place(proposal: &mut Proposal, neighbours: &Neighbours) {
    for change in &mut proposal.changes {
        if let Some(kind) = kinds::kind(&change.address.kind) {
            change.around = neighbours.around(kind.name, &change.provider, &change.remote_id);
        }
    }
}
