//! `format` and `formatlist`: the verbs of Go's `fmt` that Terraform has. Pure.

use crate::config::convert::convert;
use crate::config::number::Number;
use crate::config::value::{Type, Value};

use unicode_segmentation::UnicodeSegmentation as _;

use super::collection::elements;
use super::encoding::json_text;
use super::{Call, Failure, Function, Parameter, Want};

const FORMAT: &[Parameter] = &[Parameter::new("format", Want::String)];
const ARGS: Parameter = Parameter::new("args", Want::Known).nullable();

/// The largest width and precision.
const WIDEST: usize = 65_536;

pub(super) const TABLE: &[Function] = &[
    Function::new("format", FORMAT, Want::String, |call| {
        Ok(render(call.text(0), &call.args[1..])?.into())
    })
    .and_more(ARGS),
    Function::new("formatlist", FORMAT, Want::Strings, format_list).and_more(ARGS),
];

/// Formats once for each element; what is no list is the same each time.
fn format_list(call: &Call<'_>) -> Result<Value, Failure> {
    let is_list = |value: &Value| matches!(value, Value::List(_) | Value::Tuple(_) | Value::Set(_));
    let columns: Vec<Option<Vec<Value>>> = call.args[1..]
        .iter()
        .map(|value| is_list(value).then(|| elements(value)))
        .collect();
    let mut length = None;
    for (index, column) in columns.iter().enumerate() {
        let Some(column) = column else { continue };
        match length {
            None => length = Some(column.len()),
            Some(length) if length != column.len() => {
                let message = format!(
                    "it has {} elements, and the list before it {length}",
                    column.len()
                );
                return Err(Failure::argument(index + 1, message));
            }
            Some(_) => {}
        }
    }
    let lines = (0..length.unwrap_or(1)).map(|line| {
        let args: Vec<Value> = columns
            .iter()
            .zip(&call.args[1..])
            .map(|(column, value)| {
                column
                    .as_ref()
                    .map_or_else(|| value.clone(), |column| column[line].clone())
            })
            .collect();
        render(call.text(0), &args).map(Value::from)
    });
    Ok(Value::list(lines.collect::<Result<_, _>>()?))
}

/// One `%…` of a format.
#[expect(
    clippy::struct_excessive_bools,
    reason = "one for each flag that may stand there"
)]
#[derive(Debug, Default)]
struct Verb {
    plus: bool,
    minus: bool,
    space: bool,
    zero: bool,
    sharp: bool,
    width: usize,
    precision: Option<usize>,
    /// The argument, from 0, where it is named: `%[1]s`.
    argument: Option<usize>,
    letter: char,
}

fn render(format: &str, args: &[Value]) -> Result<String, Failure> {
    let mut text = String::new();
    let mut rest = format;
    let (mut next, mut used, mut named) = (0, 0, false);
    while let Some(percent) = rest.find('%') {
        text.push_str(&rest[..percent]);
        let (verb, after) = parse(&rest[percent + 1..]).ok_or_else(|| {
            Failure::argument(0, format!("a verb is not complete: {:?}", &rest[percent..]))
        })?;
        rest = after;
        if verb.letter == '%' {
            text.push('%');
            continue;
        }
        named |= verb.argument.is_some();
        let index = verb.argument.unwrap_or(next);
        next = index + 1;
        used = used.max(next);
        let value = args.get(index).ok_or_else(|| {
            Failure::argument(
                0,
                format!(
                    "%{} needs argument {}, and there are {}",
                    verb.letter,
                    index + 1,
                    args.len()
                ),
            )
        })?;
        let part = verb.apply(value, index + 1)?;
        text.push_str(&part);
    }
    text.push_str(rest);
    if used < args.len() && !named {
        return Err(Failure::argument(
            used + 1,
            format!("the format uses {used} arguments only"),
        ));
    }
    Ok(text)
}

fn parse(text: &str) -> Option<(Verb, &str)> {
    let mut verb = Verb::default();
    let mut rest = text;
    loop {
        match rest.chars().next()? {
            '+' => verb.plus = true,
            '-' => verb.minus = true,
            ' ' => verb.space = true,
            '0' => verb.zero = true,
            '#' => verb.sharp = true,
            _ => break,
        }
        rest = &rest[1..];
    }
    (verb.width, rest) = digits(rest)?;
    if let Some(after) = rest.strip_prefix('.') {
        let (precision, after) = digits(after)?;
        verb.precision = Some(precision);
        rest = after;
    }
    if let Some(after) = rest.strip_prefix('[') {
        let (argument, after) = digits(after)?;
        verb.argument = Some(argument.checked_sub(1)?);
        rest = after.strip_prefix(']')?;
    }
    verb.letter = rest.chars().next()?;
    let after = &rest[verb.letter.len_utf8()..];
    Some((verb, after))
}

/// Reads a number; none is 0.
fn digits(text: &str) -> Option<(usize, &str)> {
    let length = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, rest) = text.split_at(length);
    let number = if number.is_empty() {
        0
    } else {
        number.parse().ok().filter(|n| *n <= WIDEST)?
    };
    Some((number, rest))
}

impl Verb {
    fn apply(&self, value: &Value, index: usize) -> Result<String, Failure> {
        let wrong =
            |message: &str| Failure::argument(index, format!("%{}: {message}", self.letter));
        let to = |r#type: &Type| {
            if value.is_null() {
                return Err(wrong("it is null"));
            }
            convert(value.clone(), r#type).map_err(|error| wrong(&error.to_string()))
        };
        Ok(match self.letter {
            'v' => self.pad(self.value(value), false),
            't' => self.pad(
                to(&Type::Bool)?.as_bool().unwrap_or_default().to_string(),
                false,
            ),
            's' => self.pad(
                self.cut(to(&Type::String)?.as_str().unwrap_or_default()),
                false,
            ),
            'q' => {
                let text = to(&Type::String)?;
                self.pad(
                    json_text(&self.cut(text.as_str().unwrap_or_default())),
                    false,
                )
            }
            'b' | 'd' | 'o' | 'x' | 'X' | 'e' | 'E' | 'f' | 'F' | 'g' | 'G' => {
                let Value::Number(number) = to(&Type::Number)? else {
                    return Err(wrong("a number is required"));
                };
                self.number(&number)
                    .ok_or_else(|| wrong("a whole number is required"))?
            }
            _ => {
                return Err(Failure::argument(
                    0,
                    format!("there is no verb %{}", self.letter),
                ));
            }
        })
    }

    /// `%v`: primitive values as they are, others as JSON; `%#v`: all as JSON.
    fn value(&self, value: &Value) -> String {
        match value {
            Value::String(text) if !self.sharp => self.cut(text),
            value => json_text_of(value),
        }
    }

    fn cut(&self, text: &str) -> String {
        match self.precision {
            Some(precision) => text.graphemes(true).take(precision).collect(),
            None => text.to_owned(),
        }
    }

    fn number(&self, number: &Number) -> Option<String> {
        let magnitude = number.abs();
        let digits = match self.letter {
            'b' | 'd' | 'o' | 'x' | 'X' => {
                let integer = magnitude.to_bigint()?;
                match self.letter {
                    'b' => integer.to_str_radix(2),
                    'o' => integer.to_str_radix(8),
                    'x' => integer.to_str_radix(16),
                    'X' => integer.to_str_radix(16).to_uppercase(),
                    _ => integer.to_string(),
                }
            }
            'f' | 'F' => fixed(&magnitude, self.precision.unwrap_or(6)),
            letter => scientific(&magnitude, letter, self.precision),
        };
        let sign = if number.is_negative() {
            "-"
        } else if self.plus {
            "+"
        } else if self.space {
            " "
        } else {
            ""
        };
        if self.zero && !self.minus {
            let zeros = self.width.saturating_sub(digits.len() + sign.len());
            return Some(format!("{sign}{}{digits}", "0".repeat(zeros)));
        }
        Some(self.pad(format!("{sign}{digits}"), true))
    }

    fn pad(&self, text: String, is_number: bool) -> String {
        let missing = self.width.saturating_sub(text.graphemes(true).count());
        if missing == 0 {
            return text;
        }
        if self.minus {
            return text + &" ".repeat(missing);
        }
        let fill = if self.zero && !is_number { "0" } else { " " };
        fill.repeat(missing) + &text
    }
}

fn json_text_of(value: &Value) -> String {
    let mut json = String::new();
    super::encoding::write_json(value, &mut json);
    json
}

fn fixed(number: &Number, precision: usize) -> String {
    let scale = i64::try_from(precision).unwrap_or(0);
    let rounded = number
        .to_decimal()
        .with_scale_round(scale, bigdecimal::RoundingMode::HalfEven);
    rounded.to_plain_string()
}

/// `%e` and `%g`: Go writes at least two digits of the exponent, and `%g` switches to it below 1e-4
/// and from 1e21 on, or from the precision on where one is given.
fn scientific(number: &Number, letter: char, precision: Option<usize>) -> String {
    let float = number.to_f64();
    let capital = letter.is_ascii_uppercase();
    let exponent_form = |digits: Option<usize>| {
        let text = match digits {
            Some(digits) => format!("{float:.digits$e}"),
            None => format!("{float:e}"),
        };
        let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
        let (sign, exponent) = exponent
            .strip_prefix('-')
            .map_or(('+', exponent), |e| ('-', e));
        let e = if capital { 'E' } else { 'e' };
        format!("{mantissa}{e}{sign}{exponent:0>2}")
    };
    if matches!(letter, 'e' | 'E') {
        return exponent_form(Some(precision.unwrap_or(6)));
    }
    let significant = precision.map(|precision| precision.max(1));
    let rounded = match significant {
        Some(digits) => format!("{float:.*e}", digits - 1),
        None => format!("{float:e}"),
    };
    let (mantissa, exponent) = rounded.split_once('e').unwrap_or((&rounded, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let limit = significant.map_or(21, |digits| i32::try_from(digits).unwrap_or(i32::MAX));
    if exponent < -4 || exponent >= limit {
        let digits = mantissa
            .trim_end_matches('0')
            .trim_end_matches('.')
            .len()
            .saturating_sub(2);
        return exponent_form(Some(digits));
    }
    match significant {
        None => number.to_string(),
        Some(digits) => {
            let places = i32::try_from(digits).unwrap_or(i32::MAX) - 1 - exponent;
            let text = fixed(number, usize::try_from(places).unwrap_or(0));
            if text.contains('.') {
                text.trim_end_matches('0').trim_end_matches('.').to_owned()
            } else {
                text
            }
        }
    }
}
