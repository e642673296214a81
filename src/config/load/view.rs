//! What an expression of one instance sees: the names of its module and of the place it stands in.

use std::sync::Arc;

use crate::address::InstanceKey;
use crate::config::eval::{Scope, Variables, evaluate};
use crate::config::value::Value;
use crate::diagnostic::Diagnostics;

use super::engine::Engine;
use super::expression::Expr;
use super::source::Piece;
use super::tree::BranchId;

/// The names that one instance of a block gives to the expressions inside.
#[derive(Debug, Clone, Default)]
pub(super) struct Local {
    /// The instance's own key.
    pub(super) key: Option<InstanceKey>,
    /// `each.key` and `each.value`.
    pub(super) each: Option<(Value, Value)>,
    /// `count.index`
    pub(super) index: Option<Value>,
    /// `self`
    pub(super) this: Option<Value>,
    /// The elements of the `dynamic` blocks around, outermost first: `{ key, value }`.
    pub(super) iterators: Vec<(Arc<str>, Value)>,
}

/// An instance of a module, and the file that an expression stands in.
#[derive(Clone, Copy)]
pub(super) struct Site<'s, 'e, 'a> {
    pub(super) engine: &'s Engine<'e, 'a>,
    pub(super) branch: BranchId,
    /// The module's instance, as a place in [`Engine::instances`].
    pub(super) instance: usize,
    pub(super) piece: &'s Piece,
}

impl Site<'_, '_, '_> {
    /// Evaluates an expression. The list of errors is empty where the expression, or something that it
    /// refers to, has failed before: that has been reported.
    pub(super) fn eval(&self, expr: &Expr<'_>, local: &Local) -> Result<Value, Diagnostics> {
        if !expr.sound
            || !self
                .engine
                .are_ready(self.branch, self.instance, &expr.refs)
        {
            return Err(Diagnostics::new());
        }
        let view = View { site: *self, local };
        let text = self.piece.text(self.engine.sources);
        let scope = Scope::new(&view, &self.piece.file, text)
            .at(self.piece.base)
            .with_files(self.engine.access);
        evaluate(expr.ast, &scope)
    }
}

/// The names, as the evaluator asks for them.
struct View<'v, 's, 'e, 'a> {
    site: Site<'s, 'e, 'a>,
    local: &'v Local,
}

impl View<'_, '_, '_, '_> {
    fn iterator(&self, name: &str) -> Option<&Value> {
        let mut inner_first = self.local.iterators.iter().rev();
        inner_first
            .find(|(iterator, _)| **iterator == *name)
            .map(|(_, value)| value)
    }
}

impl Variables for View<'_, '_, '_, '_> {
    fn get(&self, name: &str) -> Option<Value> {
        if let Some(element) = self.iterator(name) {
            return Some(element.clone());
        }
        match name {
            "self" => self.local.this.clone(),
            _ => None,
        }
    }

    fn names(&self) -> Vec<Arc<str>> {
        // Names that are not declared are refused before anything is evaluated.
        self.local
            .iterators
            .iter()
            .map(|(name, _)| Arc::clone(name))
            .collect()
    }

    fn member(&self, root: &str, name: &str) -> Option<Value> {
        let Site {
            engine,
            branch,
            instance,
            ..
        } = self.site;
        if self.iterator(root).is_some() {
            return None;
        }
        let index = &engine.tree.branches[branch].module.index;
        match (root, name) {
            ("var", _) => engine.value(branch, instance, *index.variables.get(name)?),
            ("local", _) => engine.value(branch, instance, *index.locals.get(name)?),
            ("module", _) => engine.module_value(branch, instance, *index.calls.get(name)?),
            ("each", "key") => self.local.each.as_ref().map(|(key, _)| key.clone()),
            ("each", "value") => self.local.each.as_ref().map(|(_, value)| value.clone()),
            ("count", "index") => self.local.index.clone(),
            ("path", "root") => Some(Value::string(".")),
            ("path", "module") => Some(Value::string(engine.module_path(branch))),
            ("environment", "name") => Some(Value::string(engine.environment.as_str())),
            (kind, _) => {
                let item = *index.objects.get(kind)?.get(name)?;
                engine.value(branch, instance, item)
            }
        }
    }
}
