//! The function library: Terraform's functions under their own names, and ours. Pure.
//!
//! Each file holds a table of [`Function`]s. A function says with [`Want`] what it takes; marks,
//! unknown values and secrets are dealt with here, before it runs, so that none can forget them.

mod collection;
mod conversion;
mod datetime;
mod encoding;
mod filesystem;
mod format;
mod hash;
mod network;
mod numeric;
mod set;
mod string;
mod units;
mod yaml;

use std::collections::BTreeMap;
use std::sync::LazyLock;

use crate::diagnostic::{Diagnostic, Diagnostics, Span, sentence};

use super::convert::convert;
use super::eval::{Scope, secret_error};
use super::number::Number;
use super::value::{Type, Value};

/// What a parameter takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Want {
    /// Anything, just as it is: marked, unknown or null. The function deals with it.
    Raw,
    /// Anything. The function does not look into it, so it may hold unknown values and secrets.
    Value,
    /// A list, set or tuple whose elements the function does not look into.
    Sequence,
    /// A map or object whose values the function does not look into.
    Mapping,
    /// Anything that is known to its last element.
    Known,
    /// `bool`
    Bool,
    /// `number`
    Number,
    /// `string`
    String,
    /// `list(string)`
    Strings,
}

impl Want {
    /// The type that an argument is converted to.
    fn r#type(self) -> Type {
        match self {
            Self::Raw | Self::Value | Self::Known | Self::Sequence | Self::Mapping => Type::Any,
            Self::Bool => Type::Bool,
            Self::Number => Type::Number,
            Self::String => Type::String,
            Self::Strings => Type::list(Type::String),
        }
    }

    /// Whether the function does not look into the elements.
    fn is_opaque(self) -> bool {
        matches!(self, Self::Value | Self::Sequence | Self::Mapping)
    }
}

/// One parameter of a function.
#[derive(Debug, Clone, Copy)]
struct Parameter {
    name: &'static str,
    want: Want,
    nullable: bool,
}

impl Parameter {
    const fn new(name: &'static str, want: Want) -> Self {
        Self {
            name,
            want,
            nullable: false,
        }
    }

    /// Lets null through.
    const fn nullable(self) -> Self {
        Self {
            nullable: true,
            ..self
        }
    }
}

/// One function.
#[derive(Debug, Clone, Copy)]
pub(super) struct Function {
    /// Its name in HCL.
    pub(super) name: &'static str,
    parameters: &'static [Parameter],
    variadic: Option<Parameter>,
    returns: Want,
    run: fn(&Call<'_>) -> Result<Value, Failure>,
}

impl Function {
    const fn new(
        name: &'static str,
        parameters: &'static [Parameter],
        returns: Want,
        run: fn(&Call<'_>) -> Result<Value, Failure>,
    ) -> Self {
        Self {
            name,
            parameters,
            variadic: None,
            returns,
            run,
        }
    }

    /// Takes any number of further arguments.
    const fn and_more(self, variadic: Parameter) -> Self {
        Self {
            variadic: Some(variadic),
            ..self
        }
    }

    fn parameter(&self, index: usize) -> Option<&Parameter> {
        self.parameters.get(index).or(self.variadic.as_ref())
    }
}

/// The arguments of one call, converted to what the function wants.
struct Call<'a> {
    args: Vec<Value>,
    scope: &'a Scope<'a>,
}

impl Call<'_> {
    fn text(&self, index: usize) -> &str {
        self.args[index]
            .as_str()
            .expect("converted to the parameter's type, string")
    }

    fn number(&self, index: usize) -> &Number {
        self.args[index]
            .as_number()
            .expect("converted to the parameter's type, number")
    }

    /// Returns a number that counts something.
    fn count(&self, index: usize) -> Result<usize, Failure> {
        self.number(index).to_usize().ok_or_else(|| {
            Failure::argument(index, "a whole number that is not negative is required")
        })
    }

    /// Returns the texts of a `list(string)`.
    fn texts(&self, index: usize) -> Result<Vec<&str>, Failure> {
        let elements = self.args[index].as_elements().unwrap_or_default();
        elements
            .iter()
            .map(|e| {
                e.as_str()
                    .ok_or_else(|| Failure::argument(index, "an element is null"))
            })
            .collect()
    }
}

/// Why a function has no result.
#[derive(Debug)]
enum Failure {
    /// An argument is wrong.
    Argument(usize, String),
    /// The call as a whole is wrong.
    Call(String),
    /// Something that the function evaluated went wrong.
    Nested(Diagnostics),
}

impl Failure {
    fn argument(index: usize, message: impl Into<String>) -> Self {
        Self::Argument(index, message.into())
    }

    fn call(message: impl Into<String>) -> Self {
        Self::Call(message.into())
    }
}

/// All tables.
const TABLES: [&[Function]; 13] = [
    collection::TABLE,
    conversion::TABLE,
    datetime::TABLE,
    encoding::TABLE,
    filesystem::TABLE,
    format::TABLE,
    hash::TABLE,
    network::TABLE,
    numeric::TABLE,
    set::TABLE,
    string::TABLE,
    units::TABLE,
    yaml::TABLE,
];

static FUNCTIONS: LazyLock<BTreeMap<&'static str, &'static Function>> = LazyLock::new(|| {
    TABLES
        .into_iter()
        .flatten()
        .map(|function| (function.name, function))
        .collect()
});

/// Functions of Terraform that a plan cannot have, with what to use instead.
const IMPURE: [(&str, &str); 7] = [
    ("abspath", "use a path relative to the module"),
    (
        "bcrypt",
        "hash it outside and pass the hash in as a variable, or use sha256",
    ),
    ("pathexpand", "use a path relative to the module"),
    ("plantimestamp", "pass the time in as a variable"),
    (
        "rsadecrypt",
        "keep the text as a secret: secret(\"env:NAME\")",
    ),
    ("timestamp", "pass the time in as a variable"),
    (
        "uuid",
        "use uuidv5, which makes the same UUID of the same name",
    ),
];

/// Returns a function.
pub(super) fn find(name: &str) -> Option<&'static Function> {
    FUNCTIONS.get(name).copied()
}

/// Returns what to use instead of a function that is refused, because its result is not decided by
/// its arguments.
pub(super) fn instead_of(name: &str) -> Option<&'static str> {
    IMPURE
        .iter()
        .find(|(impure, _)| *impure == name)
        .map(|(_, instead)| *instead)
}

/// Returns the names of all functions of the table.
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    FUNCTIONS.keys().copied()
}

/// An argument and its place.
pub(super) struct Argument {
    /// The value as it was evaluated.
    pub(super) value: Value,
    /// The expression's place.
    pub(super) span: Option<Span>,
}

/// Calls a function: checks and converts the arguments, runs it, marks the result.
pub(super) fn run(
    function: &Function,
    arguments: Vec<Argument>,
    span: Option<Span>,
    scope: &Scope<'_>,
) -> Result<Value, Diagnostics> {
    check_count(function, arguments.len(), span.clone())?;
    let (mut known, mut sensitive) = (true, false);
    let mut args = Vec::with_capacity(arguments.len());
    let mut spans = Vec::with_capacity(arguments.len());
    for (index, argument) in arguments.into_iter().enumerate() {
        let parameter = function
            .parameter(index)
            .expect("the number of arguments was checked");
        spans.push(argument.span.clone());
        let prepared = prepare(function, parameter, argument)?;
        known &= prepared.known;
        sensitive |= prepared.sensitive;
        args.push(prepared.value);
    }
    if !known {
        return Ok(Value::Unknown(function.returns.r#type()).mark(sensitive));
    }
    match (function.run)(&Call { args, scope }) {
        Ok(value) => Ok(value.mark(sensitive)),
        Err(Failure::Nested(diagnostics)) => Err(diagnostics),
        Err(Failure::Argument(index, message)) => {
            let name = function
                .parameter(index)
                .map_or("", |parameter| parameter.name);
            let place = spans.get(index).cloned().flatten().or(span);
            Err(invalid_argument(function, name, &message, place).into())
        }
        Err(Failure::Call(message)) => Err(Diagnostic::error(
            "function-failed",
            format!("{}() failed", function.name),
        )
        .detail(sentence(&message))
        .at(span)
        .into()),
    }
}

fn check_count(function: &Function, given: usize, span: Option<Span>) -> Result<(), Diagnostics> {
    let wanted = function.parameters.len();
    if given == wanted || (given > wanted && function.variadic.is_some()) {
        return Ok(());
    }
    let names: Vec<_> = function
        .parameters
        .iter()
        .chain(&function.variadic)
        .map(|p| p.name)
        .collect();
    let dots = if function.variadic.is_some() {
        "…"
    } else {
        ""
    };
    let few = if given < wanted { "few" } else { "many" };
    Err(Diagnostic::error(
        "argument-count",
        format!("Too {few} arguments for {}()", function.name),
    )
    .detail(format!(
        "It is called as {}({}{dots}), and here are {given} arguments.",
        function.name,
        names.join(", ")
    ))
    .at(span)
    .into())
}

/// An argument as the function sees it.
struct Prepared {
    value: Value,
    known: bool,
    sensitive: bool,
}

fn prepare(
    function: &Function,
    parameter: &Parameter,
    argument: Argument,
) -> Result<Prepared, Diagnostics> {
    let Argument { value, span } = argument;
    let want = parameter.want;
    if want == Want::Raw {
        return Ok(Prepared {
            value,
            known: true,
            sensitive: false,
        });
    }
    let (value, sensitive) = if want.is_opaque() {
        value.unmark()
    } else {
        value.unmark_deep()
    };
    let refused = if want.is_opaque() {
        want != Want::Value && matches!(value, Value::Secret(_))
    } else {
        value.contains_secret()
    };
    if refused {
        return Err(secret_error(&format!("The function {}", function.name), span).into());
    }
    let invalid = |message: &str| invalid_argument(function, parameter.name, message, span.clone());
    if value.is_null() {
        if parameter.nullable {
            return Ok(Prepared {
                value,
                known: true,
                sensitive,
            });
        }
        return Err(invalid("it cannot be null").into());
    }
    let value = convert(value, &want.r#type()).map_err(|error| invalid(&error.to_string()))?;
    let fits = match (want, value.type_of()) {
        (Want::Sequence, r#type) => matches!(
            r#type,
            Type::List(_) | Type::Set(_) | Type::Tuple(_) | Type::Any
        ),
        (Want::Mapping, r#type) => matches!(r#type, Type::Map(_) | Type::Object(_) | Type::Any),
        _ => true,
    };
    if !fits {
        let noun = if want == Want::Sequence {
            "a list, set or tuple"
        } else {
            "a map or object"
        };
        return Err(invalid(&format!("{noun} is required")).into());
    }
    let known = if want.is_opaque() {
        value.is_known()
    } else {
        value.is_wholly_known()
    };
    Ok(Prepared {
        value,
        known,
        sensitive,
    })
}

fn invalid_argument(
    function: &Function,
    parameter: &str,
    message: &str,
    span: Option<Span>,
) -> Diagnostic {
    Diagnostic::error(
        "invalid-argument",
        format!("Invalid argument {parameter:?} of {}()", function.name),
    )
    .detail(sentence(&message))
    .at(span)
}

#[cfg(test)]
mod tests;
