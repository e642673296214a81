//! Type constraints: the expressions of `type = …`. Pure.

use std::collections::BTreeMap;
use std::sync::Arc;

use hcl_edit::expr::{Expression, FuncCall, Object, ObjectKey};

use crate::diagnostic::{Diagnostic, Diagnostics, Span, did_you_mean};

use super::convert::convert;
use super::eval::{Scope, evaluate, span_of};
use super::value::{ObjectAttribute, Type};

const NAMES: [&str; 10] = [
    "any", "bool", "list", "map", "number", "object", "optional", "set", "string", "tuple",
];

/// Reads a type constraint: `string`, `list(object({ a = string, b = optional(number, 3) }))`.
///
/// The scope is for the defaults of `optional`; it should hold no variables.
pub fn parse_type(expr: &Expression, scope: &Scope<'_>) -> Result<Type, Diagnostics> {
    match expr {
        Expression::Parenthesis(inner) => parse_type(inner.inner(), scope),
        Expression::Variable(name) => parse_keyword(name.as_str(), expr, scope),
        Expression::FuncCall(call) => parse_call(call, expr, scope),
        Expression::String(text) => Err(invalid(expr, scope, "A type is written without quotes")
            .hint(format!(
                "write {} instead of {:?}",
                text.value(),
                text.value()
            ))
            .into()),
        _ => Err(invalid(
            expr,
            scope,
            "A type is a name such as string, or a call such as list(string)",
        )
        .into()),
    }
}

fn invalid(expr: &Expression, scope: &Scope<'_>, detail: impl Into<String>) -> Diagnostic {
    Diagnostic::error("invalid-type", "Invalid type constraint")
        .detail(detail)
        .at(span_of(expr, scope))
}

fn parse_keyword(name: &str, expr: &Expression, scope: &Scope<'_>) -> Result<Type, Diagnostics> {
    match name {
        "any" => Ok(Type::Any),
        "bool" => Ok(Type::Bool),
        "number" => Ok(Type::Number),
        "string" => Ok(Type::String),
        "list" | "set" | "map" => Err(invalid(expr, scope, "The type of the elements is missing")
            .hint(format!("write {name}(any) or, better, {name}(string)"))
            .into()),
        "object" => Err(invalid(
            expr,
            scope,
            "The attributes are missing: object({ name = string })",
        )
        .into()),
        "tuple" => Err(invalid(
            expr,
            scope,
            "The elements are missing: tuple([string, number])",
        )
        .into()),
        _ => Err(unknown_type(name, expr, scope).into()),
    }
}

fn unknown_type(name: &str, expr: &Expression, scope: &Scope<'_>) -> Diagnostic {
    invalid(expr, scope, format!("There is no type {name:?}"))
        .hint_opt(did_you_mean(name, NAMES).or_else(|| {
            Some("the types are string, number, bool, any, list(T), set(T), map(T), object({…}) and tuple([…])".into())
        }))
}

fn parse_call(call: &FuncCall, expr: &Expression, scope: &Scope<'_>) -> Result<Type, Diagnostics> {
    let name = call.name.name.as_str();
    if !NAMES.contains(&name) || call.name.is_namespaced() {
        return Err(unknown_type(name, expr, scope).into());
    }
    let args: Vec<&Expression> = call.args.iter().collect();
    let [argument] = args.as_slice() else {
        let detail = format!("{name}(…) takes one argument");
        return Err(invalid(expr, scope, detail).into());
    };
    match name {
        "list" => Ok(Type::list(parse_type(argument, scope)?)),
        "set" => Ok(Type::set(parse_type(argument, scope)?)),
        "map" => Ok(Type::map(parse_type(argument, scope)?)),
        "tuple" => {
            let Expression::Array(elements) = argument else {
                return Err(invalid(
                    argument,
                    scope,
                    "A tuple's elements stand in brackets: tuple([string])",
                )
                .into());
            };
            collect(elements.iter().map(|element| parse_type(element, scope))).map(Type::Tuple)
        }
        "object" => {
            let Expression::Object(attributes) = argument else {
                return Err(invalid(
                    argument,
                    scope,
                    "An object's attributes stand in braces: object({ name = string })",
                )
                .into());
            };
            parse_attributes(attributes, scope)
        }
        "optional" => Err(invalid(
            expr,
            scope,
            "optional(…) stands only for an object's attribute",
        )
        .into()),
        _ => Err(invalid(expr, scope, format!("{name} takes no argument")).into()),
    }
}

fn collect<T>(
    results: impl Iterator<Item = Result<T, Diagnostics>>,
) -> Result<Vec<T>, Diagnostics> {
    let mut diagnostics = Diagnostics::new();
    let values = results
        .filter_map(|result| diagnostics.take(result))
        .collect();
    if diagnostics.has_errors() {
        Err(diagnostics)
    } else {
        Ok(values)
    }
}

fn parse_attributes(attributes: &Object, scope: &Scope<'_>) -> Result<Type, Diagnostics> {
    let attributes = collect(attributes.iter().map(|(key, value)| {
        let name: Arc<str> = match key {
            ObjectKey::Ident(name) => name.as_str().into(),
            ObjectKey::Expression(Expression::String(name)) => name.value().as_str().into(),
            ObjectKey::Expression(other) => {
                return Err(invalid(other, scope, "An attribute's name is a plain name").into());
            }
        };
        Ok((name, parse_attribute(value.expr(), scope)?))
    }))?;
    Ok(Type::Object(BTreeMap::from_iter(attributes)))
}

fn parse_attribute(expr: &Expression, scope: &Scope<'_>) -> Result<ObjectAttribute, Diagnostics> {
    let Expression::FuncCall(call) = expr else {
        return Ok(ObjectAttribute::required(parse_type(expr, scope)?));
    };
    if call.name.name.as_str() != "optional" || call.name.is_namespaced() {
        return Ok(ObjectAttribute::required(parse_type(expr, scope)?));
    }
    let args: Vec<&Expression> = call.args.iter().collect();
    let (r#type, default) = match args.as_slice() {
        [r#type] => (r#type, None),
        [r#type, default] => (r#type, Some(default)),
        _ => {
            return Err(invalid(
                expr,
                scope,
                "optional(…) takes a type and, if wanted, a default",
            )
            .into());
        }
    };
    let r#type = parse_type(r#type, scope)?;
    let default = default
        .map(|default| {
            convert(evaluate(default, scope)?, &r#type).map_err(|error| {
                let span: Option<Span> = span_of(default, scope);
                Diagnostics::from(
                    Diagnostic::error(
                        "invalid-default",
                        "The default has not the attribute's type",
                    )
                    .detail(error.to_string())
                    .at(span),
                )
            })
        })
        .transpose()?;
    Ok(ObjectAttribute {
        r#type,
        optional: true,
        default,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::value::Value;

    fn parse(text: &str) -> Result<Type, Diagnostics> {
        let expr: Expression = text.parse().expect("HCL");
        parse_type(&expr, &Scope::bare())
    }

    fn failure(text: &str) -> String {
        parse(text).expect_err("not a type").render()
    }

    #[test]
    fn types_round_trip() {
        for text in [
            "string",
            "any",
            "list(number)",
            "set(map(bool))",
            "tuple([string, any])",
            "object({a = string, b = optional(list(object({c = any})))})",
        ] {
            assert_eq!(parse(text).expect("a type").to_string(), text);
        }
    }

    #[test]
    fn defaults_are_converted() {
        let Type::Object(attributes) =
            parse("object({ a = optional(string, 3) })").expect("a type")
        else {
            unreachable!("object(…) is an object");
        };
        assert_eq!(attributes["a"].default, Some(Value::from("3")));
    }

    #[test]
    fn mistakes_are_explained() {
        insta::assert_snapshot!(failure("strnig"), @r#"
        Error: Invalid type constraint
          There is no type "strnig"
          hint: did you mean "string"?
        "#);
        insta::assert_snapshot!(failure("\"string\""), @r#"
        Error: Invalid type constraint
          A type is written without quotes
          hint: write string instead of "string"
        "#);
        insta::assert_snapshot!(failure("list"), @r"
        Error: Invalid type constraint
          The type of the elements is missing
          hint: write list(any) or, better, list(string)
        ");
        insta::assert_snapshot!(failure("object({ a = optional(number, \"x\") })"), @r"
        Error: The default has not the attribute's type
          a number is required
        ");
        assert!(failure("optional(string)").contains("only for an object's attribute"));
        assert!(failure("list(string, number)").contains("one argument"));
    }
}
