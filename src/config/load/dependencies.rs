//! Which objects an object comes after: found through locals, variables and outputs to the objects
//! that they are made from.

use std::collections::BTreeSet;
use std::ops::Range;
use std::rc::Rc;

use crate::address::{Address, InstanceKey};
use crate::diagnostic::Diagnostic;

use super::engine::Engine;
use super::expression::{Ref, RefKey, Target};
use super::module::{Item, ObjectItem};
use super::tree::{BranchId, NodeId};

/// The most dependencies of a project: a thousand objects that refer to a thousand others as a whole
/// are a million.
const MOST_EDGES: usize = 2_000_000;

/// What an object comes after.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Dep {
    /// The objects of a block in one instance of its module, or the one with the key.
    Block {
        node: NodeId,
        instance: usize,
        key: Option<InstanceKey>,
    },
    /// All objects inside these instances of a module.
    Module {
        branch: BranchId,
        start: usize,
        end: usize,
    },
}

/// A set that values share; `None` is the empty one, which most values have.
pub(super) type Deps = Option<Rc<BTreeSet<Dep>>>;

/// Returns a set to share.
pub(super) fn shared(deps: BTreeSet<Dep>) -> Deps {
    (!deps.is_empty()).then(|| Rc::new(deps))
}

/// Adds what `from` holds.
pub(super) fn merge(into: &mut BTreeSet<Dep>, from: &Deps) {
    if let Some(from) = from {
        into.extend(from.iter().cloned());
    }
}

impl<'a> Engine<'_, 'a> {
    /// Returns what a value is made from that uses these names.
    pub(super) fn deps(
        &self,
        branch: BranchId,
        instance: usize,
        refs: &[Ref],
        key: Option<&InstanceKey>,
    ) -> Deps {
        let mut deps = BTreeSet::new();
        self.add_deps(&mut deps, branch, instance, refs, key);
        shared(deps)
    }

    pub(super) fn add_deps(
        &self,
        deps: &mut BTreeSet<Dep>,
        branch: BranchId,
        instance: usize,
        refs: &[Ref],
        key: Option<&InstanceKey>,
    ) {
        for used in refs {
            self.add_dep(deps, branch, instance, used, key);
        }
    }

    /// Adds what one name stands for. `key` is that of the instance that refers, for `[each.key]`.
    pub(super) fn add_dep(
        &self,
        deps: &mut BTreeSet<Dep>,
        branch: BranchId,
        instance: usize,
        used: &Ref,
        key: Option<&InstanceKey>,
    ) {
        match &used.target {
            Target::Value(item) => {
                if let Some(cell) = self.cell(branch, instance, *item) {
                    merge(deps, &cell.deps);
                }
            }
            Target::Object(item, ref_key) => {
                let key = instance_key(ref_key, key).cloned();
                deps.insert(Dep::Block {
                    node: self.tree.node(branch, *item),
                    instance,
                    key,
                });
            }
            Target::Module(call, ref_key, output) => {
                let wanted = instance_key(ref_key, key);
                let Some(child) = self.tree.branches[branch].children.get(call) else {
                    return;
                };
                let Some(group) = self.groups.get(&(self.tree.node(branch, *call), instance))
                else {
                    return;
                };
                let outputs = &self.tree.branches[*child].module.index.outputs;
                for i in group.range.clone() {
                    let key = self.instances[*child][i].local.key.as_ref();
                    if wanted.is_some() && key.is_some() && wanted != key {
                        continue;
                    }
                    for item in outputs
                        .values()
                        .filter(|item| output.is_none_or(|o| o == **item))
                    {
                        if let Some(cell) = self.cell(*child, i, *item) {
                            merge(deps, &cell.deps);
                        }
                    }
                }
            }
        }
    }

    /// Adds what `depends_on` names: a module there is everything inside.
    pub(super) fn add_depended(
        &self,
        deps: &mut BTreeSet<Dep>,
        branch: BranchId,
        instance: usize,
        refs: &[Ref],
        key: Option<&InstanceKey>,
    ) {
        for used in refs {
            let Target::Module(call, ..) = &used.target else {
                self.add_dep(deps, branch, instance, used, key);
                continue;
            };
            let group = self.groups.get(&(self.tree.node(branch, *call), instance));
            let child = self.tree.branches[branch].children.get(call);
            if let (Some(group), Some(child)) = (group, child) {
                deps.insert(Dep::Module {
                    branch: *child,
                    start: group.range.start,
                    end: group.range.end,
                });
            }
        }
    }

    /// Returns what all instances of an object's block come after: the references that do not name the
    /// instance with the same key, `depends_on`, and what the module calls around come after.
    pub(super) fn shared_deps(
        &self,
        branch: BranchId,
        instance: usize,
        object: &ObjectItem<'a>,
    ) -> BTreeSet<Dep> {
        let mut deps = BTreeSet::new();
        merge(&mut deps, &self.instances[branch][instance].inherited);
        for used in object.refs.iter().filter(|used| !used.is_same_instance()) {
            self.add_dep(&mut deps, branch, instance, used, None);
        }
        self.add_depended(&mut deps, branch, instance, &object.depends_on, None);
        deps
    }

    /// Writes the addresses of what each object comes after into the objects.
    pub(super) fn link(&mut self) {
        let mut built = std::mem::take(&mut self.results.built);
        let addresses: Vec<Address> = built.iter().map(|b| b.resource.address.clone()).collect();
        let mut edges = 0;
        for (at, object) in built.iter_mut().enumerate() {
            let mut set = BTreeSet::new();
            for dep in &std::mem::take(&mut object.deps) {
                self.each_object(dep, &addresses, &mut |found| {
                    if found != at && edges < MOST_EDGES {
                        edges += usize::from(set.insert(addresses[found].clone()));
                    }
                });
            }
            object.resource.depends_on = set;
        }
        self.results.built = built;
        if edges >= MOST_EDGES {
            self.diagnostics.push(
                Diagnostic::error("too-many-dependencies", "The objects have too many dependencies")
                    .detail(format!("A project may have {MOST_EDGES}."))
                    .hint("refer to single instances, as in topic.orders[each.key], and not to all of a block"),
            );
        }
    }

    fn each_object(&self, dep: &Dep, addresses: &[Address], visit: &mut dyn FnMut(usize)) {
        match dep {
            Dep::Block {
                node,
                instance,
                key,
            } => {
                let range = self.results.built_of.get(&(*node, *instance)).cloned();
                let range = range.unwrap_or(0..0);
                match key {
                    Some(key) => {
                        if let Some(found) = find(&addresses[range.clone()], key) {
                            visit(range.start + found);
                        }
                    }
                    None => range.for_each(visit),
                }
            }
            Dep::Module { branch, start, end } => self.each_inside(*branch, *start..*end, visit),
        }
    }

    /// All objects of some instances of a module and of the modules inside.
    fn each_inside(&self, branch: BranchId, instances: Range<usize>, visit: &mut dyn FnMut(usize)) {
        let module = self.tree.branches[branch].module;
        for (item, declared) in module.items.iter().enumerate() {
            let node = self.tree.node(branch, item);
            for instance in instances.clone() {
                match declared {
                    Item::Object(_) => {
                        let range = self.results.built_of.get(&(node, instance)).cloned();
                        range.unwrap_or(0..0).for_each(&mut *visit);
                    }
                    Item::Call(_) => {
                        let child = self.tree.branches[branch].children.get(&item);
                        let group = self.groups.get(&(node, instance));
                        if let (Some(child), Some(group)) = (child, group) {
                            self.each_inside(*child, group.range.clone(), visit);
                        }
                    }
                    _ => {}
                }
            }
        }
    }
}

/// Returns the key that a reference names; `own` is that of the instance that refers.
fn instance_key<'k>(key: &'k RefKey, own: Option<&'k InstanceKey>) -> Option<&'k InstanceKey> {
    match key {
        RefKey::Any => None,
        RefKey::Literal(key) => Some(key),
        RefKey::Same => own,
    }
}

/// Finds the instance with a key; a block without instances is meant by any, since `topic.a["name"]`
/// is then an attribute. Instances are sorted by their keys.
fn find(addresses: &[Address], key: &InstanceKey) -> Option<usize> {
    match addresses {
        [single] if single.key.is_none() => Some(0),
        many => many
            .binary_search_by(|address| address.key.as_ref().cmp(&Some(key)))
            .ok(),
    }
}
