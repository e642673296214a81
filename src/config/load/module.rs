//! A module's items, declared: checked against their schemas, with names resolved, not yet evaluated.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use hcl_edit::expr::Expression;

use crate::address::ProviderAddress;
use crate::config::schema::KindSchema;

use super::addresses::ImportTarget;
use super::body::BodyDecl;
use super::expression::{Expr, Place, Ref, Target};
use super::index::Index;

/// A module: its names and its items, in the same order as [`Index::items`].
#[derive(Debug)]
pub(super) struct Module<'a> {
    pub(super) index: &'a Index<'a>,
    pub(super) items: Vec<Item<'a>>,
}

/// An item, declared.
#[derive(Debug)]
pub(super) enum Item<'a> {
    Variable(Variable<'a>),
    Local(Expr<'a>),
    Output(Output<'a>),
    Object(ObjectItem<'a>),
    Call(Call<'a>),
    Provider(Provider<'a>),
    Check(Vec<Condition<'a>>),
    Import(Import<'a>),
    /// It lacks what it cannot do without, which has been reported.
    Broken,
}

#[derive(Debug)]
pub(super) struct Variable<'a> {
    pub(super) r#type: Option<&'a Expression>,
    pub(super) default: Option<&'a Expression>,
    pub(super) sensitive: bool,
    pub(super) nullable: bool,
    pub(super) validations: Vec<Condition<'a>>,
}

#[derive(Debug)]
pub(super) struct Output<'a> {
    pub(super) value: Expr<'a>,
    pub(super) sensitive: bool,
    pub(super) description: Option<&'a str>,
    pub(super) preconditions: Vec<Condition<'a>>,
    pub(super) depends_on: Vec<Ref>,
}

/// An object's block as it is known while nothing is evaluated: its syntax tree is not kept.
#[derive(Debug)]
pub(super) struct ObjectItem<'a> {
    pub(super) schema: &'a KindSchema,
    /// The uses of names in its expressions; of a late one, the names that its text mentions.
    pub(super) refs: Box<[Ref]>,
    pub(super) depends_on: Vec<Ref>,
    /// Whether it is parsed and declared only when it is evaluated: see [`mentions`](super::mentions).
    pub(super) late: bool,
    /// Whether it is one object in each instance of its module, of which no more than the address is wanted.
    pub(super) is_located: bool,
}

#[derive(Debug)]
pub(super) struct Object<'a> {
    pub(super) repeat: Repeat<'a>,
    pub(super) depends_on: Vec<Ref>,
    pub(super) provider: ProviderAddress,
    pub(super) provider_range: Option<Range<usize>>,
    pub(super) body: BodyDecl<'a>,
    pub(super) lifecycle: Lifecycle<'a>,
}

#[derive(Debug, Default)]
pub(super) struct Lifecycle<'a> {
    pub(super) prevent_destroy: Option<Expr<'a>>,
    pub(super) allow_destroy: Option<Expr<'a>>,
    pub(super) allow_breaking: Option<Expr<'a>>,
    pub(super) ignore_changes: Vec<Arc<str>>,
    pub(super) ignore_all_changes: bool,
    pub(super) preconditions: Vec<Condition<'a>>,
    pub(super) postconditions: Vec<Condition<'a>>,
}

#[derive(Debug)]
pub(super) struct Call<'a> {
    pub(super) arguments: BTreeMap<&'a str, Expr<'a>>,
    pub(super) repeat: Repeat<'a>,
    pub(super) depends_on: Vec<Ref>,
    /// The module's name of a provider → this module's name.
    pub(super) providers: BTreeMap<ProviderAddress, ProviderAddress>,
}

#[derive(Debug)]
pub(super) struct Provider<'a> {
    pub(super) address: ProviderAddress,
    pub(super) settings: BodyDecl<'a>,
}

#[derive(Debug)]
pub(super) struct Import<'a> {
    pub(super) to: ImportTarget<'a>,
    pub(super) id: Expr<'a>,
    pub(super) repeat: Repeat<'a>,
}

/// `condition` and `error_message`.
#[derive(Debug)]
pub(super) struct Condition<'a> {
    pub(super) condition: Expr<'a>,
    pub(super) message: Expr<'a>,
}

/// `for_each` or `count`.
#[derive(Debug)]
pub(super) enum Repeat<'a> {
    Once,
    ForEach(Expr<'a>),
    Count(Expr<'a>),
}

impl Module<'_> {
    /// Whether something comes after all objects of a module.
    pub(super) fn depends_on_modules(&self) -> bool {
        let mut refs = self.items.iter().flat_map(Item::depends_on);
        refs.any(|used| matches!(used.target, Target::Module(..)))
    }
}

impl Object<'_> {
    /// Calls `visit` with every use of a name in an expression.
    pub(super) fn each_ref(&self, visit: &mut dyn FnMut(&Ref)) {
        let lifecycle = &self.lifecycle;
        let exprs = self
            .repeat
            .expr()
            .into_iter()
            .chain(&lifecycle.prevent_destroy)
            .chain(&lifecycle.allow_destroy)
            .chain(&lifecycle.allow_breaking);
        for expr in exprs {
            expr.refs.iter().for_each(&mut *visit);
        }
        conditions(&lifecycle.preconditions, visit);
        conditions(&lifecycle.postconditions, visit);
        self.body.each_ref(visit);
    }
}

impl<'a> Repeat<'a> {
    /// The expression, if there is one.
    pub(super) fn expr(&self) -> Option<&Expr<'a>> {
        match self {
            Self::Once => None,
            Self::ForEach(expr) | Self::Count(expr) => Some(expr),
        }
    }

    /// Which names it gives to the expressions of its block.
    pub(super) fn place(&self) -> Place<'a> {
        Place {
            each: matches!(self, Self::ForEach(_)),
            count: matches!(self, Self::Count(_)),
            ..Place::default()
        }
    }
}

impl<'a> Item<'a> {
    /// The objects and modules of `depends_on`.
    pub(super) fn depends_on(&self) -> &[Ref] {
        match self {
            Self::Output(output) => &output.depends_on,
            Self::Object(object) => &object.depends_on,
            Self::Call(call) => &call.depends_on,
            _ => &[],
        }
    }

    /// Calls `visit` with every use of a name in an expression; `depends_on` is apart.
    pub(super) fn each_ref(&self, visit: &mut dyn FnMut(&Ref)) {
        let mut expr = |expr: &Expr<'a>| expr.refs.iter().for_each(&mut *visit);
        match self {
            Self::Variable(variable) => conditions(&variable.validations, visit),
            Self::Local(value) => expr(value),
            Self::Output(output) => {
                expr(&output.value);
                conditions(&output.preconditions, visit);
            }
            Self::Object(object) => object.refs.iter().for_each(visit),
            // The arguments are the business of the module's variables.
            Self::Call(call) => {
                call.repeat.expr().into_iter().for_each(&mut expr);
            }
            Self::Provider(provider) => provider.settings.each_ref(visit),
            Self::Check(asserts) => conditions(asserts, visit),
            Self::Import(import) => {
                import.repeat.expr().into_iter().for_each(&mut expr);
                expr(&import.id);
                import.to.each_ref(visit);
            }
            Self::Broken => {}
        }
    }
}

fn conditions(conditions: &[Condition<'_>], visit: &mut dyn FnMut(&Ref)) {
    for condition in conditions {
        condition.condition.refs.iter().for_each(&mut *visit);
        condition.message.refs.iter().for_each(&mut *visit);
    }
}
