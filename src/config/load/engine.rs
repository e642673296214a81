//! Evaluates all nodes in their order and keeps what they come to.
//!
//! A node that fails, or that needs one that failed, has no cell: what depends on it is passed over in
//! silence, so that one mistake is reported once.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::Arc;

use crate::address::{Address, EnvironmentName, InstanceKey, ModulePath, ProviderAddress};
use crate::config::eval::FileAccess;
use crate::config::project::{CheckResult, Import, Output, Provider, Resource};
use crate::config::schema::KindSchema;
use crate::config::value::{Type, Value};
use crate::diagnostic::{Diagnostic, Diagnostics, SourceMap};

use super::declare::{Context, Record};
use super::dependencies::{Dep, Deps};
use super::expression::{Expr, Ref, Target};
use super::index::{ItemId, Syntax};
use super::inputs::Given;
use super::module::{self, Condition, Item};
use super::order::Order;
use super::release::relative;
use super::repeat::{Expansion, expand};
use super::source::span;
use super::tree::{BranchId, NodeId, Tree};
use super::view::{Local, Site};

/// The most objects and module instances of a project.
const MOST_INSTANCES: usize = 500_000;

/// What a node comes to in one instance of its module.
#[derive(Debug, Clone)]
pub(super) struct Cell {
    pub(super) value: Value,
    /// The objects that the value was made from.
    pub(super) deps: Deps,
}

/// An instance of a module.
#[derive(Debug)]
pub(super) struct Instance {
    pub(super) path: ModulePath,
    /// The instance of the calling module.
    pub(super) parent: usize,
    /// What the `module` block gives to its arguments.
    pub(super) local: Local,
    /// The objects that all objects inside come after.
    pub(super) inherited: Deps,
}

/// The instances that a call makes in one instance of the calling module.
#[derive(Debug, Clone)]
pub(super) struct Group {
    pub(super) range: Range<usize>,
    pub(super) shape: Shape,
}

/// How the instances of a block are put together to one value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    /// The one instance itself.
    Single,
    /// An object with the instances by key.
    Object,
    /// A tuple.
    Tuple,
    /// Which instances there are is not known.
    Unknown,
}

/// An object that was evaluated.
#[derive(Debug)]
pub(super) struct Built {
    pub(super) resource: Resource,
    pub(super) deps: BTreeSet<Dep>,
}

/// What an evaluation gives besides values.
#[derive(Debug, Default)]
pub(super) struct Results {
    pub(super) built: Vec<Built>,
    /// The objects that were not evaluated.
    pub(super) located: Vec<Address>,
    /// The places in `built` of an item's objects in one instance of its module.
    pub(super) built_of: BTreeMap<(NodeId, usize), Range<usize>>,
    pub(super) providers: BTreeMap<ProviderAddress, Provider>,
    pub(super) outputs: BTreeMap<Arc<str>, Output>,
    pub(super) checks: Vec<CheckResult>,
    pub(super) imports: Vec<Import>,
}

impl Results {
    /// The addresses of all objects.
    pub(super) fn addresses(&self) -> impl Iterator<Item = &Address> {
        let built = self.built.iter().map(|built| &built.resource.address);
        built.chain(&self.located)
    }
}

/// The evaluation of a project.
pub(super) struct Engine<'e, 'a> {
    pub(super) tree: &'e Tree<'e, 'a>,
    pub(super) context: &'e Context<'e, 'a>,
    pub(super) kinds: &'a [KindSchema],
    pub(super) sources: &'e SourceMap,
    pub(super) access: &'e FileAccess<'e>,
    pub(super) environment: &'e EnvironmentName,
    pub(super) given: &'e BTreeMap<String, Given>,
    /// Whether a variable without a value is unknown instead of an error.
    pub(super) allow_unset: bool,
    /// By node and instance.
    pub(super) cells: Vec<Vec<Option<Cell>>>,
    /// By branch.
    pub(super) instances: Vec<Vec<Instance>>,
    /// By the node of a call and the instance of the calling module.
    pub(super) groups: BTreeMap<(NodeId, usize), Group>,
    /// What declarations leave behind: those of late objects too.
    pub(super) record: Record,
    pub(super) results: Results,
    pub(super) diagnostics: Diagnostics,
    /// Whether something refers to a node.
    pub(super) referred_to: Vec<bool>,
    /// How many outputs of a branch have been evaluated: how old a value of `module_values` is.
    outputs_done: Vec<usize>,
    module_values: RefCell<BTreeMap<(NodeId, usize), (usize, Value)>>,
    /// How many objects and module instances there are.
    pub(super) count: usize,
}

/// What an evaluation starts from.
pub(super) struct Start<'e, 'a> {
    pub(super) tree: &'e Tree<'e, 'a>,
    pub(super) context: &'e Context<'e, 'a>,
    pub(super) kinds: &'a [KindSchema],
    pub(super) sources: &'e SourceMap,
    pub(super) access: &'e FileAccess<'e>,
    pub(super) environment: &'e EnvironmentName,
    pub(super) given: &'e BTreeMap<String, Given>,
    pub(super) allow_unset: bool,
}

impl<'e, 'a> Engine<'e, 'a> {
    /// Evaluates all nodes, the providers and what they need first; `on_providers` is told when these are right.
    pub(super) fn run(
        start: &Start<'e, 'a>,
        order: Order,
        record: Record,
        on_providers: impl FnOnce(&BTreeMap<ProviderAddress, Provider>),
    ) -> Self {
        let tree = start.tree;
        let mut engine = Self {
            tree,
            context: start.context,
            record,
            kinds: start.kinds,
            sources: start.sources,
            access: start.access,
            environment: start.environment,
            given: start.given,
            allow_unset: start.allow_unset,
            cells: vec![Vec::new(); tree.nodes.len()],
            instances: tree.branches.iter().map(|_| Vec::new()).collect(),
            groups: BTreeMap::new(),
            results: Results::default(),
            diagnostics: Diagnostics::new(),
            referred_to: order.referred_to,
            outputs_done: vec![0; tree.branches.len()],
            module_values: RefCell::default(),
            count: 0,
        };
        engine.instances[0].push(Instance {
            path: ModulePath::default(),
            parent: 0,
            local: Local::default(),
            inherited: None,
        });
        let (first, rest) = order.nodes.split_at(order.providers);
        for node in first {
            engine.node(*node);
        }
        if !engine.diagnostics.has_errors() {
            on_providers(&engine.results.providers);
        }
        for node in rest.iter().copied() {
            engine.node(node);
            if engine.count > MOST_INSTANCES {
                let header = tree.header(node);
                engine.diagnostics.push(
                    Diagnostic::error("too-many-objects", "The project has too many objects")
                        .detail(format!(
                            "It may have {MOST_INSTANCES}, instances of modules included."
                        ))
                        .at(header.span.clone()),
                );
                break;
            }
        }
        engine
    }

    pub(super) fn site(&self, branch: BranchId, instance: usize, node: NodeId) -> Site<'_, 'e, 'a> {
        Site {
            engine: self,
            branch,
            instance,
            piece: self.tree.header(node).piece,
        }
    }

    /// Evaluates a node in all instances of its module.
    fn node(&mut self, node: NodeId) {
        let tree = self.tree;
        let (branch, _) = tree.nodes[node];
        match tree.item(node) {
            Item::Variable(variable) => return self.variable(node, variable),
            Item::Object(object) => return self.objects(node, object),
            Item::Output(_) => self.outputs_done[branch] += 1,
            _ => {}
        }
        let instances = self.instances[branch].len();
        self.cells[node] = vec![None; instances];
        for instance in 0..instances {
            let mut errors = Diagnostics::new();
            let cell = match tree.item(node) {
                Item::Local(value) => self.plain(node, instance, value, &mut errors),
                Item::Output(output) => self.output(node, instance, output, &mut errors),
                Item::Call(call) => self.call(node, instance, call, &mut errors),
                Item::Provider(provider) => self.provider(node, provider, &mut errors),
                Item::Check(asserts) => Some(self.check(node, instance, asserts, &mut errors)),
                Item::Import(import) => self.import(node, instance, import, &mut errors),
                Item::Variable(_) | Item::Object(_) | Item::Broken => None,
            };
            self.cells[node][instance] = cell;
            self.diagnostics.extend(errors);
        }
    }

    fn plain(
        &self,
        node: NodeId,
        instance: usize,
        value: &Expr<'a>,
        errors: &mut Diagnostics,
    ) -> Option<Cell> {
        let (branch, _) = self.tree.nodes[node];
        let site = self.site(branch, instance, node);
        let evaluated = errors.take(site.eval(value, &Local::default()))?;
        Some(Cell {
            value: evaluated,
            deps: self.deps(branch, instance, &value.refs, None),
        })
    }

    fn output(
        &mut self,
        node: NodeId,
        instance: usize,
        output: &module::Output<'a>,
        errors: &mut Diagnostics,
    ) -> Option<Cell> {
        let (branch, _) = self.tree.nodes[node];
        let site = self.site(branch, instance, node);
        let local = Local::default();
        let value = errors.take(site.eval(&output.value, &local))?;
        let name = self.tree.header(node).name;
        site.preconditions("output", name, &output.preconditions, &local, errors)?;
        let mut deps = BTreeSet::new();
        self.add_deps(&mut deps, branch, instance, &output.value.refs, None);
        self.add_depended(&mut deps, branch, instance, &output.depends_on, None);
        if branch == 0 {
            if value.contains_sensitive() && !output.sensitive {
                errors.push(
                    Diagnostic::error(
                        "sensitive-output",
                        format!("The output {name:?} would show a sensitive value"),
                    )
                    .at(output.value.span(site.piece))
                    .hint("add sensitive = true, or take nonsensitive() of what is no secret"),
                );
                return None;
            }
            let shown = Output {
                value: value.clone(),
                sensitive: output.sensitive,
                description: output.description.map(Arc::from),
            };
            self.results.outputs.insert(name.into(), shown);
        }
        Some(Cell {
            value: value.mark(output.sensitive),
            deps: super::dependencies::shared(deps),
        })
    }

    fn call(
        &mut self,
        node: NodeId,
        instance: usize,
        call: &module::Call<'a>,
        errors: &mut Diagnostics,
    ) -> Option<Cell> {
        let tree = self.tree;
        let (branch, item) = tree.nodes[node];
        let child = *tree.branches[branch].children.get(&item)?;
        let expansion = expand(self.site(branch, instance, node), &call.repeat, errors)?;
        let shape = shape(&call.repeat, &expansion);
        let mut common = BTreeSet::new();
        super::dependencies::merge(&mut common, &self.instances[branch][instance].inherited);
        self.add_depended(&mut common, branch, instance, &call.depends_on, None);
        let refs = call.repeat.expr().map_or(&[][..], |expr| &expr.refs);
        let (own, all): (Vec<&Ref>, Vec<&Ref>) = refs.iter().partition(|r| r.is_same_instance());
        for used in all {
            self.add_dep(&mut common, branch, instance, used, None);
        }
        let common = super::dependencies::shared(common);
        let start = self.instances[child].len();
        for local in expansion.into_locals() {
            let mut inherited = common.clone();
            if !own.is_empty() {
                let mut deps = BTreeSet::new();
                super::dependencies::merge(&mut deps, &common);
                for used in &own {
                    self.add_dep(&mut deps, branch, instance, used, local.key.as_ref());
                }
                inherited = super::dependencies::shared(deps);
            }
            let outer = &self.instances[branch][instance].path;
            let path = outer.child(tree.header(node).name, local.key.clone());
            self.instances[child].push(Instance {
                path,
                parent: instance,
                local,
                inherited,
            });
        }
        let end = self.instances[child].len();
        self.count += end - start;
        let group = Group {
            range: start..end,
            shape,
        };
        self.groups.insert((node, instance), group);
        Some(Cell {
            value: Value::Null,
            deps: common,
        })
    }

    fn provider(
        &mut self,
        node: NodeId,
        provider: &module::Provider<'a>,
        errors: &mut Diagnostics,
    ) -> Option<Cell> {
        let site = self.site(0, 0, node);
        let span = self.tree.header(node).span.clone();
        let (settings, _) = site.content(&provider.settings, &Local::default(), errors)?;
        let mut deps = BTreeSet::new();
        provider
            .settings
            .each_ref(&mut |used| self.add_dep(&mut deps, 0, 0, used, None));
        if !deps.is_empty() {
            errors.push(
                Diagnostic::error(
                    "reference",
                    "A provider's settings cannot come from objects",
                )
                .detail("The provider is needed to read the objects.")
                .at(span),
            );
            return None;
        }
        let evaluated = Provider {
            settings: settings.into_iter().collect(),
            span,
        };
        self.results
            .providers
            .insert(provider.address.clone(), evaluated);
        Some(Cell {
            value: Value::Null,
            deps: None,
        })
    }

    fn check(
        &mut self,
        node: NodeId,
        instance: usize,
        asserts: &[Condition<'a>],
        errors: &mut Diagnostics,
    ) -> Cell {
        let (branch, _) = self.tree.nodes[node];
        let site = self.site(branch, instance, node);
        let path = &self.instances[branch][instance].path;
        let dot = if path.is_root() { "" } else { "." };
        let name = format!("{path}{dot}check.{}", self.tree.header(node).name);
        let mut results = Vec::new();
        for assert in asserts {
            results.extend(site.condition(&name, assert, &Local::default(), errors));
        }
        for failed in results.iter().filter(|result| result.passed == Some(false)) {
            errors.push(
                Diagnostic::warning("check", format!("{name} does not hold"))
                    .detail(&*failed.message)
                    .at(failed.span.clone()),
            );
        }
        self.results.checks.extend(results);
        Cell {
            value: Value::Null,
            deps: None,
        }
    }

    fn import(
        &mut self,
        node: NodeId,
        instance: usize,
        import: &module::Import<'a>,
        errors: &mut Diagnostics,
    ) -> Option<Cell> {
        let (branch, _) = self.tree.nodes[node];
        let site = self.site(branch, instance, node);
        let header = self.tree.header(node);
        let at = match header.syntax {
            Syntax::Block(block) => block
                .body
                .get_attribute("to")
                .map(|to| span(header.piece, &to.value)),
            Syntax::Text | Syntax::Attribute(_) => None,
        };
        let mut found = Vec::new();
        for local in expand(site, &import.repeat, errors)?.into_locals() {
            let to = import.to.address(self.kinds, &mut |key| match errors
                .take(site.eval(key, &local))?
            {
                Value::String(text) => Some(InstanceKey::Text(text)),
                Value::Number(number) => number.to_u64().map(InstanceKey::Index),
                _ => None,
            });
            let id = errors.take(site.eval(&import.id, &local))?;
            match (to, id) {
                (Some(Ok(to)), Value::String(id)) => found.push(Import {
                    to,
                    id,
                    span: header.span.clone(),
                }),
                (Some(Err(error)), _) => errors.push(error.at(at.clone())),
                (None, _) => errors.push(
                    Diagnostic::error(
                        "address",
                        "A key of the address is no known text or whole number",
                    )
                    .at(at.clone()),
                ),
                (_, _) => errors.push(
                    Diagnostic::error("invalid-value", "The id of an import is a known text")
                        .at(import.id.span(site.piece)),
                ),
            }
        }
        self.results.imports.extend(found);
        Some(Cell {
            value: Value::Null,
            deps: None,
        })
    }

    /// A node's value, if it has one.
    pub(super) fn value(&self, branch: BranchId, instance: usize, item: ItemId) -> Option<Value> {
        let cell = self.cell(branch, instance, item)?;
        Some(cell.value.clone())
    }

    pub(super) fn cell(&self, branch: BranchId, instance: usize, item: ItemId) -> Option<&Cell> {
        self.cells[self.tree.node(branch, item)]
            .get(instance)?
            .as_ref()
    }

    /// Whether everything that is referred to has a value.
    pub(super) fn are_ready(&self, branch: BranchId, instance: usize, refs: &[Ref]) -> bool {
        refs.iter().all(|used| match used.target {
            Target::Value(item) | Target::Object(item, _) => {
                self.cell(branch, instance, item).is_some()
            }
            Target::Module(call, _, output) => {
                let Some(child) = self.tree.branches[branch].children.get(&call) else {
                    return false;
                };
                let Some(group) = self.groups.get(&(self.tree.node(branch, call), instance)) else {
                    return false;
                };
                let outputs = &self.tree.branches[*child].module.index.outputs;
                let has = |item: ItemId| {
                    group
                        .range
                        .clone()
                        .all(|i| self.cell(*child, i, item).is_some())
                };
                match output {
                    Some(output) => has(output),
                    None => outputs.values().all(|output| has(*output)),
                }
            }
        })
    }

    /// The value of `module.NAME`: the outputs that have been evaluated, of all instances.
    pub(super) fn module_value(
        &self,
        branch: BranchId,
        instance: usize,
        call: ItemId,
    ) -> Option<Value> {
        let node = self.tree.node(branch, call);
        let child = *self.tree.branches[branch].children.get(&call)?;
        let group = self.groups.get(&(node, instance))?;
        let age = self.outputs_done[child];
        if let Some((made, value)) = self.module_values.borrow().get(&(node, instance))
            && *made == age
        {
            return Some(value.clone());
        }
        let outputs = &self.tree.branches[child].module.index.outputs;
        let of = |i: usize| {
            let known = outputs
                .iter()
                .filter_map(|(name, item)| Some((*name, self.value(child, i, *item)?)));
            (
                self.instances[child][i].local.key.clone(),
                Value::object(known),
            )
        };
        let value = assemble(group.shape, group.range.clone().map(of).collect());
        self.module_values
            .borrow_mut()
            .insert((node, instance), (age, value.clone()));
        Some(value)
    }

    /// The path of a branch's folder as seen from the root module's.
    pub(super) fn module_path(&self, branch: BranchId) -> String {
        let folder = self.tree.branches[branch].module.index.folder;
        relative(self.tree.branches[0].module.index.folder, folder)
    }
}

pub(super) fn shape(repeat: &module::Repeat<'_>, expansion: &Expansion) -> Shape {
    match (repeat, expansion) {
        (_, Expansion::Unknown(_)) => Shape::Unknown,
        (module::Repeat::Once, _) => Shape::Single,
        (module::Repeat::ForEach(_), _) => Shape::Object,
        (module::Repeat::Count(_), _) => Shape::Tuple,
    }
}

/// Puts the values of instances together.
pub(super) fn assemble(shape: Shape, values: Vec<(Option<InstanceKey>, Value)>) -> Value {
    match shape {
        Shape::Single => values
            .into_iter()
            .next()
            .map_or(Value::Null, |(_, value)| value),
        Shape::Tuple => Value::tuple(values.into_iter().map(|(_, value)| value).collect()),
        Shape::Unknown => Value::Unknown(Type::Any),
        Shape::Object => Value::object(values.into_iter().filter_map(|(key, value)| match key {
            Some(InstanceKey::Text(key)) => Some((key, value)),
            _ => None,
        })),
    }
}
