//! Blocks → items: each is checked against its schema, and the names in its expressions are resolved.

mod calls;
mod objects;
mod schemas;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use hcl_edit::expr::{Expression, TraversalOperator};
use hcl_edit::structure::{Block, Body, Structure};

use crate::address::ProviderAddress;
use crate::config::schema::{BlockSchema, KindSchema, ProviderSchema};
use crate::diagnostic::{Diagnostic, Diagnostics, SourceMap, did_you_mean};
use crate::document::ContentHash;

use self::schemas::{CHECK, IMPORT, OUTPUT, PROVIDER_META, VARIABLE};
use super::addresses;
use super::body::{self, Names};
use super::check::{Checker, literal_bool, literal_text};
use super::expression::{Expr, Place, Ref, Resolver, Target};
use super::index::{Header, Index, ItemKind, Syntax};
use super::mentions::{Mentions, mentions};
use super::module::{
    Condition, Import, Item, Object, ObjectItem, Output, Provider, Repeat, Variable,
};
use super::release;
use super::source::{Piece, span};

/// What all modules are declared with.
pub(super) struct Context<'r, 'a> {
    pub(super) modules: &'r BTreeMap<&'a str, Index<'a>>,
    /// The keywords of all kinds.
    pub(super) keywords: &'r [&'a str],
    pub(super) providers: &'a [ProviderSchema],
    pub(super) sources: &'r SourceMap,
    /// How much is made of objects.
    pub(super) depth: Depth,
}

/// How much is made of objects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Depth {
    /// Their addresses: a block is parsed where it may stand for several objects, or where what tells which there
    /// are may refer to it.
    Addresses,
    /// Themselves, and the values of those that something refers to.
    Objects,
    /// Themselves, and all values.
    Values,
}

/// What the declarations of all modules leave behind.
#[derive(Debug, Default)]
pub(super) struct Record {
    pub(super) names: Names,
    /// What the blocks of objects say, by file and first byte of the piece.
    pub(super) hashes: BTreeMap<(Arc<str>, usize), ContentHash>,
    /// The files with the block of an object that cannot be parsed.
    pub(super) unreadable: BTreeSet<Arc<str>>,
}

impl Record {
    /// Parses the block of an object, and keeps what it says.
    pub(super) fn parse(
        &mut self,
        piece: &Piece,
        sources: &SourceMap,
        diagnostics: &mut Diagnostics,
    ) -> Option<Block> {
        match piece.parse_block(sources) {
            Ok(block) => {
                let place = (Arc::clone(&piece.file), piece.base);
                self.hashes.insert(place, release::hash_block(&block));
                Some(block)
            }
            Err(error) => {
                self.unreadable.insert(Arc::clone(&piece.file));
                diagnostics.push(error);
                None
            }
        }
    }
}

/// Declares all items of one module.
pub(super) fn declare<'a>(
    index: &Index<'a>,
    context: &Context<'_, 'a>,
    record: &mut Record,
    diagnostics: &mut Diagnostics,
) -> Vec<Item<'a>> {
    let mut items = Vec::with_capacity(index.items.len());
    for (id, header) in index.items.iter().enumerate() {
        let item = match (header.kind, header.syntax) {
            (ItemKind::Object(schema), Syntax::Block(block)) => {
                let found = &mut *diagnostics;
                let object = object(index, context, header, block, &mut record.names, found);
                Some(Item::Object(item_of(schema, &object)))
            }
            (ItemKind::Object(schema), Syntax::Text) => {
                match mentions(header.piece.text(context.sources), index, context.keywords) {
                    Some(mentions) => Some(Item::Object(late(schema, mentions, context.depth))),
                    None => text_object(index, context, header, schema, record, diagnostics),
                }
            }
            _ => Declare::new(index, context, &mut record.names, diagnostics).item(id, header),
        };
        items.push(item.unwrap_or(Item::Broken));
    }
    items
}

/// Declares the late objects that something refers to: what they refer to decides the order. With `all`, every one.
pub(super) fn declare_late<'a>(
    index: &Index<'a>,
    items: &mut [Item<'a>],
    all: bool,
    context: &Context<'_, 'a>,
    record: &mut Record,
    diagnostics: &mut Diagnostics,
) {
    let mut referred_to = vec![all; items.len()];
    for item in &*items {
        let mut visit = |used: &Ref| {
            if let Target::Object(id, _) = used.target {
                referred_to[id] = true;
            }
        };
        item.each_ref(&mut visit);
        item.depends_on().iter().for_each(&mut visit);
        if let Item::Call(call) = item {
            let arguments = call.arguments.values();
            arguments
                .flat_map(|argument| &*argument.refs)
                .for_each(&mut visit);
        }
    }
    for (id, header) in index.items.iter().enumerate() {
        if let Item::Object(object) = &items[id]
            && object.late
            && referred_to[id]
        {
            let declared = text_object(index, context, header, object.schema, record, diagnostics);
            items[id] = declared.unwrap_or(Item::Broken);
        }
    }
}

fn late(schema: &KindSchema, mentions: Mentions, depth: Depth) -> ObjectItem<'_> {
    let is_located = depth == Depth::Addresses && !mentions.repeats;
    ObjectItem {
        schema,
        refs: if is_located {
            Box::default()
        } else {
            mentions.refs.into()
        },
        depends_on: Vec::new(),
        late: true,
        is_located,
    }
}

/// Parses and declares the block of an object, and keeps what it refers to.
fn text_object<'a>(
    index: &Index<'a>,
    context: &Context<'_, 'a>,
    header: &Header<'a>,
    schema: &'a KindSchema,
    record: &mut Record,
    diagnostics: &mut Diagnostics,
) -> Option<Item<'a>> {
    let block = record.parse(header.piece, context.sources, diagnostics)?;
    let names = &mut record.names;
    let object = object(index, context, header, &block, names, diagnostics);
    Some(Item::Object(item_of(schema, &object)))
}

pub(super) fn item_of<'a>(schema: &'a KindSchema, object: &Object<'_>) -> ObjectItem<'a> {
    let mut refs = Vec::new();
    object.each_ref(&mut |used| refs.push(used.clone()));
    ObjectItem {
        schema,
        refs: refs.into(),
        depends_on: object.depends_on.clone(),
        late: false,
        is_located: false,
    }
}

/// Declares an object's block.
pub(super) fn object<'b>(
    index: &Index<'b>,
    context: &Context<'_, 'b>,
    header: &Header<'b>,
    block: &'b Block,
    names: &mut Names,
    diagnostics: &mut Diagnostics,
) -> Object<'b> {
    Declare::new(index, context, names, diagnostics).object(header, block)
}

struct Declare<'r, 'a> {
    context: &'r Context<'r, 'a>,
    resolver: Resolver<'r, 'a>,
    names: &'r mut Names,
    diagnostics: &'r mut Diagnostics,
}

impl<'r, 'a> Declare<'r, 'a> {
    fn new(
        index: &'r Index<'a>,
        context: &'r Context<'r, 'a>,
        names: &'r mut Names,
        diagnostics: &'r mut Diagnostics,
    ) -> Self {
        Self {
            resolver: Resolver {
                index,
                modules: context.modules,
                kinds: context.keywords,
                sources: context.sources,
            },
            context,
            names,
            diagnostics,
        }
    }
}

impl<'a> Declare<'_, 'a> {
    fn item(&mut self, id: usize, header: &Header<'a>) -> Option<Item<'a>> {
        let block = match header.syntax {
            Syntax::Attribute(local) => {
                let value = self.expr(header.piece, &local.value, &Place::default());
                return Some(Item::Local(value));
            }
            Syntax::Block(block) => block,
            Syntax::Text => return None,
        };
        match header.kind {
            ItemKind::Variable => Some(self.variable(header, block)),
            ItemKind::Output => self.output(header, block),
            ItemKind::Call => self.call(id, header, block),
            ItemKind::Provider => self.provider(header, block),
            ItemKind::Check => Some(self.check_block(header, block)),
            ItemKind::Import => self.import(header, block),
            ItemKind::Local | ItemKind::Object(_) => None,
        }
    }

    fn expr(&mut self, piece: &Piece, ast: &'a Expression, place: &Place<'a>) -> Expr<'a> {
        self.resolver.resolve(piece, ast, place, self.diagnostics)
    }

    fn check(&mut self, header: &Header<'a>, block: &Block, schema: &BlockSchema) {
        Checker::of(header.piece, schema).check(&header.span, &block.body, self.diagnostics);
    }

    fn variable(&mut self, header: &Header<'a>, block: &'a Block) -> Item<'a> {
        self.check(header, block, &VARIABLE);
        let body = &block.body;
        let piece = header.piece;
        if let Some(description) = body.get_attribute("description") {
            literal_text(piece, description, self.diagnostics);
        }
        Item::Variable(Variable {
            r#type: body.get_attribute("type").map(|a| &a.value),
            default: body.get_attribute("default").map(|a| &a.value),
            sensitive: self.flag(piece, body, "sensitive", false),
            nullable: self.flag(piece, body, "nullable", true),
            validations: self.conditions(piece, body, "validation", &Place::default()),
        })
    }

    fn flag(&mut self, piece: &Piece, body: &Body, name: &str, default: bool) -> bool {
        body.get_attribute(name)
            .and_then(|attribute| literal_bool(piece, attribute, self.diagnostics))
            .unwrap_or(default)
    }

    fn conditions(
        &mut self,
        piece: &Piece,
        body: &'a Body,
        keyword: &str,
        place: &Place<'a>,
    ) -> Vec<Condition<'a>> {
        body.iter()
            .filter_map(Structure::as_block)
            .filter(|block| block.has_ident(keyword))
            .filter_map(|block| {
                let condition = &block.body.get_attribute("condition")?.value;
                let message = &block.body.get_attribute("error_message")?.value;
                Some(Condition {
                    condition: self.expr(piece, condition, place),
                    message: self.expr(piece, message, place),
                })
            })
            .collect()
    }

    fn output(&mut self, header: &Header<'a>, block: &'a Block) -> Option<Item<'a>> {
        self.check(header, block, &OUTPUT);
        let body = &block.body;
        let piece = header.piece;
        let place = Place::default();
        Some(Item::Output(Output {
            sensitive: self.flag(piece, body, "sensitive", false),
            description: body
                .get_attribute("description")
                .and_then(|attribute| literal_text(piece, attribute, self.diagnostics)),
            preconditions: self.conditions(piece, body, "precondition", &place),
            depends_on: self.depends_on(piece, body),
            value: self.expr(piece, &body.get_attribute("value")?.value, &place),
        }))
    }

    fn repeat(&mut self, header: &Header<'a>, body: &'a Body) -> Repeat<'a> {
        let for_each = body.get_attribute("for_each");
        let count = body.get_attribute("count");
        let place = Place::default();
        match (for_each, count) {
            (None, None) => Repeat::Once,
            (Some(for_each), None) => {
                let mut expr = self.expr(header.piece, &for_each.value, &place);
                expr.chain();
                Repeat::ForEach(expr)
            }
            (for_each, Some(count)) => {
                if for_each.is_some() {
                    self.diagnostics.push(
                        Diagnostic::error(
                            "repeat",
                            "A block has either for_each or count, not both",
                        )
                        .at(span(header.piece, &count.key)),
                    );
                }
                Repeat::Count(self.expr(header.piece, &count.value, &place))
            }
        }
    }

    /// Reads the list of `depends_on`: objects and modules, written as they are referred to.
    fn depends_on(&mut self, piece: &Piece, body: &'a Body) -> Vec<Ref> {
        let Some(attribute) = body.get_attribute("depends_on") else {
            return Vec::new();
        };
        let Expression::Array(elements) = &attribute.value else {
            self.diagnostics.push(
                Diagnostic::error("depends-on", "depends_on is a list of objects and modules")
                    .at(span(piece, &attribute.value))
                    .hint("write [topic.NAME, module.NAME]"),
            );
            return Vec::new();
        };
        let mut refs = Vec::new();
        for element in elements {
            let expr = self.expr(piece, element, &Place::default());
            match &*expr.refs {
                [single]
                    if matches!(
                        single.target,
                        Target::Object(..) | Target::Module(_, _, None)
                    ) =>
                {
                    refs.push(single.clone());
                }
                _ if !expr.sound => {}
                _ => self.diagnostics.push(
                    Diagnostic::error("depends-on", "depends_on names objects and modules only")
                        .at(span(piece, element))
                        .hint("write topic.NAME or module.NAME"),
                ),
            }
        }
        refs
    }

    fn provider(&mut self, header: &Header<'a>, block: &'a Block) -> Option<Item<'a>> {
        let schemas = self.context.providers;
        let Some(schema) = schemas.iter().find(|schema| schema.name == header.name) else {
            let names = schemas.iter().map(|schema| schema.name);
            let known: Vec<&str> = names.clone().collect();
            self.diagnostics.push(
                Diagnostic::error(
                    "unknown-provider",
                    format!("Unknown provider {:?}", header.name),
                )
                .detail(format!("The providers are: {}.", known.join(", ")))
                .at(header.span.clone())
                .hint_opt(did_you_mean(header.name, names)),
            );
            return None;
        };
        let body_schema = BlockSchema {
            attributes: schema.settings,
            blocks: &[],
        };
        Checker {
            piece: header.piece,
            schema: &body_schema,
            meta: &PROVIDER_META,
            dynamic: false,
        }
        .check(&header.span, &block.body, self.diagnostics);
        let address = ProviderAddress {
            kind: header.name.into(),
            alias: match block.body.get_attribute("alias").map(|a| &a.value) {
                Some(Expression::String(alias)) => Some(alias.as_str().into()),
                _ => None,
            },
        };
        let settings = body::declare(
            header.piece,
            &block.body,
            &body_schema,
            &Place::default(),
            &self.resolver,
            self.names,
            self.diagnostics,
        );
        Some(Item::Provider(Provider { address, settings }))
    }

    fn check_block(&mut self, header: &Header<'a>, block: &'a Block) -> Item<'a> {
        self.check(header, block, &CHECK);
        let asserts = self.conditions(header.piece, &block.body, "assert", &Place::default());
        if !block.body.iter().any(Structure::is_block) {
            self.diagnostics.push(
                Diagnostic::error("missing-block", "A check needs an assert block")
                    .at(header.span.clone()),
            );
        }
        Item::Check(asserts)
    }

    fn import(&mut self, header: &Header<'a>, block: &'a Block) -> Option<Item<'a>> {
        self.check(header, block, &IMPORT);
        let repeat = self.repeat(header, &block.body);
        let place = repeat.place();
        let id = self.expr(header.piece, &block.body.get_attribute("id")?.value, &place);
        let to = &block.body.get_attribute("to")?.value;
        let mut resolve = |ast| {
            self.resolver
                .resolve(header.piece, ast, &place, self.diagnostics)
        };
        match addresses::import_target(to, &mut resolve) {
            Ok(to) => Some(Item::Import(Import { to, id, repeat })),
            Err(error) => {
                self.diagnostics.push(error.at(span(header.piece, to)));
                None
            }
        }
    }
}

/// Returns `kafka` or `kafka.east` as an address.
fn provider_address(expression: &Expression) -> Option<ProviderAddress> {
    match expression {
        Expression::Variable(kind) => Some(ProviderAddress {
            kind: kind.as_str().into(),
            alias: None,
        }),
        Expression::Traversal(traversal) => match (&traversal.expr, &*traversal.operators) {
            (Expression::Variable(kind), [operator]) => match &**operator {
                TraversalOperator::GetAttr(alias) => Some(ProviderAddress {
                    kind: kind.as_str().into(),
                    alias: Some(alias.as_str().into()),
                }),
                _ => None,
            },
            _ => None,
        },
        _ => None,
    }
}
