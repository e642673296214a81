//! The `streamform` block and the `environment` blocks: read before anything else is evaluated.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use hcl_edit::structure::{Attribute as Syntax, Body, Structure};

use crate::address::{AddressPattern, EnvironmentName};
use crate::config::amount;
use crate::config::block::{Attribute, Attributes, Block};
use crate::config::convert::convert;
use crate::config::eval::{Scope, evaluate, references};
use crate::config::project::{ApplyPolicy, DriftPolicy, Environment, Settings, Verification};
use crate::config::schema::{AttributeSchema, BlockSchema, NestedBlockSchema};
use crate::config::value::{Type, Value};
use crate::diagnostic::{Diagnostic, Diagnostics, SourceMap, Span, did_you_mean, sentence};

use super::check::{Checker, EMPTY, nested};
use super::index::{Index, Plain, header_span, place};
use super::source::{Piece, span};
use super::version::Constraint;

/// `state "KIND" { … }`: what it holds is the backend's business.
const STATE: NestedBlockSchema = NestedBlockSchema {
    keyword: "state",
    labels: 1,
    repeatable: false,
    body: EMPTY,
};

const SETTINGS: BlockSchema = BlockSchema {
    attributes: &[
        AttributeSchema::optional(
            "required_version",
            "The versions of the tool that the project works with",
        ),
        AttributeSchema::optional(
            "max_deletions",
            "The largest number of deletions in one plan",
        ),
    ],
    blocks: &[STATE],
};

const VERIFY: BlockSchema = BlockSchema::flat(&[AttributeSchema::optional(
    "soak",
    "How long a release must stay healthy before it may go on",
)]);

const ENVIRONMENT: BlockSchema = BlockSchema {
    attributes: &[
        AttributeSchema::optional("values", "The file with the values of the variables"),
        AttributeSchema::optional("apply", "What is done with a plan"),
        AttributeSchema::optional("drift", "What is done with drift"),
        AttributeSchema::optional(
            "promotes_from",
            "The environment whose releases may come here",
        ),
        AttributeSchema::optional(
            "max_deletions",
            "The largest number of deletions in one plan",
        ),
        AttributeSchema::optional(
            "allow_destroy",
            "Addresses whose destructive operations are allowed",
        ),
        AttributeSchema::optional(
            "allow_breaking",
            "Addresses whose changes are allowed that no order of upgrades makes safe",
        ),
    ],
    blocks: &[nested("verify", false, VERIFY)],
};

/// An `environment` block, read.
#[derive(Debug, Clone)]
pub(super) struct Declared {
    pub(super) environment: Environment,
    /// The path of the values file as it is written, and where.
    pub(super) values: Option<(Arc<str>, Span)>,
}

/// Reads settings; expressions may use functions and `environment.name`.
pub(super) struct Reader<'r> {
    pub(super) sources: &'r SourceMap,
    pub(super) environment: &'r EnvironmentName,
    pub(super) diagnostics: &'r mut Diagnostics,
}

/// Reads and checks all environments, by name.
pub(super) fn environments(
    index: &Index<'_>,
    sources: &SourceMap,
    diagnostics: &mut Diagnostics,
) -> BTreeMap<EnvironmentName, Declared> {
    let mut declared = BTreeMap::new();
    for (label, plain) in &index.environments {
        match label.parse::<EnvironmentName>() {
            Ok(name) => {
                let mut reader = Reader {
                    sources,
                    environment: &name,
                    diagnostics,
                };
                declared.insert(name.clone(), reader.environment(*plain));
            }
            Err(error) => diagnostics.push(
                Diagnostic::error("environment-name", "Invalid name of an environment")
                    .detail(sentence(&error))
                    .at(plain.span()),
            ),
        }
    }
    promotions(index, &declared, diagnostics);
    declared
}

/// Checks that each `promotes_from` names another environment and that there is no circle.
fn promotions(
    index: &Index<'_>,
    declared: &BTreeMap<EnvironmentName, Declared>,
    diagnostics: &mut Diagnostics,
) {
    for (name, found) in declared {
        let Some(from) = &found.environment.promotes_from else {
            continue;
        };
        let at = index.environments.get(name.as_str()).map(|plain| {
            let attribute = plain.block.body.get_attribute("promotes_from");
            attribute.map_or_else(|| plain.span(), |a| span(plain.piece, &a.value))
        });
        if !declared.contains_key(from) {
            diagnostics.push(
                Diagnostic::error(
                    "environment",
                    format!("There is no environment {:?}", from.as_str()),
                )
                .at(at)
                .hint_opt(did_you_mean(
                    from.as_str(),
                    declared.keys().map(EnvironmentName::as_str),
                )),
            );
            continue;
        }
        if let Some(circle) = circle(name, declared)
            // The same circle seen from its other members says nothing new.
            && circle.iter().all(|other| name <= *other)
        {
            let way: Vec<&str> = circle.iter().chain([&name]).map(|n| n.as_str()).collect();
            diagnostics.push(
                Diagnostic::error("environment", "Environments promote in a circle")
                    .detail(format!("It goes {}.", way.join(" from ")))
                    .at(at),
            );
        }
    }
}

/// Returns the environments that releases come through before they come from `name` again.
fn circle<'d>(
    name: &'d EnvironmentName,
    declared: &'d BTreeMap<EnvironmentName, Declared>,
) -> Option<Vec<&'d EnvironmentName>> {
    let mut seen = vec![name];
    loop {
        let last = declared.get(*seen.last()?)?;
        let next = last.environment.promotes_from.as_ref()?;
        if next == name {
            return Some(seen);
        }
        if seen.contains(&next) {
            return None;
        }
        seen.push(next);
    }
}

impl Reader<'_> {
    /// Reads the `streamform` block of the root module and checks the version in every module.
    pub(super) fn settings(&mut self, blocks: &[Plain<'_>], tool_version: &str) -> Settings {
        let mut settings = Settings::default();
        let Some(first) = blocks.first() else {
            return settings;
        };
        for other in &blocks[1..] {
            let there = place(self.sources, &first.span());
            self.diagnostics.push(
                Diagnostic::error("duplicate", "There are two streamform blocks")
                    .detail(format!("The first one is at {there}."))
                    .at(other.span()),
            );
        }
        let body = &first.block.body;
        self.check_settings(*first);
        settings.required_version = self.required_version(*first, tool_version);
        settings.max_deletions = self.natural(first.piece, body, "max_deletions");
        let state = body.iter().filter_map(Structure::as_block);
        settings.state = state
            .filter(|block| block.has_ident("state") && block.labels.len() == 1)
            .find_map(|block| self.block(first.piece, block));
        settings
    }

    /// Checks all but the inside of `state`.
    fn check_settings(&mut self, plain: Plain<'_>) {
        let mut found = Diagnostics::new();
        Checker::of(plain.piece, &SETTINGS).check(&plain.span(), &plain.block.body, &mut found);
        let blocks = plain.block.body.iter().filter_map(Structure::as_block);
        let state = blocks.filter(|block| block.has_ident("state"));
        let inside: Vec<_> = state
            .map(|block| header_span(plain.piece, block).end..span(plain.piece, block).end)
            .collect();
        let is_inside = |error: &Diagnostic| {
            let start = error.span.as_ref().map_or(0, |at| at.start);
            inside.iter().any(|range| range.contains(&start))
        };
        self.diagnostics.extend(
            found
                .into_iter()
                .filter(|error| !is_inside(error))
                .collect(),
        );
    }

    /// Checks `required_version` of a module's `streamform` block.
    pub(super) fn required_version(
        &mut self,
        plain: Plain<'_>,
        tool_version: &str,
    ) -> Option<Arc<str>> {
        let attribute = plain.block.body.get_attribute("required_version")?;
        let text = self.text(plain.piece, attribute)?;
        let at = span(plain.piece, &attribute.value);
        match Constraint::parse(&text) {
            Err(error) => {
                self.diagnostics.push(
                    Diagnostic::error("version", "Invalid required_version")
                        .detail(sentence(&error))
                        .at(at),
                );
                None
            }
            Ok(constraint) if !constraint.allows(tool_version) => {
                self.diagnostics.push(
                    Diagnostic::error("version", "The project needs another version of streamform")
                        .detail(format!("It requires {text}, and this is {tool_version}."))
                        .at(at),
                );
                None
            }
            Ok(_) => Some(text),
        }
    }

    fn environment(&mut self, plain: Plain<'_>) -> Declared {
        let body = &plain.block.body;
        let piece = plain.piece;
        Checker::of(piece, &ENVIRONMENT).check(&plain.span(), body, self.diagnostics);
        let values = body.get_attribute("values").and_then(|attribute| {
            let text = self.text(piece, attribute)?;
            Some((text, span(piece, &attribute.value)))
        });
        let environment = Environment {
            name: self.environment.clone(),
            apply: self.choice(piece, body, "apply", &APPLY),
            drift: self.choice(piece, body, "drift", &DRIFT),
            max_deletions: self.natural(piece, body, "max_deletions"),
            allow_destroy: self.addresses(piece, body, "allow_destroy"),
            allow_breaking: self.addresses(piece, body, "allow_breaking"),
            promotes_from: self.promotes_from(piece, body),
            verify: body
                .iter()
                .filter_map(Structure::as_block)
                .find(|block| block.has_ident("verify"))
                .map(|verify| Verification {
                    soak: self.duration(piece, &verify.body, "soak"),
                }),
        };
        Declared {
            environment,
            values,
        }
    }

    fn promotes_from(&mut self, piece: &Piece, body: &Body) -> Option<EnvironmentName> {
        let attribute = body.get_attribute("promotes_from")?;
        let text = self.text(piece, attribute)?;
        match text.parse() {
            Ok(name) => Some(name),
            Err(error) => {
                self.wrong(piece, attribute, &error);
                None
            }
        }
    }

    fn choice<T: Copy + Default>(
        &mut self,
        piece: &Piece,
        body: &Body,
        name: &str,
        choices: &[(&str, T)],
    ) -> T {
        let Some(attribute) = body.get_attribute(name) else {
            return T::default();
        };
        let Some(text) = self.text(piece, attribute) else {
            return T::default();
        };
        if let Some((_, value)) = choices.iter().find(|(name, _)| *name == &*text) {
            return *value;
        }
        let names: Vec<&str> = choices.iter().map(|(name, _)| *name).collect();
        self.diagnostics.push(
            Diagnostic::error("invalid-value", format!("{name} cannot be {text:?}"))
                .detail(format!("It is one of {}.", names.join(", ")))
                .at(span(piece, &attribute.value))
                .hint_opt(did_you_mean(&text, names.iter().copied())),
        );
        T::default()
    }

    fn natural(&mut self, piece: &Piece, body: &Body, name: &str) -> Option<u64> {
        let attribute = body.get_attribute(name)?;
        let value = self.value(piece, attribute, &Type::Number)?;
        let number = value
            .as_number()
            .and_then(crate::config::number::Number::to_u64);
        if number.is_none() {
            self.wrong(piece, attribute, &"it must be a whole number from 0 on");
        }
        number
    }

    fn duration(&mut self, piece: &Piece, body: &Body, name: &str) -> Option<Duration> {
        let attribute = body.get_attribute(name)?;
        let text = self.text(piece, attribute)?;
        match amount::duration(&text) {
            Ok(duration) => Some(duration),
            Err(error) => {
                self.wrong(piece, attribute, &error);
                None
            }
        }
    }

    fn addresses(&mut self, piece: &Piece, body: &Body, name: &str) -> Vec<Arc<str>> {
        let Some(attribute) = body.get_attribute(name) else {
            return Vec::new();
        };
        let list = Type::List(Box::new(Type::String));
        let Some(value) = self.value(piece, attribute, &list) else {
            return Vec::new();
        };
        let mut addresses = Vec::new();
        for element in value.as_elements().unwrap_or_default() {
            let text = element.as_str().unwrap_or_default();
            match text.parse::<AddressPattern>() {
                Ok(_) => addresses.push(text.into()),
                Err(error) => self.wrong(piece, attribute, &error.to_string()),
            }
        }
        addresses
    }

    fn text(&mut self, piece: &Piece, attribute: &Syntax) -> Option<Arc<str>> {
        if let Value::String(text) = self.value(piece, attribute, &Type::String)? {
            return Some(text);
        }
        self.wrong(piece, attribute, &"it must be a plain text");
        None
    }

    fn wrong(&mut self, piece: &Piece, attribute: &Syntax, detail: &dyn std::fmt::Display) {
        self.diagnostics.push(
            Diagnostic::error(
                "invalid-value",
                format!("Invalid value of {}", attribute.key.as_str()),
            )
            .detail(sentence(detail))
            .at(span(piece, &attribute.value)),
        );
    }

    /// Evaluates an attribute that may not refer to anything but `environment.name`.
    fn value(&mut self, piece: &Piece, attribute: &Syntax, wanted: &Type) -> Option<Value> {
        let mut refs = references(&attribute.value).into_iter();
        if let Some(other) = refs.find(|reference| &*reference.root != "environment") {
            self.diagnostics.push(
                Diagnostic::error("reference", format!("{} cannot be used here", other.root))
                    .detail("Settings are read before variables have values.")
                    .at(piece.span(other.range)),
            );
            return None;
        }
        let name = Value::string(self.environment.as_str());
        let variables =
            BTreeMap::from([(Arc::from("environment"), Value::object([("name", name)]))]);
        let scope = Scope::new(&variables, &piece.file, piece.text(self.sources)).at(piece.base);
        let value = self.diagnostics.take(evaluate(&attribute.value, &scope))?;
        match convert(value, wanted) {
            Ok(value) => Some(value),
            Err(error) => {
                self.wrong(piece, attribute, &error);
                None
            }
        }
    }

    /// Reads a block whose names are checked elsewhere.
    fn block(&mut self, piece: &Piece, block: &hcl_edit::structure::Block) -> Option<Block> {
        let mut attributes = Attributes::default();
        let mut blocks = Vec::new();
        let mut complete = true;
        for structure in &block.body {
            match structure {
                Structure::Attribute(attribute) => match self.value(piece, attribute, &Type::Any) {
                    Some(value) => {
                        let attribute_value = Attribute {
                            value,
                            key_span: span(piece, &attribute.key),
                            value_span: span(piece, &attribute.value),
                        };
                        attributes.insert(attribute.key.as_str().into(), attribute_value);
                    }
                    None => complete = false,
                },
                Structure::Block(inner) => match self.block(piece, inner) {
                    Some(inner) => blocks.push(inner),
                    None => complete = false,
                },
            }
        }
        complete.then(|| Block {
            keyword: block.ident.as_str().into(),
            labels: block
                .labels
                .iter()
                .map(|label| label.as_str().into())
                .collect(),
            attributes,
            blocks,
            files: Vec::new(),
            span: header_span(piece, block),
        })
    }
}

const APPLY: [(&str, ApplyPolicy); 3] = [
    ("auto", ApplyPolicy::Auto),
    ("approval", ApplyPolicy::Approval),
    ("manual", ApplyPolicy::Manual),
];

const DRIFT: [(&str, DriftPolicy); 3] = [
    ("revert", DriftPolicy::Revert),
    ("report", DriftPolicy::Report),
    ("ignore", DriftPolicy::Ignore),
];
