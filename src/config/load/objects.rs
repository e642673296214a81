//! The objects of a kind's block: one for each instance, with body, lifecycle and dependencies.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::address::{Address, ProviderAddress};
use crate::config::block::{Attribute, Block};
use crate::config::project::{CheckResult, Resource};
use crate::config::value::Value;
use crate::diagnostic::{Diagnostic, Diagnostics};

use super::declare::{self, Depth};
use super::dependencies::Dep;
use super::engine::{Built, Cell, Engine, Shape, assemble, shape};
use super::files;
use super::index::Syntax;
use super::module::{self, ObjectItem};
use super::repeat::expand;
use super::tree::NodeId;
use super::view::{Local, Site};

/// What the instances of one object have in common.
struct ObjectFrame<'f> {
    node: NodeId,
    instance: usize,
    item: &'f ObjectItem<'f>,
    object: &'f module::Object<'f>,
    kind: Arc<str>,
    name: Arc<str>,
    /// The dependencies that do not come from the instance's key.
    shared: BTreeSet<Dep>,
    shape: Shape,
}

impl<'e, 'a> Engine<'e, 'a> {
    /// Evaluates the objects of a block in all instances of its module. The block is parsed and declared
    /// for that; unless it is a late one, what is wrong with it has been reported when it was declared first.
    pub(super) fn objects(&mut self, node: NodeId, item: &ObjectItem<'a>) {
        if item.is_located {
            return self.locate(node, item);
        }
        let tree = self.tree;
        let (branch, _) = tree.nodes[node];
        let header = tree.header(node);
        let mut reported = Diagnostics::new();
        let parsed = match header.syntax {
            Syntax::Text if item.late => {
                let sources = self.sources;
                self.record.parse(header.piece, sources, &mut reported)
            }
            Syntax::Text => header.piece.parse_block(self.sources).ok(),
            Syntax::Block(_) | Syntax::Attribute(_) => None,
        };
        let ((Syntax::Block(block), _) | (_, Some(block))) = (header.syntax, &parsed) else {
            self.diagnostics.extend(reported);
            return;
        };
        let mut names = std::mem::take(&mut self.record.names);
        let index = tree.branches[branch].module.index;
        let object = declare::object(
            index,
            self.context,
            header,
            block,
            &mut names,
            &mut reported,
        );
        self.record.names = names;
        let declared;
        let item = if item.late {
            self.diagnostics.extend(reported);
            declared = declare::item_of(item.schema, &object);
            &declared
        } else {
            item
        };
        let instances = self.instances[branch].len();
        self.cells[node] = vec![None; instances];
        for instance in 0..instances {
            let mut errors = Diagnostics::new();
            let cell = self.object(node, instance, item, &object, &mut errors);
            self.cells[node][instance] = cell;
            self.diagnostics.extend(errors);
        }
    }

    /// Keeps the addresses of a block's objects, one in each instance of its module.
    fn locate(&mut self, node: NodeId, item: &ObjectItem<'a>) {
        let (branch, _) = self.tree.nodes[node];
        let kind: Arc<str> = item.schema.keyword.into();
        let name: Arc<str> = self.tree.header(node).name.into();
        let addresses = self.instances[branch].iter().map(|instance| Address {
            module: instance.path.clone(),
            kind: Arc::clone(&kind),
            name: Arc::clone(&name),
            key: None,
        });
        self.results.located.extend(addresses);
        self.count += self.instances[branch].len();
    }

    /// Evaluates the objects of a block in one instance of its module.
    fn object(
        &mut self,
        node: NodeId,
        instance: usize,
        item: &ObjectItem<'a>,
        object: &module::Object<'_>,
        errors: &mut Diagnostics,
    ) -> Option<Cell> {
        let tree = self.tree;
        let (branch, _) = tree.nodes[node];
        let header = tree.header(node);
        let provider = errors.take(tree.provider(branch, &object.provider).map_err(|error| {
            let range = object.provider_range.clone();
            error.at(match range {
                Some(range) => header.piece.span(range),
                None => header.span.clone(),
            })
        }));
        let expansion = expand(self.site(branch, instance, node), &object.repeat, errors)?;
        let shape = shape(&object.repeat, &expansion);
        let frame = ObjectFrame {
            node,
            instance,
            item,
            object,
            kind: item.schema.keyword.into(),
            name: header.name.into(),
            shared: self.shared_deps(branch, instance, item),
            shape,
        };
        let start = self.results.built.len();
        let mut values = Vec::new();
        let mut complete = provider.is_some();
        for local in expansion.into_locals() {
            let key = local.key.clone();
            match self.object_instance(&frame, local, provider.as_ref(), errors) {
                Some((built, value)) => {
                    self.results.built.push(built);
                    values.push((key, value));
                }
                None => complete = false,
            }
        }
        self.count += values.len();
        let range = start..self.results.built.len();
        self.results.built_of.insert((node, instance), range);
        complete.then(|| Cell {
            value: assemble(shape, values),
            deps: None,
        })
    }

    /// Evaluates one object. Its value is made only where something refers to it.
    fn object_instance(
        &self,
        frame: &ObjectFrame<'_>,
        mut local: Local,
        provider: Option<&ProviderAddress>,
        errors: &mut Diagnostics,
    ) -> Option<(Built, Value)> {
        let object = frame.object;
        let (branch, _) = self.tree.nodes[frame.node];
        let site = self.site(branch, frame.instance, frame.node);
        let address = Address {
            module: self.instances[branch][frame.instance].path.clone(),
            kind: Arc::clone(&frame.kind),
            name: Arc::clone(&frame.name),
            key: local.key.clone(),
        };
        let mut found = Diagnostics::new();
        let body = self.body(site, frame, &local, &mut found);
        let lifecycle = site.lifecycle(&object.lifecycle, &local, &mut found);
        let conditions = &object.lifecycle.preconditions;
        let held = site.preconditions(&frame.kind, &frame.name, conditions, &local, &mut found);
        let value = body.as_ref().map(|body| self.object_value(frame, body));
        local.this.clone_from(&value);
        let postconditions: Option<Vec<CheckResult>> = value.as_ref().and_then(|_| {
            let conditions = object.lifecycle.postconditions.iter();
            conditions
                .map(|condition| {
                    let name = format!("{address} postcondition");
                    site.condition(&name, condition, &local, &mut found)
                })
                .collect()
        });
        errors.extend(found.into_iter().map(|error| error.on(&address)).collect());
        held?;
        let mut lifecycle = lifecycle?;
        lifecycle.postconditions = postconditions?;
        let mut deps = frame.shared.clone();
        if let Some(key) = &local.key {
            let own = frame
                .item
                .refs
                .iter()
                .filter(|used| used.is_same_instance());
            for used in own {
                self.add_dep(&mut deps, branch, frame.instance, used, Some(key));
            }
        }
        let resource = Resource {
            address,
            provider: provider?.clone(),
            body: body?,
            depends_on: BTreeSet::new(),
            lifecycle,
        };
        Some((Built { resource, deps }, value?))
    }

    /// Evaluates the body and fills in the name.
    fn body(
        &self,
        site: Site<'_, 'e, 'a>,
        frame: &ObjectFrame<'_>,
        local: &Local,
        errors: &mut Diagnostics,
    ) -> Option<Block> {
        let header = self.tree.header(frame.node);
        let (mut attributes, blocks) = site.content(&frame.object.body, local, errors)?;
        if let Some(name) = frame.item.schema.name_attribute
            && !attributes.contains_key(name)
        {
            if frame.shape != Shape::Single {
                errors.push(
                    Diagnostic::error(
                        "missing-attribute",
                        format!("The attribute {name:?} is missing"),
                    )
                    .detail("All instances of the block would have the same name.")
                    .at(header.span.clone())
                    .hint(format!(
                        "write {name} = {}",
                        if local.each.is_some() {
                            "each.key"
                        } else {
                            "\"…-${count.index}\""
                        }
                    )),
                );
                return None;
            }
            let label = Attribute {
                value: Value::String(Arc::clone(&frame.name)),
                key_span: header.span.clone(),
                value_span: header.span.clone(),
            };
            attributes.insert(name.into(), label);
        }
        let mut body = Block {
            keyword: Arc::clone(&frame.kind),
            labels: vec![Arc::clone(&frame.name)],
            attributes,
            blocks,
            files: Vec::new(),
            span: header.span.clone(),
        };
        let named = frame.item.schema.files;
        files::read(&mut body, named, self.access, errors)?;
        Some(body)
    }

    /// The value that references to the object see: all attributes of its kind, null where not set.
    fn object_value(&self, frame: &ObjectFrame<'_>, body: &Block) -> Value {
        let wanted = self.context.depth == Depth::Values
            || self.referred_to[frame.node]
            || !frame.object.lifecycle.postconditions.is_empty();
        if !wanted {
            return Value::Null;
        }
        let attributes = frame.item.schema.body.attributes.iter();
        Value::object(attributes.map(|schema| {
            let set = body.attributes.get(schema.name);
            (
                schema.name,
                set.map_or(Value::Null, |attribute| attribute.value.clone()),
            )
        }))
    }
}
