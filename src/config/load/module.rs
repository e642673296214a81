//! A module's items, declared: checked against their schemas, with names resolved, not yet evaluated.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use hcl_edit::Span as _;
use hcl_edit::expr::{Expression, TraversalOperator};
use hcl_edit::structure::{Attribute, Block, Body, Structure};

use crate::address::ProviderAddress;
use crate::config::schema::{AttributeSchema, BlockSchema, KindSchema, ProviderSchema};
use crate::diagnostic::{Diagnostic, Diagnostics, SourceMap, did_you_mean};

use super::addresses::{self, ImportTarget};
use super::body::{self, BodyDecl, Names};
use super::check::{Checker, literal_bool, literal_text, nested, optional, required};
use super::expression::{Expr, Place, Ref, Resolver, Target};
use super::index::{Header, Index, ItemKind, Syntax, place};
use super::source::span;

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
    Object(Box<Object<'a>>),
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

#[derive(Debug)]
pub(super) struct Object<'a> {
    pub(super) schema: &'a KindSchema,
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

impl Object<'_> {
    /// Calls `visit` with every use of a name in an expression.
    pub(super) fn each_expression_ref(&self, visit: &mut dyn FnMut(&Ref)) {
        let lifecycle = &self.lifecycle;
        let exprs = self
            .repeat
            .expr()
            .into_iter()
            .chain(&lifecycle.prevent_destroy)
            .chain(&lifecycle.allow_destroy);
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
    fn place(&self) -> Place<'a> {
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
            Self::Object(object) => object.each_expression_ref(visit),
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

/// What all modules are declared with.
pub(super) struct Context<'r, 'a> {
    pub(super) modules: &'r BTreeMap<&'a str, Index<'a>>,
    /// The keywords of all kinds.
    pub(super) keywords: &'r [&'a str],
    pub(super) providers: &'a [ProviderSchema],
    pub(super) sources: &'r SourceMap,
}

/// Declares all items of one module.
pub(super) fn declare<'a>(
    index: &Index<'a>,
    context: &Context<'_, 'a>,
    names: &mut Names,
    diagnostics: &mut Diagnostics,
) -> Vec<Item<'a>> {
    let resolver = Resolver {
        index,
        modules: context.modules,
        kinds: context.keywords,
        sources: context.sources,
    };
    let mut declare = Declare {
        context,
        resolver,
        names,
        diagnostics,
    };
    index
        .items
        .iter()
        .enumerate()
        .map(|(id, header)| declare.item(id, header).unwrap_or(Item::Broken))
        .collect()
}

struct Declare<'r, 'a> {
    context: &'r Context<'r, 'a>,
    resolver: Resolver<'r, 'a>,
    names: &'r mut Names,
    diagnostics: &'r mut Diagnostics,
}

impl<'a> Declare<'_, 'a> {
    fn item(&mut self, id: usize, header: &Header<'a>) -> Option<Item<'a>> {
        let block = match header.syntax {
            Syntax::Attribute(local) => {
                let value = self.expr(header.file, &local.value, &Place::default());
                return Some(Item::Local(value));
            }
            Syntax::Block(block) => block,
        };
        match header.kind {
            ItemKind::Variable => Some(self.variable(header, block)),
            ItemKind::Output => self.output(header, block),
            ItemKind::Object(schema) => Some(self.object(header, block, schema)),
            ItemKind::Call => self.call(id, header, block),
            ItemKind::Provider => self.provider(header, block),
            ItemKind::Check => Some(self.check_block(header, block)),
            ItemKind::Import => self.import(header, block),
            ItemKind::Local => None,
        }
    }

    fn expr(&mut self, file: &Arc<str>, ast: &'a Expression, place: &Place<'a>) -> Expr<'a> {
        self.resolver.resolve(file, ast, place, self.diagnostics)
    }

    fn check(&mut self, header: &Header<'a>, block: &Block, schema: &BlockSchema) {
        Checker::of(header.file, schema).check(&header.span, &block.body, self.diagnostics);
    }

    fn variable(&mut self, header: &Header<'a>, block: &'a Block) -> Item<'a> {
        self.check(header, block, &VARIABLE);
        let body = &block.body;
        let file = header.file;
        if let Some(description) = body.get_attribute("description") {
            literal_text(file, description, self.diagnostics);
        }
        Item::Variable(Variable {
            r#type: body.get_attribute("type").map(|a| &a.value),
            default: body.get_attribute("default").map(|a| &a.value),
            sensitive: self.flag(file, body, "sensitive", false),
            nullable: self.flag(file, body, "nullable", true),
            validations: self.conditions(file, body, "validation", &Place::default()),
        })
    }

    fn flag(&mut self, file: &Arc<str>, body: &Body, name: &str, default: bool) -> bool {
        body.get_attribute(name)
            .and_then(|attribute| literal_bool(file, attribute, self.diagnostics))
            .unwrap_or(default)
    }

    fn conditions(
        &mut self,
        file: &Arc<str>,
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
                    condition: self.expr(file, condition, place),
                    message: self.expr(file, message, place),
                })
            })
            .collect()
    }

    fn output(&mut self, header: &Header<'a>, block: &'a Block) -> Option<Item<'a>> {
        self.check(header, block, &OUTPUT);
        let body = &block.body;
        let file = header.file;
        let place = Place::default();
        Some(Item::Output(Output {
            sensitive: self.flag(file, body, "sensitive", false),
            description: body
                .get_attribute("description")
                .and_then(|attribute| literal_text(file, attribute, self.diagnostics)),
            preconditions: self.conditions(file, body, "precondition", &place),
            depends_on: self.depends_on(file, body),
            value: self.expr(file, &body.get_attribute("value")?.value, &place),
        }))
    }

    fn object(
        &mut self,
        header: &Header<'a>,
        block: &'a Block,
        schema: &'a KindSchema,
    ) -> Item<'a> {
        let file = header.file;
        Checker {
            file,
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
            .map(|inner| self.lifecycle(file, inner, schema, &place))
            .next()
            .unwrap_or_default();
        let provider = block.body.get_attribute("provider");
        Item::Object(Box::new(Object {
            schema,
            depends_on: self.depends_on(file, &block.body),
            provider: self.object_provider(file, provider, schema),
            provider_range: provider.and_then(|attribute| attribute.value.span()),
            body: body::declare(
                file,
                &block.body,
                &schema.body,
                &place,
                &self.resolver,
                self.names,
                self.diagnostics,
            ),
            lifecycle,
            repeat,
        }))
    }

    fn repeat(&mut self, header: &Header<'a>, body: &'a Body) -> Repeat<'a> {
        let for_each = body.get_attribute("for_each");
        let count = body.get_attribute("count");
        let place = Place::default();
        match (for_each, count) {
            (None, None) => Repeat::Once,
            (Some(for_each), None) => {
                Repeat::ForEach(self.expr(header.file, &for_each.value, &place))
            }
            (for_each, Some(count)) => {
                if for_each.is_some() {
                    self.diagnostics.push(
                        Diagnostic::error(
                            "repeat",
                            "A block has either for_each or count, not both",
                        )
                        .at(span(header.file, &count.key)),
                    );
                }
                Repeat::Count(self.expr(header.file, &count.value, &place))
            }
        }
    }

    /// Reads the list of `depends_on`: objects and modules, written as they are referred to.
    fn depends_on(&mut self, file: &Arc<str>, body: &'a Body) -> Vec<Ref> {
        let Some(attribute) = body.get_attribute("depends_on") else {
            return Vec::new();
        };
        let Expression::Array(elements) = &attribute.value else {
            self.diagnostics.push(
                Diagnostic::error("depends-on", "depends_on is a list of objects and modules")
                    .at(span(file, &attribute.value))
                    .hint("write [topic.NAME, module.NAME]"),
            );
            return Vec::new();
        };
        let mut refs = Vec::new();
        for element in elements {
            let expr = self.expr(file, element, &Place::default());
            match &*expr.refs {
                [single]
                    if matches!(single.target, Target::Object(..) | Target::Module(_, None)) =>
                {
                    refs.push(single.clone());
                }
                _ if !expr.sound => {}
                _ => self.diagnostics.push(
                    Diagnostic::error("depends-on", "depends_on names objects and modules only")
                        .at(span(file, element))
                        .hint("write topic.NAME or module.NAME"),
                ),
            }
        }
        refs
    }

    fn lifecycle(
        &mut self,
        file: &Arc<str>,
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
            preconditions: self.conditions(file, body, "precondition", place),
            postconditions: self.conditions(file, body, "postcondition", &after),
            ..Lifecycle::default()
        };
        for attribute in body.iter().filter_map(Structure::as_attribute) {
            match attribute.key.as_str() {
                "prevent_destroy" => {
                    lifecycle.prevent_destroy = Some(self.expr(file, &attribute.value, place));
                }
                "allow_destroy" => {
                    lifecycle.allow_destroy = Some(self.expr(file, &attribute.value, place));
                }
                "ignore_changes" => self.ignore_changes(file, attribute, schema, &mut lifecycle),
                _ => {}
            }
        }
        lifecycle
    }

    fn ignore_changes(
        &mut self,
        file: &Arc<str>,
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
                        Err(error) => self.diagnostics.push(error.at(span(file, element))),
                    }
                }
            }
            other => self.diagnostics.push(
                Diagnostic::error(
                    "ignore-changes",
                    "ignore_changes is a list of attributes, or all",
                )
                .at(span(file, other))
                .hint("write [partitions, config[\"retention.ms\"]] or all"),
            ),
        }
    }

    fn object_provider(
        &mut self,
        file: &Arc<str>,
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
                    .at(span(file, &attribute.value))
                    .hint(format!("write {0} or {0}.ALIAS", schema.provider)),
                );
                default
            }
        }
    }

    fn call(&mut self, id: usize, header: &Header<'a>, block: &'a Block) -> Option<Item<'a>> {
        let repeat = self.repeat(header, &block.body);
        let place = repeat.place();
        let depends_on = self.depends_on(header.file, &block.body);
        let providers = self.call_providers(header.file, &block.body);
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
                        let value = self.expr(header.file, &attribute.value, &place);
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
                    .at(super::index::header_span(header.file, inner)),
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
            .at(span(header.file, &attribute.key))
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
        file: &Arc<str>,
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
                        .at(span(file, value.expr()))
                        .hint("write providers = { kafka = kafka.ALIAS }"),
                ),
            }
        }
        if pairs.is_empty() {
            self.diagnostics.push(
                Diagnostic::error("provider", "A module's providers are passed as an object")
                    .at(span(file, &attribute.value))
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
            file: header.file,
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
            header.file,
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
        let asserts = self.conditions(header.file, &block.body, "assert", &Place::default());
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
        let id = self.expr(header.file, &block.body.get_attribute("id")?.value, &place);
        let to = &block.body.get_attribute("to")?.value;
        let mut resolve = |ast| {
            self.resolver
                .resolve(header.file, ast, &place, self.diagnostics)
        };
        match addresses::import_target(to, &mut resolve) {
            Ok(to) => Some(Item::Import(Import { to, id, repeat })),
            Err(error) => {
                self.diagnostics.push(error.at(span(header.file, to)));
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
