//! The blocks of kinds: body, meta-arguments and `lifecycle`.

use hcl_edit::Span as _;
use hcl_edit::expr::{Expression, TraversalOperator};
use hcl_edit::structure::{Attribute, Block, Structure};

use crate::address::ProviderAddress;
use crate::config::load::body;
use crate::config::load::check::Checker;
use crate::config::load::expression::{Place, literal_key};
use crate::config::load::index::{Header, ItemKind};
use crate::config::load::module::{Lifecycle, Object};
use crate::config::load::source::{Piece, span};
use crate::config::schema::KindSchema;
use crate::diagnostic::{Diagnostic, did_you_mean};

use super::schemas::OBJECT_META;
use super::{Declare, provider_address};

impl<'a> Declare<'_, 'a> {
    pub(super) fn object(&mut self, header: &Header<'a>, block: &'a Block) -> Object<'a> {
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
                "allow_breaking" => {
                    lifecycle.allow_breaking = Some(self.expr(piece, &attribute.value, place));
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
                let key = literal_key(index).ok_or_else(invalid)?;
                path.push_str(&key.to_string());
            }
            _ => return Err(invalid()),
        }
    }
    Ok(path)
}
