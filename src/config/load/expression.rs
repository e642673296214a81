//! An expression together with what its names refer to, resolved before anything is evaluated.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use hcl_edit::expr::Expression;

use crate::address::InstanceKey;
use crate::config::eval::{Reference, ReferenceStep, references};
use crate::config::value::Value;
use crate::diagnostic::{Diagnostic, Diagnostics, SourceMap, Span, did_you_mean};

use super::index::{Index, ItemId};
use super::source::{Piece, span};

/// An expression of the source.
#[derive(Debug)]
pub(super) struct Expr<'a> {
    pub(super) ast: &'a Expression,
    /// What it refers to outside of itself.
    pub(super) refs: Box<[Ref]>,
    /// Whether every name is declared; what is not has been reported, and the value is not asked for.
    pub(super) sound: bool,
}

impl Expr<'_> {
    /// Makes `for_each = topic.orders` a chain: each instance comes after the one with its own key, and
    /// not after all of them.
    pub(super) fn chain(&mut self) {
        let Expression::Traversal(traversal) = self.ast else {
            return;
        };
        if let ([_], [only]) = (&*traversal.operators, &mut *self.refs)
            && let Target::Object(_, key) | Target::Module(_, key, None) = &mut only.target
        {
            *key = RefKey::Same;
        }
    }

    /// Where it stands.
    pub(super) fn span(&self, piece: &Piece) -> Span {
        span(piece, self.ast)
    }
}

/// One use of a name.
#[derive(Debug, Clone)]
pub(super) struct Ref {
    pub(super) target: Target,
    pub(super) range: Range<usize>,
}

impl Ref {
    /// Whether it names the instance with the key of the one that refers.
    pub(super) fn is_same_instance(&self) -> bool {
        matches!(
            self.target,
            Target::Object(_, RefKey::Same) | Target::Module(_, RefKey::Same, _)
        )
    }
}

/// What a name stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Target {
    /// A variable or a local.
    Value(ItemId),
    /// A block of a kind, or one of its instances.
    Object(ItemId, RefKey),
    /// A module's outputs, of all instances or of one: the output that is named, or all.
    Module(ItemId, RefKey, Option<ItemId>),
}

/// Which instance of a block is meant, as far as the text says it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum RefKey {
    /// All of them, or one that only evaluation could tell.
    Any,
    Literal(InstanceKey),
    /// `[each.key]` or `[count.index]`: the instance with the key of the one that refers.
    Same,
}

/// Which names the place of an expression gives.
#[derive(Debug, Clone, Default)]
pub(super) struct Place<'a> {
    pub(super) each: bool,
    pub(super) count: bool,
    pub(super) this: bool,
    /// The iterators of the `dynamic` blocks around.
    pub(super) iterators: Vec<&'a str>,
}

/// Resolves names in one module.
pub(super) struct Resolver<'r, 'a> {
    pub(super) index: &'r Index<'a>,
    pub(super) modules: &'r BTreeMap<&'a str, Index<'a>>,
    /// The keywords of all kinds.
    pub(super) kinds: &'r [&'a str],
    pub(super) sources: &'r SourceMap,
}

/// A name that the place gives: it leads to no item.
type Found = Option<Target>;

impl Resolver<'_, '_> {
    /// Resolves the names of an expression and reports those that are not declared.
    pub(super) fn resolve<'e>(
        &self,
        piece: &Piece,
        ast: &'e Expression,
        place: &Place<'_>,
        diagnostics: &mut Diagnostics,
    ) -> Expr<'e> {
        let mut refs = Vec::new();
        let mut sound = true;
        for reference in references(ast) {
            let range = reference.range.clone();
            match self.target(piece, &reference, place) {
                Ok(target) => refs.extend(target.map(|target| Ref { target, range })),
                Err(error) => {
                    sound = false;
                    diagnostics.push(error.at(piece.span(range)));
                }
            }
        }
        Expr {
            ast,
            refs: refs.into(),
            sound,
        }
    }

    fn target(
        &self,
        piece: &Piece,
        reference: &Reference,
        place: &Place<'_>,
    ) -> Result<Found, Diagnostic> {
        let root = &*reference.root;
        let steps = &*reference.steps;
        if place.iterators.contains(&root) {
            return Ok(None);
        }
        match root {
            "var" => named(root, steps, &self.index.variables).map(|id| Some(Target::Value(id))),
            "local" => named(root, steps, &self.index.locals).map(|id| Some(Target::Value(id))),
            "module" => self.module(piece, reference).map(Some),
            "each" => given(place.each, root, steps, &["key", "value"]),
            "count" => given(place.count, root, steps, &["index"]),
            "self" if place.this => Ok(None),
            "self" => Err(Diagnostic::error("reference", "self cannot be used here")
                .detail("It is the object of a postcondition.")),
            "path" => given(true, root, steps, &["module", "root"]),
            "environment" => given(true, root, steps, &["name"]),
            kind if self.kinds.contains(&kind) => self.object(piece, reference).map(Some),
            _ => Err(self.unknown_root(root, place)),
        }
    }

    fn object(&self, piece: &Piece, reference: &Reference) -> Result<Target, Diagnostic> {
        let none = BTreeMap::new();
        let names = self.index.objects.get(&*reference.root).unwrap_or(&none);
        let id = named(&reference.root, &reference.steps, names)?;
        Ok(Target::Object(id, self.key(piece, reference)))
    }

    /// Returns the instance that stands behind a block's name.
    fn key(&self, piece: &Piece, reference: &Reference) -> RefKey {
        match reference.steps.get(1) {
            Some(ReferenceStep::Index(Value::String(key))) => {
                RefKey::Literal(InstanceKey::Text(Arc::clone(key)))
            }
            Some(ReferenceStep::Index(Value::Number(index))) => match index.to_u64() {
                Some(index) => RefKey::Literal(InstanceKey::Index(index)),
                None => RefKey::Any,
            },
            Some(ReferenceStep::Dynamic) if self.is_same_instance(piece, reference) => RefKey::Same,
            _ => RefKey::Any,
        }
    }

    /// Whether the first index of a reference is `[each.key]` or `[count.index]`: a thousand instances
    /// that refer to each other one by one are a thousand edges then, and not a million.
    fn is_same_instance(&self, piece: &Piece, reference: &Reference) -> bool {
        let text = piece.text(self.sources);
        text.get(reference.range.clone())
            .and_then(|text| text.split_once('['))
            .and_then(|(_, index)| index.split_once(']'))
            .is_some_and(|(index, _)| matches!(index.trim(), "each.key" | "count.index"))
    }

    fn module(&self, piece: &Piece, reference: &Reference) -> Result<Target, Diagnostic> {
        let steps = &*reference.steps;
        let id = named("module", steps, &self.index.calls)?;
        let key = self.key(piece, reference);
        let output = match steps.get(1) {
            Some(ReferenceStep::Index(_) | ReferenceStep::Dynamic) => steps.get(2),
            step => step,
        };
        let Some(ReferenceStep::Attribute(output)) = output else {
            return Ok(Target::Module(id, key, None));
        };
        let folder = self.index.call_folders.get(&id);
        let Some(module) = folder.and_then(|folder| self.modules.get(folder.as_str())) else {
            // The module's files are missing, which is reported where it is called.
            return Ok(Target::Module(id, key, None));
        };
        if let Some(output) = module.outputs.get(&**output) {
            return Ok(Target::Module(id, key, Some(*output)));
        }
        let call = self.index.items[id].name;
        Err(Diagnostic::error(
            "reference",
            format!("The module {call:?} has no output {output:?}"),
        )
        .hint_opt(did_you_mean(output, module.outputs.keys().copied())))
    }

    fn unknown_root(&self, root: &str, place: &Place<'_>) -> Diagnostic {
        let roots = [
            "var",
            "local",
            "module",
            "each",
            "count",
            "path",
            "environment",
        ];
        let names = roots
            .into_iter()
            .chain(self.kinds.iter().copied())
            .chain(place.iterators.iter().copied());
        let bare = [
            ("var", &self.index.variables),
            ("local", &self.index.locals),
        ]
        .into_iter()
        .find(|(_, names)| names.contains_key(root))
        .map(|(prefix, _)| format!("write {prefix}.{root}"));
        Diagnostic::error("reference", format!("Unknown name {root:?}"))
            .detail("An expression refers to var, local, module, path, environment or a kind of object.")
            .hint_opt(bare.or_else(|| did_you_mean(root, names)))
    }
}

/// Looks up the name that follows a root.
fn named(
    root: &str,
    steps: &[ReferenceStep],
    names: &BTreeMap<&str, ItemId>,
) -> Result<ItemId, Diagnostic> {
    let Some(ReferenceStep::Attribute(name)) = steps.first() else {
        return Err(
            Diagnostic::error("reference", format!("{root} is no value by itself"))
                .hint(format!("write {root}.NAME")),
        );
    };
    names.get(&**name).copied().ok_or_else(|| {
        let what = match root {
            "var" => "variable",
            "local" => "local value",
            root => root,
        };
        Diagnostic::error("reference", format!("There is no {what} {name:?}"))
            .detail(format!("{root}.{name} is not declared in this module."))
            .hint_opt(did_you_mean(name, names.keys().copied()))
    })
}

/// Checks a name that the place gives, such as `each.key`.
fn given(
    here: bool,
    root: &str,
    steps: &[ReferenceStep],
    attributes: &[&str],
) -> Result<Found, Diagnostic> {
    if !here {
        let argument = if root == "each" { "for_each" } else { root };
        return Err(
            Diagnostic::error("reference", format!("{root} cannot be used here")).detail(format!(
                "It belongs to the inside of a block with {argument}."
            )),
        );
    }
    let written = format!("write {root}.{}", attributes.join(&format!(" or {root}.")));
    match steps.first() {
        Some(ReferenceStep::Attribute(name)) if attributes.contains(&&**name) => Ok(None),
        Some(ReferenceStep::Attribute(name)) => Err(Diagnostic::error(
            "reference",
            format!("{root} has no attribute {name:?}"),
        )
        .hint(did_you_mean(name, attributes.iter().copied()).unwrap_or(written))),
        _ => Err(
            Diagnostic::error("reference", format!("{root} is no value by itself")).hint(written),
        ),
    }
}

/// Returns an instance key that is written as a plain text or a whole number.
pub(super) fn literal_key(index: &Expression) -> Option<InstanceKey> {
    match index {
        Expression::String(text) => Some(InstanceKey::Text(text.as_str().into())),
        Expression::Number(number) => number.value().as_u64().map(InstanceKey::Index),
        _ => None,
    }
}
