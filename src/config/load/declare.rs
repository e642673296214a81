//! Blocks → items: each is checked against its schema, and the names in its expressions are resolved.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use hcl_edit::Span as _;
use hcl_edit::expr::{Expression, TraversalOperator};
use hcl_edit::structure::{Attribute, Block, Body, Structure};

use crate::address::ProviderAddress;
use crate::config::schema::{AttributeSchema, BlockSchema, KindSchema, ProviderSchema};
use crate::diagnostic::{Diagnostic, Diagnostics, SourceMap, did_you_mean};
use crate::document::ContentHash;

use super::addresses;
use super::body::{self, Names};
use super::check::{Checker, literal_bool, literal_text, nested, optional, required};
use super::expression::{Expr, Place, Ref, Resolver, Target};
use super::index::{Header, Index, ItemKind, Syntax, place};
use super::module::{
    Call, Condition, Import, Item, Lifecycle, Object, ObjectItem, Output, Provider, Repeat,
    Variable,
};
use super::release;
use super::source::{Piece, span};

const CONDITION: BlockSchema = BlockSchema {
    attributes: &[
        required("condition", "What must be true"),
        required("error_message", "What the user is told when it is not"),
    ],
    blocks: &[],
};

const VARIABLE: BlockSchema = BlockSchema {
    attributes: &[
        optional("type", "The type of its values"),
        optional("default", "Its value where none is given"),
        optional("description", "What it is for"),
        optional("sensitive", "Whether its value may not be shown"),
        optional("nullable", "Whether null may be given"),
    ],
    blocks: &[nested("validation", true, CONDITION)],
};

const OUTPUT: BlockSchema = BlockSchema {
    attributes: &[
        required("value", "The value that the module gives out"),
        optional("description", "What it is"),
        optional("sensitive", "Whether its value may not be shown"),
        optional("depends_on", "Objects that it stands for"),
    ],
    blocks: &[nested("precondition", true, CONDITION)],
};

const LIFECYCLE: BlockSchema = BlockSchema {
    attributes: &[
        optional("prevent_destroy", "Whether the object may not be destroyed"),
        optional(
            "allow_destroy",
            "Whether destructive operations are allowed",
        ),
        optional(
            "ignore_changes",
            "Attributes whose live values are left alone",
        ),
    ],
    blocks: &[
        nested("precondition", true, CONDITION),
        nested("postcondition", true, CONDITION),
    ],
};

const OBJECT_META: BlockSchema = BlockSchema {
    attributes: &[
        optional("for_each", "A map or a set of texts: one instance for each"),
        optional("count", "How many instances there are"),
        optional("depends_on", "Objects that come first"),
        optional("provider", "The provider that manages it"),
    ],
    blocks: &[nested("lifecycle", false, LIFECYCLE)],
};

const CALL_META: [AttributeSchema; 5] = [
    required("source", "The module's folder"),
    optional("for_each", "A map or a set of texts: one instance for each"),
    optional("count", "How many instances there are"),
    optional("depends_on", "Objects that come first"),
    optional("providers", "Which providers the module uses"),
];

const PROVIDER_META: BlockSchema = BlockSchema {
    attributes: &[optional("alias", "A name besides the default provider's")],
    blocks: &[],
};

const CHECK: BlockSchema = BlockSchema {
    attributes: &[],
    blocks: &[nested("assert", true, CONDITION)],
};

const IMPORT: BlockSchema = BlockSchema {
    attributes: &[
        required("to", "The address of the object in this project"),
        required("id", "The object's name in the live system"),
        optional("for_each", "A map or a set of texts: one import for each"),
    ],
    blocks: &[],
};

/// What all modules are declared with.
pub(super) struct Context<'r, 'a> {
    pub(super) modules: &'r BTreeMap<&'a str, Index<'a>>,
    /// The keywords of all kinds.
    pub(super) keywords: &'r [&'a str],
    pub(super) providers: &'a [ProviderSchema],
    pub(super) sources: &'r SourceMap,
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
                text_object(index, context, header, schema, record, diagnostics)
            }
            _ => Declare::new(index, context, &mut record.names, diagnostics).item(id, header),
        };
        items.push(item.unwrap_or(Item::Broken));
    }
    items
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
    match header.piece.parse_block(context.sources) {
        Ok(block) => {
            let place = (Arc::clone(&header.piece.file), header.piece.base);
            record.hashes.insert(place, release::hash_block(&block));
            let object = object(
                index,
                context,
                header,
                &block,
                &mut record.names,
                diagnostics,
            );
            Some(Item::Object(item_of(schema, &object)))
        }
        Err(error) => {
            record.unreadable.insert(Arc::clone(&header.piece.file));
            diagnostics.push(error);
            None
        }
    }
}

fn item_of<'a>(schema: &'a KindSchema, object: &Object<'_>) -> ObjectItem<'a> {
    let mut refs = Vec::new();
    object.each_ref(&mut |used| refs.push(used.clone()));
    ObjectItem {
        schema,
        refs: refs.into(),
        depends_on: object.depends_on.clone(),
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

    fn object(&mut self, header: &Header<'a>, block: &'a Block) -> Object<'a> {
        let piece = header.piece;
        let ItemKind::Object(schema) = header.kind else {
            unreachable!("only objects are declared as such");
        };
        Checker {
            piece,
            schema: &schema.body,
            meta: &OBJECT_META,
            dynamic: true,
        }
        .check(&header.span, &block.body, self.diagnostics);
        let repeat = self.repeat(header, &block.body);
        let place = repeat.place();
        let lifecycle = block.body.iter().filter_map(Structure::as_block);
        let lifecycle = lifecycle
            .filter(|inner| inner.has_ident("lifecycle"))
            .map(|inner| self.lifecycle(piece, inner, schema, &place))
            .next()
            .unwrap_or_default();
        let provider = block.body.get_attribute("provider");
        Object {
            depends_on: self.depends_on(piece, &block.body),
            provider: self.object_provider(piece, provider, schema),
            provider_range: provider.and_then(|attribute| attribute.value.span()),
            body: body::declare(
                piece,
                &block.body,
                &schema.body,
                &place,
                &self.resolver,
                self.names,
                self.diagnostics,
            ),
            lifecycle,
            repeat,
        }
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

    fn lifecycle(
        &mut self,
        piece: &Piece,
        block: &'a Block,
        schema: &KindSchema,
        place: &Place<'a>,
    ) -> Lifecycle<'a> {
        let body = &block.body;
        let after = Place {
            this: true,
            ..place.clone()
        };
        let mut lifecycle = Lifecycle {
            preconditions: self.conditions(piece, body, "precondition", place),
            postconditions: self.conditions(piece, body, "postcondition", &after),
            ..Lifecycle::default()
        };
        for attribute in body.iter().filter_map(Structure::as_attribute) {
            match attribute.key.as_str() {
                "prevent_destroy" => {
                    lifecycle.prevent_destroy = Some(self.expr(piece, &attribute.value, place));
                }
                "allow_destroy" => {
                    lifecycle.allow_destroy = Some(self.expr(piece, &attribute.value, place));
                }
                "ignore_changes" => self.ignore_changes(piece, attribute, schema, &mut lifecycle),
                _ => {}
            }
        }
        lifecycle
    }

    fn ignore_changes(
        &mut self,
        piece: &Piece,
        attribute: &'a Attribute,
        schema: &KindSchema,
        lifecycle: &mut Lifecycle<'a>,
    ) {
        match &attribute.value {
            Expression::Variable(name) if name.as_str() == "all" => {
                lifecycle.ignore_all_changes = true;
            }
            Expression::Array(elements) => {
                for element in elements {
                    match attribute_path(element, schema) {
                        Ok(path) => lifecycle.ignore_changes.push(path.into()),
                        Err(error) => self.diagnostics.push(error.at(span(piece, element))),
                    }
                }
            }
            other => self.diagnostics.push(
                Diagnostic::error(
                    "ignore-changes",
                    "ignore_changes is a list of attributes, or all",
                )
                .at(span(piece, other))
                .hint("write [partitions, config[\"retention.ms\"]] or all"),
            ),
        }
    }

    fn object_provider(
        &mut self,
        piece: &Piece,
        attribute: Option<&Attribute>,
        schema: &KindSchema,
    ) -> ProviderAddress {
        let default = ProviderAddress {
            kind: self.names.get(schema.provider),
            alias: None,
        };
        let Some(attribute) = attribute else {
            return default;
        };
        match provider_address(&attribute.value) {
            Some(address) if *address.kind == *schema.provider => address,
            found => {
                let detail = match found {
                    Some(address) => format!("{address} is a provider of another kind."),
                    None => "A provider is written as a name, without quotes.".to_owned(),
                };
                self.diagnostics.push(
                    Diagnostic::error(
                        "provider",
                        format!(
                            "A {} needs a provider {:?}",
                            schema.keyword, schema.provider
                        ),
                    )
                    .detail(detail)
                    .at(span(piece, &attribute.value))
                    .hint(format!("write {0} or {0}.ALIAS", schema.provider)),
                );
                default
            }
        }
    }

    fn call(&mut self, id: usize, header: &Header<'a>, block: &'a Block) -> Option<Item<'a>> {
        let repeat = self.repeat(header, &block.body);
        let place = repeat.place();
        let depends_on = self.depends_on(header.piece, &block.body);
        let providers = self.call_providers(header.piece, &block.body);
        let folder = self.resolver.index.call_folders.get(&id)?;
        let module = self.context.modules.get(folder.as_str())?;
        let mut arguments = BTreeMap::new();
        for structure in &block.body {
            match structure {
                Structure::Attribute(attribute) => {
                    let name = attribute.key.as_str();
                    if CALL_META.iter().any(|meta| meta.name == name) {
                        continue;
                    }
                    if module.variables.contains_key(name) {
                        let value = self.expr(header.piece, &attribute.value, &place);
                        arguments.insert(name, value);
                    } else {
                        self.unknown_argument(header, attribute, module);
                    }
                }
                Structure::Block(inner) => self.diagnostics.push(
                    Diagnostic::error(
                        "unknown-block",
                        format!("Unknown block {:?}", inner.ident.as_str()),
                    )
                    .detail("A module block holds attributes only.")
                    .at(super::index::header_span(header.piece, inner)),
                ),
            }
        }
        self.missing_arguments(header, module, &arguments);
        Some(Item::Call(Call {
            arguments,
            repeat,
            depends_on,
            providers,
        }))
    }

    fn unknown_argument(&mut self, header: &Header<'a>, attribute: &Attribute, module: &Index<'a>) {
        let name = attribute.key.as_str();
        let names = module.variables.keys().copied();
        let names = names.chain(CALL_META.iter().map(|meta| meta.name));
        self.diagnostics.push(
            Diagnostic::error(
                "unknown-attribute",
                format!("The module {:?} has no variable {name:?}", header.name),
            )
            .at(span(header.piece, &attribute.key))
            .hint_opt(did_you_mean(name, names)),
        );
    }

    fn missing_arguments(
        &mut self,
        header: &Header<'a>,
        module: &Index<'a>,
        arguments: &BTreeMap<&str, Expr<'a>>,
    ) {
        for (name, id) in &module.variables {
            let variable = &module.items[*id];
            let optional =
                matches!(variable.syntax, Syntax::Block(b) if b.body.has_attribute("default"));
            if !optional && !arguments.contains_key(name) {
                let declared = place(self.context.sources, &variable.span);
                self.diagnostics.push(
                    Diagnostic::error(
                        "missing-attribute",
                        format!("The module {:?} needs a value of {name:?}", header.name),
                    )
                    .detail(format!(
                        "The variable is declared at {declared} without a default."
                    ))
                    .at(header.span.clone()),
                );
            }
        }
    }

    /// Reads `providers = { kafka = kafka.east }`.
    fn call_providers(
        &mut self,
        piece: &Piece,
        body: &'a Body,
    ) -> BTreeMap<ProviderAddress, ProviderAddress> {
        let mut providers = BTreeMap::new();
        let Some(attribute) = body.get_attribute("providers") else {
            return providers;
        };
        let pairs = match &attribute.value {
            Expression::Object(object) => object.iter().collect(),
            _ => Vec::new(),
        };
        for (key, value) in &pairs {
            let inner = match key {
                hcl_edit::expr::ObjectKey::Ident(name) => name.as_str().parse().ok(),
                hcl_edit::expr::ObjectKey::Expression(expr) => provider_address(expr),
            };
            let outer = provider_address(value.expr());
            match (inner, outer) {
                (Some(inner), Some(outer)) if inner.kind == outer.kind => {
                    providers.insert(inner, outer);
                }
                _ => self.diagnostics.push(
                    Diagnostic::error("provider", "A module's provider is passed by its name")
                        .at(span(piece, value.expr()))
                        .hint("write providers = { kafka = kafka.ALIAS }"),
                ),
            }
        }
        if pairs.is_empty() {
            self.diagnostics.push(
                Diagnostic::error("provider", "A module's providers are passed as an object")
                    .at(span(piece, &attribute.value))
                    .hint("write providers = { kafka = kafka.ALIAS }"),
            );
        }
        providers
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

/// Returns an attribute's path, such as `config["retention.ms"]`, whose first name the kind has.
fn attribute_path(expression: &Expression, schema: &KindSchema) -> Result<String, Diagnostic> {
    let invalid = || {
        Diagnostic::error(
            "ignore-changes",
            "ignore_changes lists attributes of the object",
        )
        .hint("write [partitions, config[\"retention.ms\"]]")
    };
    let (root, operators) = match expression {
        Expression::Variable(name) => (name.as_str(), &[][..]),
        Expression::Traversal(traversal) => match &traversal.expr {
            Expression::Variable(name) => (name.as_str(), &*traversal.operators),
            _ => return Err(invalid()),
        },
        _ => return Err(invalid()),
    };
    let names = schema
        .body
        .attributes
        .iter()
        .map(|attribute| attribute.name);
    let mut names = names.chain(schema.body.blocks.iter().map(|block| block.keyword));
    if !names.clone().any(|name| name == root) {
        return Err(Diagnostic::error(
            "ignore-changes",
            format!("A {} has no attribute {root:?}", schema.keyword),
        )
        .hint_opt(did_you_mean(root, &mut names)));
    }
    let mut path = root.to_owned();
    for operator in operators {
        match &**operator {
            TraversalOperator::GetAttr(name) => {
                path.push('.');
                path.push_str(name.as_str());
            }
            TraversalOperator::Index(index) => {
                let key = super::expression::literal_key(index).ok_or_else(invalid)?;
                path.push_str(&key.to_string());
            }
            _ => return Err(invalid()),
        }
    }
    Ok(path)
}
