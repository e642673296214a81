//! Functions of points in time, RFC 3339. None of them knows what time it is. Pure.

use jiff::civil::{Date, DateTime, Time};
use jiff::{SignedDuration, Timestamp, tz::Offset};

use crate::config::value::Value;

use super::{Call, Failure, Function, Parameter, Want};

const TIME: Parameter = Parameter::new("timestamp", Want::String);

pub(super) const TABLE: &[Function] = &[
    Function::new(
        "formatdate",
        &[Parameter::new("format", Want::String), TIME],
        Want::String,
        format_date,
    ),
    Function::new(
        "timeadd",
        &[TIME, Parameter::new("duration", Want::String)],
        Want::String,
        time_add,
    ),
    Function::new(
        "timecmp",
        &[
            Parameter::new("timestamp_a", Want::String),
            Parameter::new("timestamp_b", Want::String),
        ],
        Want::Number,
        |call| {
            let (a, b) = (
                Moment::of(call, 0)?.instant()?,
                Moment::of(call, 1)?.instant()?,
            );
            Ok(Value::from(match a.cmp(&b) {
                std::cmp::Ordering::Less => -1,
                std::cmp::Ordering::Equal => 0,
                std::cmp::Ordering::Greater => 1,
            }))
        },
    ),
];

/// A point in time with the offset that it was written with.
struct Moment {
    local: DateTime,
    offset: Offset,
}

impl Moment {
    fn of(call: &Call<'_>, index: usize) -> Result<Self, Failure> {
        parse(call.text(index)).ok_or_else(|| {
            Failure::argument(
                index,
                "a time as in RFC 3339 is required, such as \"2026-01-31T12:00:00Z\"",
            )
        })
    }

    fn instant(&self) -> Result<Timestamp, Failure> {
        self.offset
            .to_timestamp(self.local)
            .map_err(|_| Failure::call("the time is beyond the years that are supported"))
    }
}

/// Reads `2026-01-31T12:00:00.5+01:00`, strictly.
fn parse(text: &str) -> Option<Moment> {
    let bytes = text.as_bytes();
    if !text.is_ascii() || bytes.len() < 20 {
        return None;
    }
    let number = |from: usize, length: usize| -> Option<i32> {
        let digits = text.get(from..from + length)?;
        if digits.bytes().all(|b| b.is_ascii_digit()) {
            digits.parse().ok()
        } else {
            None
        }
    };
    let separators = [(4, b'-'), (7, b'-'), (10, b'T'), (13, b':'), (16, b':')];
    if separators
        .iter()
        .any(|(place, byte)| bytes[*place] != *byte)
    {
        return None;
    }
    let small = |from: usize| number(from, 2).and_then(|n| i8::try_from(n).ok());
    let date = Date::new(i16::try_from(number(0, 4)?).ok()?, small(5)?, small(8)?).ok()?;
    let mut rest = &text[19..];
    let mut nanoseconds = 0;
    if let Some(fraction) = rest.strip_prefix('.') {
        let length = fraction.bytes().take_while(u8::is_ascii_digit).count();
        let digits = &fraction[..length.min(9)];
        nanoseconds = format!("{digits:0<9}")
            .parse()
            .ok()
            .filter(|_| length > 0)?;
        rest = &fraction[length..];
    }
    let second = small(17).filter(|second| *second < 60)?;
    let time = Time::new(small(11)?, small(14)?, second, nanoseconds).ok()?;
    Some(Moment {
        local: date.to_datetime(time),
        offset: parse_offset(rest)?,
    })
}

fn parse_offset(text: &str) -> Option<Offset> {
    let (sign, digits) = match text.as_bytes() {
        [b'Z'] => return Some(Offset::UTC),
        [b'+', digits @ ..] => (1, digits),
        [b'-', digits @ ..] => (-1, digits),
        _ => return None,
    };
    let [h1, h2, b':', m1, m2] = digits else {
        return None;
    };
    let digit = |byte: &u8| byte.is_ascii_digit().then(|| i32::from(byte - b'0'));
    let (hours, minutes) = (digit(h1)? * 10 + digit(h2)?, digit(m1)? * 10 + digit(m2)?);
    if hours > 23 || minutes > 59 {
        return None;
    }
    Offset::from_seconds(sign * (hours * 3600 + minutes * 60)).ok()
}

fn time_add(call: &Call<'_>) -> Result<Value, Failure> {
    let moment = Moment::of(call, 0)?;
    let duration = duration(call.text(1)).ok_or_else(|| {
        Failure::argument(1, "a duration is required, such as \"1h30m\" or \"-5s\"")
    })?;
    let local = moment
        .local
        .checked_add(duration)
        .map_err(|_| Failure::call("the time is beyond the years that are supported"))?;
    let mut text = format!(
        "{}T{:02}:{:02}:{:02}",
        local.date(),
        local.hour(),
        local.minute(),
        local.second()
    );
    text.push_str(&offset_text(moment.offset, true, true));
    Ok(text.into())
}

/// Reads a duration as Go's `time.ParseDuration`: `1h30m`, `-1.5s`, `300ms`.
fn duration(text: &str) -> Option<SignedDuration> {
    let (negative, mut rest) = match text.as_bytes() {
        [b'-', ..] => (true, &text[1..]),
        [b'+', ..] => (false, &text[1..]),
        _ => (false, text),
    };
    if rest == "0" {
        return Some(SignedDuration::ZERO);
    }
    if rest.is_empty() {
        return None;
    }
    let mut total: i128 = 0;
    while !rest.is_empty() {
        let length = rest
            .bytes()
            .take_while(|b| b.is_ascii_digit() || *b == b'.')
            .count();
        let (number, after) = rest.split_at(length);
        let unit_length = after
            .bytes()
            .take_while(|b| !b.is_ascii_digit() && *b != b'.')
            .count();
        let (unit, after) = after.split_at(unit_length);
        let nanoseconds: i128 = match unit {
            "ns" => 1,
            "us" | "µs" | "μs" => 1_000,
            "ms" => 1_000_000,
            "s" => 1_000_000_000,
            "m" => 60_000_000_000,
            "h" => 3_600_000_000_000,
            _ => return None,
        };
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        if whole.is_empty() && fraction.is_empty() || fraction.len() > 15 {
            return None;
        }
        let parse = |digits: &str| {
            if digits.is_empty() {
                Some(0)
            } else {
                digits.parse::<i128>().ok()
            }
        };
        let scale = 10_i128.pow(u32::try_from(fraction.len()).ok()?);
        total = total
            .checked_add(parse(whole)?.checked_mul(nanoseconds)?)?
            .checked_add(parse(fraction)? * nanoseconds / scale)?;
        rest = after;
    }
    let total = i64::try_from(total).ok()?;
    Some(SignedDuration::from_nanos(if negative {
        -total
    } else {
        total
    }))
}

fn format_date(call: &Call<'_>) -> Result<Value, Failure> {
    let moment = Moment::of(call, 1)?;
    let mut text = String::new();
    let mut rest = call.text(0);
    while let Some(first) = rest.chars().next() {
        if first == '\'' {
            rest = quoted(&rest[1..], &mut text)
                .ok_or_else(|| Failure::argument(0, "a quoted text is not closed with '"))?;
            continue;
        }
        let length: usize = rest
            .chars()
            .take_while(|c| *c == first)
            .map(char::len_utf8)
            .sum();
        let (verb, after) = rest.split_at(length);
        if first.is_ascii_alphabetic() {
            let part = field(verb, &moment).ok_or_else(|| {
                Failure::argument(
                    0,
                    format!("{verb:?} is no part of a date; write a text in quotes: '{verb}'"),
                )
            })?;
            text.push_str(&part);
        } else {
            text.push_str(verb);
        }
        rest = after;
    }
    Ok(text.into())
}

/// Copies a quoted text, where `''` is one quote; returns what follows it.
fn quoted<'a>(mut rest: &'a str, text: &mut String) -> Option<&'a str> {
    loop {
        let end = rest.find('\'')?;
        text.push_str(&rest[..end]);
        rest = &rest[end + 1..];
        match rest.strip_prefix('\'') {
            Some(after) => {
                text.push('\'');
                rest = after;
            }
            None => return Some(rest),
        }
    }
}

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

const DAYS: [&str; 7] = [
    "Monday",
    "Tuesday",
    "Wednesday",
    "Thursday",
    "Friday",
    "Saturday",
    "Sunday",
];

/// The parts that Terraform's documentation of `formatdate` lists.
fn field(verb: &str, moment: &Moment) -> Option<String> {
    let local = moment.local;
    let month = MONTHS[usize::from(local.month().unsigned_abs()) - 1];
    let day = DAYS[usize::from(local.weekday().to_monday_zero_offset().unsigned_abs())];
    let hour12 = match local.hour() % 12 {
        0 => 12,
        hour => hour,
    };
    Some(match verb {
        "YYYY" => format!("{:04}", local.year()),
        "YY" => format!("{:02}", local.year() % 100),
        "MMMM" => month.to_owned(),
        "MMM" => month[..3].to_owned(),
        "MM" => format!("{:02}", local.month()),
        "M" => local.month().to_string(),
        "DD" => format!("{:02}", local.day()),
        "D" => local.day().to_string(),
        "EEEE" => day.to_owned(),
        "EEE" => day[..3].to_owned(),
        "hh" => format!("{:02}", local.hour()),
        "h" => local.hour().to_string(),
        "HH" => format!("{hour12:02}"),
        "H" => hour12.to_string(),
        "AA" => if local.hour() < 12 { "AM" } else { "PM" }.to_owned(),
        "aa" => if local.hour() < 12 { "am" } else { "pm" }.to_owned(),
        "mm" => format!("{:02}", local.minute()),
        "m" => local.minute().to_string(),
        "ss" => format!("{:02}", local.second()),
        "s" => local.second().to_string(),
        "ZZZZZ" => offset_text(moment.offset, false, true),
        "ZZZ" if moment.offset == Offset::UTC => "UTC".to_owned(),
        "ZZZZ" | "ZZZ" => offset_text(moment.offset, false, false),
        "Z" => offset_text(moment.offset, true, true),
        _ => return None,
    })
}

fn offset_text(offset: Offset, utc_is_z: bool, colon: bool) -> String {
    let seconds = offset.seconds();
    if seconds == 0 && utc_is_z {
        return "Z".to_owned();
    }
    let sign = if seconds < 0 { '-' } else { '+' };
    let minutes = seconds.unsigned_abs() / 60;
    let separator = if colon { ":" } else { "" };
    format!("{sign}{:02}{separator}{:02}", minutes / 60, minutes % 60)
}
