//! The tree of module calls: one branch for each `module` block, before `for_each` and `count`.
//!
//! Everything that is evaluated is a node: an item of a module, once for each branch that calls the
//! module. A node is evaluated for all instances of its branch together.

use std::collections::BTreeMap;

use crate::address::ProviderAddress;
use crate::diagnostic::{Diagnostic, Diagnostics, did_you_mean};

use super::index::{Header, ItemId};
use super::module::{Item, Module};

/// The place of a branch in [`Tree::branches`]. The root module is branch 0.
pub(super) type BranchId = usize;

/// A node's number: the branch's first number and the item's place.
pub(super) type NodeId = usize;

/// The most branches of a project. Modules that call each other twice at each level are 2^n of them.
const MOST_BRANCHES: usize = 10_000;

/// One module call, or the root.
#[derive(Debug)]
pub(super) struct Branch<'m, 'a> {
    pub(super) module: &'m Module<'a>,
    /// The branch that calls it, and the item that does.
    pub(super) parent: Option<(BranchId, ItemId)>,
    /// The branches of this module's own calls.
    pub(super) children: BTreeMap<ItemId, BranchId>,
    /// The number of its first node.
    pub(super) first: NodeId,
}

/// All branches, parents before their children.
#[derive(Debug)]
pub(super) struct Tree<'m, 'a> {
    pub(super) branches: Vec<Branch<'m, 'a>>,
    /// The branch and the item of each node.
    pub(super) nodes: Vec<(BranchId, ItemId)>,
}

impl<'m, 'a> Tree<'m, 'a> {
    /// Follows all calls from the root module. A module that calls itself is an error.
    pub(super) fn grow(
        modules: &'m BTreeMap<&'a str, Module<'a>>,
        root: &str,
    ) -> Result<Self, Diagnostics> {
        let mut tree = Self {
            branches: Vec::new(),
            nodes: Vec::new(),
        };
        tree.add(&modules[root], None);
        let mut diagnostics = Diagnostics::new();
        let mut at = 0;
        while at < tree.branches.len() {
            let module = tree.branches[at].module;
            for (item, folder) in &module.index.call_folders {
                let header = &module.index.items[*item];
                let Some(called) = modules.get(folder.as_str()) else {
                    continue;
                };
                if tree.is_inside(at, folder) {
                    diagnostics.push(recursion(header));
                } else if tree.branches.len() >= MOST_BRANCHES {
                    diagnostics.push(
                        Diagnostic::error("too-many-modules", "Too many module calls")
                            .detail(format!("A project may hold {MOST_BRANCHES}."))
                            .at(header.span.clone()),
                    );
                    return Err(diagnostics);
                } else {
                    let child = tree.add(called, Some((at, *item)));
                    tree.branches[at].children.insert(*item, child);
                }
            }
            at += 1;
        }
        if diagnostics.has_errors() {
            Err(diagnostics)
        } else {
            Ok(tree)
        }
    }

    fn add(&mut self, module: &'m Module<'a>, parent: Option<(BranchId, ItemId)>) -> BranchId {
        let id = self.branches.len();
        self.branches.push(Branch {
            module,
            parent,
            children: BTreeMap::new(),
            first: self.nodes.len(),
        });
        self.nodes
            .extend((0..module.items.len()).map(|item| (id, item)));
        id
    }

    /// Whether a branch or one of those around it is a call of this folder's module.
    fn is_inside(&self, branch: BranchId, folder: &str) -> bool {
        let mut current = Some(branch);
        while let Some(id) = current {
            if self.branches[id].module.index.folder == folder {
                return true;
            }
            current = self.branches[id].parent.map(|(parent, _)| parent);
        }
        false
    }

    /// The number of an item's node.
    pub(super) fn node(&self, branch: BranchId, item: ItemId) -> NodeId {
        self.branches[branch].first + item
    }

    /// A node's item.
    pub(super) fn item(&self, node: NodeId) -> &'m Item<'a> {
        let (branch, item) = self.nodes[node];
        &self.branches[branch].module.items[item]
    }

    /// A node's header.
    pub(super) fn header(&self, node: NodeId) -> &'m Header<'a> {
        let (branch, item) = self.nodes[node];
        &self.branches[branch].module.index.items[item]
    }

    /// The branches from the root to this one, without the root.
    pub(super) fn way_to(&self, branch: BranchId) -> Vec<BranchId> {
        let mut way = Vec::new();
        let mut current = branch;
        while let Some((parent, _)) = self.branches[current].parent {
            way.push(current);
            current = parent;
        }
        way.reverse();
        way
    }

    /// All branches inside a branch, itself included.
    pub(super) fn inside(&self, branch: BranchId) -> Vec<BranchId> {
        let mut inside = vec![branch];
        let mut at = 0;
        while at < inside.len() {
            inside.extend(self.branches[inside[at]].children.values());
            at += 1;
        }
        inside
    }

    /// Returns the root module's provider that a name in a branch stands for.
    pub(super) fn provider(
        &self,
        branch: BranchId,
        wanted: &ProviderAddress,
    ) -> Result<ProviderAddress, Diagnostic> {
        let (mut branch, mut address) = (branch, wanted.clone());
        while let Some((parent, item)) = self.branches[branch].parent {
            if let Item::Call(call) = &self.branches[parent].module.items[item] {
                match call.providers.get(&address) {
                    Some(outer) => address = outer.clone(),
                    None if address.alias.is_none() => {}
                    None => return Err(self.not_passed(branch, &address)),
                }
            }
            branch = parent;
        }
        let providers = &self.branches[0].module.index.providers;
        if providers.contains_key(&address) {
            return Ok(address);
        }
        let known: Vec<String> = providers.keys().map(ToString::to_string).collect();
        let hint = did_you_mean(&address.to_string(), known.iter().map(String::as_str));
        Err(Diagnostic::error(
            "missing-provider",
            format!("There is no provider {address}"),
        )
        .hint(hint.unwrap_or_else(|| declaration(&address))))
    }

    fn not_passed(&self, branch: BranchId, address: &ProviderAddress) -> Diagnostic {
        let name = self.branches[branch].parent.map_or("", |(parent, item)| {
            self.branches[parent].module.index.items[item].name
        });
        Diagnostic::error(
            "missing-provider",
            format!("The module {name:?} is given no provider {address}"),
        )
        .hint(format!(
            "write providers = {{ \"{address}\" = … }} in the module block"
        ))
    }
}

fn declaration(address: &ProviderAddress) -> String {
    match &address.alias {
        Some(alias) => format!(
            "declare provider \"{}\" {{ alias = {alias:?} … }}",
            address.kind
        ),
        None => format!(
            "declare provider \"{}\" {{ … }} in the root module",
            address.kind
        ),
    }
}

fn recursion(header: &Header<'_>) -> Diagnostic {
    Diagnostic::error(
        "module-recursion",
        format!("The module {:?} calls itself", header.name),
    )
    .detail("It is called from within the folder that it names.")
    .at(header.span.clone())
}
