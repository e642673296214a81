//! `module` blocks: the values of the module's variables, and its providers.

use std::collections::BTreeMap;

use hcl_edit::expr::{Expression, ObjectKey};
use hcl_edit::structure::{Attribute, Block, Body, Structure};

use crate::address::ProviderAddress;
use crate::config::load::expression::Expr;
use crate::config::load::index::{Header, Index, Syntax, header_span, place};
use crate::config::load::module::{Call, Item};
use crate::config::load::source::{Piece, span};
use crate::diagnostic::{Diagnostic, did_you_mean};

use super::schemas::CALL_META;
use super::{Declare, provider_address};

impl<'a> Declare<'_, 'a> {
    pub(super) fn call(
        &mut self,
        id: usize,
        header: &Header<'a>,
        block: &'a Block,
    ) -> Option<Item<'a>> {
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
                    .at(header_span(header.piece, inner)),
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
                ObjectKey::Ident(name) => name.as_str().parse().ok(),
                ObjectKey::Expression(expr) => provider_address(expr),
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
}
