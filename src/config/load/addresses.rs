//! `moved`, `removed` and the targets of `import`: addresses that are written as expressions.

use std::sync::Arc;

use hcl_edit::expr::{Expression, TraversalOperator};

use crate::address::{Address, AddressPattern, InstanceKey, ModulePath};
use crate::config::project::{Moved, Removed};
use crate::config::schema::{AttributeSchema, BlockSchema, KindSchema};
use crate::diagnostic::{Diagnostic, Diagnostics, did_you_mean};

use super::check::{Checker, literal_bool, nested};
use super::expression::{Expr, Ref, literal_key};
use super::index::Plain;
use super::source::span;

const MOVED: BlockSchema = BlockSchema {
    attributes: &[
        AttributeSchema::required("from", "The old address"),
        AttributeSchema::required("to", "The new address"),
    ],
    blocks: &[],
};

const REMOVED: BlockSchema = BlockSchema {
    attributes: &[AttributeSchema::required(
        "from",
        "The address that the project no longer holds",
    )],
    blocks: &[nested(
        "lifecycle",
        false,
        BlockSchema {
            attributes: &[AttributeSchema::optional(
                "destroy",
                "Whether the live object is deleted",
            )],
            blocks: &[],
        },
    )],
};

/// Reads a `moved` block. Its addresses are relative to the module that holds it.
pub(super) fn moved(
    plain: Plain<'_>,
    kinds: &[KindSchema],
    diagnostics: &mut Diagnostics,
) -> Option<Moved> {
    let at = plain.span();
    Checker::of(plain.piece, &MOVED).check(&at, &plain.block.body, diagnostics);
    let from = pattern(plain, "from", kinds, diagnostics);
    let to = pattern(plain, "to", kinds, diagnostics);
    let (from, to) = (from?, to?);
    let problem = match (&from, &to) {
        _ if from == to => "The old and the new address are the same",
        (AddressPattern::Object(old), AddressPattern::Object(new)) if old.kind != new.kind => {
            "An object cannot become another kind of object"
        }
        (AddressPattern::Object(_), AddressPattern::Module(_))
        | (AddressPattern::Module(_), AddressPattern::Object(_)) => {
            "A module cannot become an object, nor an object a module"
        }
        _ => return Some(Moved { from, to, span: at }),
    };
    diagnostics.push(
        Diagnostic::error("moved", problem)
            .detail(format!("It moves {from} to {to}."))
            .at(at),
    );
    None
}

/// Reads a `removed` block. Its address is relative to the module that holds it.
pub(super) fn removed(
    plain: Plain<'_>,
    kinds: &[KindSchema],
    diagnostics: &mut Diagnostics,
) -> Option<Removed> {
    let at = plain.span();
    Checker::of(plain.piece, &REMOVED).check(&at, &plain.block.body, diagnostics);
    let lifecycle = plain
        .block
        .body
        .iter()
        .find_map(|structure| structure.as_block());
    let destroy = lifecycle
        .and_then(|lifecycle| lifecycle.body.get_attribute("destroy"))
        .map_or(Some(true), |a| literal_bool(plain.piece, a, diagnostics));
    Some(Removed {
        from: pattern(plain, "from", kinds, diagnostics)?,
        destroy: destroy?,
        span: at,
    })
}

fn pattern(
    plain: Plain<'_>,
    name: &str,
    kinds: &[KindSchema],
    diagnostics: &mut Diagnostics,
) -> Option<AddressPattern> {
    let value = &plain.block.body.get_attribute(name)?.value;
    let result =
        steps(value, &mut |index| literal_key(index)).and_then(|steps| to_pattern(&steps, kinds));
    match result {
        Ok(pattern) => Some(pattern),
        Err(error) => {
            diagnostics.push(error.at(span(plain.piece, value)));
            None
        }
    }
}

/// Returns the address below a module's path: what a module says about its own objects.
pub(super) fn below(path: &ModulePath, pattern: &AddressPattern) -> AddressPattern {
    let join = |inner: &ModulePath| ModulePath(path.0.iter().chain(&inner.0).cloned().collect());
    match pattern {
        AddressPattern::Module(inner) => AddressPattern::Module(join(inner)),
        AddressPattern::Object(address) => AddressPattern::Object(Address {
            module: join(&address.module),
            ..address.clone()
        }),
    }
}

/// A name and its key, while an address is put together; `K` is a key or the expression of one.
type Step<K> = (Arc<str>, Option<K>);

/// Splits `module.a["x"].topic.b` into names and keys.
fn steps<'a, K>(
    expression: &'a Expression,
    key: &mut dyn FnMut(&'a Expression) -> Option<K>,
) -> Result<Vec<Step<K>>, Diagnostic> {
    let Expression::Traversal(traversal) = expression else {
        return Err(invalid());
    };
    let Expression::Variable(root) = &traversal.expr else {
        return Err(invalid());
    };
    let mut steps: Vec<Step<K>> = vec![(root.as_str().into(), None)];
    for operator in &traversal.operators {
        match &**operator {
            TraversalOperator::GetAttr(name) => steps.push((name.as_str().into(), None)),
            TraversalOperator::Index(index) => match steps.last_mut() {
                Some((_, empty @ None)) => *empty = Some(key(index).ok_or_else(invalid)?),
                _ => return Err(invalid()),
            },
            _ => return Err(invalid()),
        }
    }
    Ok(steps)
}

fn invalid() -> Diagnostic {
    Diagnostic::error("address", "This is not an address").detail(
        "An address is a kind and a name, with a plain key: topic.orders or topic.orders[\"eu\"].",
    )
}

/// Puts names and plain keys together.
fn to_pattern(
    steps: &[Step<InstanceKey>],
    kinds: &[KindSchema],
) -> Result<AddressPattern, Diagnostic> {
    let steps: Vec<String> = steps
        .iter()
        .map(|(name, key)| match key {
            Some(key) => format!("{name}{key}"),
            None => name.to_string(),
        })
        .collect();
    let pattern: AddressPattern = steps.join(".").parse().map_err(|_| invalid())?;
    if let AddressPattern::Object(address) = &pattern {
        known_kind(&address.kind, kinds)?;
    }
    Ok(pattern)
}

fn known_kind(kind: &str, kinds: &[KindSchema]) -> Result<(), Diagnostic> {
    let mut names = kinds.iter().map(|schema| schema.keyword);
    if names.clone().any(|name| name == kind) {
        return Ok(());
    }
    Err(
        Diagnostic::error("address", format!("There is no kind {kind:?}"))
            .hint_opt(did_you_mean(kind, &mut names)),
    )
}

/// The address of an `import` block, whose keys may be computed.
#[derive(Debug)]
pub(super) struct ImportTarget<'a>(Vec<Step<TargetKey<'a>>>);

/// A key in the address of an `import` block.
#[derive(Debug)]
pub(super) enum TargetKey<'a> {
    Literal(InstanceKey),
    Computed(Expr<'a>),
}

/// Reads the address of an `import` block.
pub(super) fn import_target<'a>(
    expression: &'a Expression,
    resolve: &mut dyn FnMut(&'a Expression) -> Expr<'a>,
) -> Result<ImportTarget<'a>, Diagnostic> {
    steps(expression, &mut |index| {
        Some(match literal_key(index) {
            Some(key) => TargetKey::Literal(key),
            None => TargetKey::Computed(resolve(index)),
        })
    })
    .map(ImportTarget)
}

impl<'a> ImportTarget<'a> {
    /// Calls `visit` with every use of a name in the keys.
    pub(super) fn each_ref(&self, visit: &mut dyn FnMut(&Ref)) {
        for (_, key) in &self.0 {
            if let Some(TargetKey::Computed(expr)) = key {
                expr.refs.iter().for_each(&mut *visit);
            }
        }
    }

    /// Returns the address; `key` evaluates the keys that are computed. The error is one without a place.
    pub(super) fn address(
        &self,
        kinds: &[KindSchema],
        key: &mut dyn FnMut(&Expr<'a>) -> Option<InstanceKey>,
    ) -> Option<Result<Address, Diagnostic>> {
        let mut steps = Vec::new();
        for (name, step) in &self.0 {
            let step = match step {
                None => None,
                Some(TargetKey::Literal(literal)) => Some(literal.clone()),
                Some(TargetKey::Computed(expr)) => Some(key(expr)?),
            };
            steps.push((Arc::clone(name), step));
        }
        Some(to_pattern(&steps, kinds).and_then(|pattern| match pattern {
            AddressPattern::Object(address) => Ok(address),
            AddressPattern::Module(_) => Err(invalid()),
        }))
    }
}
