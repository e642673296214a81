//! Changes to a state that people ask for: renaming and forgetting objects. Pure.

use std::collections::BTreeMap;

use crate::address::{Address, AddressPattern, ModulePath, ModuleStep};

use super::{ObjectState, State};

/// Why a state cannot be changed as asked. The state is as it was.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EditError {
    /// Nothing matches.
    #[error("the state holds nothing that {pattern} names")]
    NoMatch {
        /// What was asked for.
        pattern: Box<AddressPattern>,
    },
    /// An object can become an object only, a module a module, a kind the same kind.
    #[error("{from} cannot become {to}: {reason}")]
    Mismatch {
        /// The old name.
        from: Box<AddressPattern>,
        /// The new name.
        to: Box<AddressPattern>,
        /// Why not.
        reason: &'static str,
    },
    /// A new address is taken.
    #[error("{from} cannot become {to}: {to} exists already")]
    Occupied {
        /// The old address.
        from: Box<Address>,
        /// The new address.
        to: Box<Address>,
    },
}

/// Returns the address that `address` gets when `from` is renamed `to`; `None` if it stays.
///
/// A block carries its instances along, a module what is inside it, as Terraform's `moved` does:
/// `topic.a` → `topic.b` takes `topic.a["x"]` to `topic.b["x"]`.
pub fn destination(
    address: &Address,
    from: &AddressPattern,
    to: &AddressPattern,
) -> Result<Option<Address>, EditError> {
    let mismatch = |reason| EditError::Mismatch {
        from: Box::new(from.clone()),
        to: Box::new(to.clone()),
        reason,
    };
    match (from, to) {
        (AddressPattern::Object(old), AddressPattern::Object(new)) => {
            if old.kind != new.kind {
                return Err(mismatch("the kinds differ"));
            }
            if address == old {
                return Ok(Some(new.clone()));
            }
            if !address.is_within(old) {
                return Ok(None);
            }
            if new.key.is_some() {
                return Err(mismatch(
                    "a block with instances cannot become one instance",
                ));
            }
            Ok(Some(Address {
                key: address.key.clone(),
                ..new.clone()
            }))
        }
        (AddressPattern::Module(old), AddressPattern::Module(new)) => {
            if !from.matches(address) {
                return Ok(None);
            }
            let module = moved_path(&address.module, old, new)
                .ok_or_else(|| mismatch("a module with instances cannot become one instance"))?;
            Ok(Some(Address {
                module,
                ..address.clone()
            }))
        }
        _ => Err(mismatch("one is an object, the other a module")),
    }
}

/// Puts `new` in the place of `old` at the head of a path that `old` matches.
fn moved_path(path: &ModulePath, old: &ModulePath, new: &ModulePath) -> Option<ModulePath> {
    let (head, tail) = path.0.split_at(old.0.len());
    let mut steps = new.0.clone();
    // The instance that a pattern without a key matched keeps its key.
    let kept = match (head.last(), old.0.last()) {
        (Some(ModuleStep { key, .. }), Some(ModuleStep { key: None, .. })) => key.clone(),
        _ => None,
    };
    if let (Some(kept), Some(last)) = (kept, steps.last_mut())
        && last.key.replace(kept).is_some()
    {
        return None;
    }
    steps.extend_from_slice(tail);
    Some(ModulePath(steps))
}

impl State {
    /// Renames an object, a block with its instances, or a module; returns the old and new addresses.
    pub fn rename(
        &mut self,
        from: &AddressPattern,
        to: &AddressPattern,
    ) -> Result<Vec<(Address, Address)>, EditError> {
        let mut renames = BTreeMap::new();
        for address in self.objects.keys() {
            if let Some(new) = destination(address, from, to)? {
                renames.insert(address.clone(), new);
            }
        }
        if renames.is_empty() {
            return Err(EditError::NoMatch {
                pattern: Box::new(from.clone()),
            });
        }
        if let Some((old, new)) = renames
            .iter()
            .find(|(_, new)| self.objects.contains_key(*new) && !renames.contains_key(*new))
        {
            return Err(EditError::Occupied {
                from: Box::new(old.clone()),
                to: Box::new(new.clone()),
            });
        }
        self.objects = std::mem::take(&mut self.objects)
            .into_iter()
            .map(|(address, object)| match renames.get(&address) {
                Some(new) => (new.clone(), object),
                None => (address, object),
            })
            .collect();
        rename_references(self, |address| renames.get(address).cloned());
        Ok(renames.into_iter().collect())
    }

    /// Forgets an object, a block with its instances, or a module; returns what was forgotten.
    pub fn forget(
        &mut self,
        pattern: &AddressPattern,
    ) -> Result<BTreeMap<Address, ObjectState>, EditError> {
        let (gone, kept) = std::mem::take(&mut self.objects)
            .into_iter()
            .partition::<BTreeMap<_, _>, _>(|(address, _)| pattern.matches(address));
        self.objects = kept;
        if gone.is_empty() {
            return Err(EditError::NoMatch {
                pattern: Box::new(pattern.clone()),
            });
        }
        Ok(gone)
    }
}

/// Renames addresses wherever objects name the objects they need.
pub(super) fn rename_references(state: &mut State, rename: impl Fn(&Address) -> Option<Address>) {
    for object in state.objects.values_mut() {
        rename_in(object, &rename);
    }
}

fn rename_in(object: &mut ObjectState, rename: &impl Fn(&Address) -> Option<Address>) {
    if object
        .depends_on
        .iter()
        .any(|needed| rename(needed).is_some())
    {
        object.depends_on = std::mem::take(&mut object.depends_on)
            .into_iter()
            .map(|needed| rename(&needed).unwrap_or(needed))
            .collect();
    }
    let Some(pending) = &mut object.pending else {
        return;
    };
    if let Some(previous) = &mut pending.previous {
        rename_in(previous, rename);
    }
    for begun in &mut pending.earlier {
        rename_in(&mut begun.object, rename);
    }
}
