//! The `healthy` block: what it takes for an object to count as healthy. Takes an evaluated block. Pure.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::config::amount;
use crate::config::block::{Attribute, Block};
use crate::config::schema::{AttributeSchema, BlockSchema, NestedBlockSchema};
use crate::config::value::Value;
use crate::diagnostic::{Diagnostic, Diagnostics};

const CHECKPOINTS: AttributeSchema = AttributeSchema::optional(
    "checkpoints",
    "How many checkpoints must have completed since the start.",
);
const MAX_LAG: AttributeSchema = AttributeSchema::optional(
    "max_lag",
    "How many records it may be behind the end of what it reads, unless it is catching up.",
);
const WITHIN: AttributeSchema = AttributeSchema::optional(
    "within",
    "How long after a change it may take to become healthy, as \"5m\"; `apply --wait` waits so long.",
);

const COMMIT_INTERVAL: AttributeSchema = AttributeSchema::optional(
    "commit_interval",
    "How often it commits what it has read, as \"1h\" for a sink that commits with its files; 1m where it is not set.",
);

/// The block for a kind that completes checkpoints.
pub const WITH_CHECKPOINTS: NestedBlockSchema = block(&[CHECKPOINTS, MAX_LAG, WITHIN]);

/// The block for a kind that reads topics.
pub const WITH_LAG: NestedBlockSchema = block(&[MAX_LAG, WITHIN, COMMIT_INTERVAL]);

const fn block(attributes: &'static [AttributeSchema]) -> NestedBlockSchema {
    NestedBlockSchema::once("healthy", BlockSchema::flat(attributes))
}

/// What it takes to be healthy, beyond what the kind demands anyway.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Healthy {
    /// How many checkpoints must have completed since the start.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checkpoints: Option<u64>,
    /// How many records it may be behind.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_lag: Option<u64>,
    /// How long after a change it may take, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub within_ms: Option<u64>,
    /// How often it commits what it has read, in milliseconds; as the kind expects where it is not set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit_interval_ms: Option<u64>,
}

/// After so many intervals without a commit somebody does not commit any more.
const MISSED: u32 = 3;

impl Healthy {
    /// Reads the `healthy` block inside of a kind's block; `None` where there is none. Notes every problem.
    pub fn decode(around: &Block, found: &mut Diagnostics) -> Option<Self> {
        let block = around.nested("healthy")?;
        Some(Self {
            checkpoints: whole_number(block, "checkpoints", found),
            max_lag: whole_number(block, "max_lag", found),
            within_ms: duration(block, "within", found),
            commit_interval_ms: duration(block, "commit_interval", found),
        })
    }

    /// Returns how long it may commit nothing while it is behind; `expected` is the interval of its kind.
    pub fn patience(&self, expected: Duration) -> Duration {
        let interval = self.commit_interval_ms.map(Duration::from_millis);
        interval.unwrap_or(expected) * MISSED
    }

    /// Returns how long looks are to be remembered at least, so that what it commits seldom can be judged.
    pub fn memory(&self) -> Duration {
        self.patience(Duration::ZERO) * 2
    }

    /// Returns how long after a change it may take.
    pub fn within(&self) -> Option<Duration> {
        self.within_ms.map(Duration::from_millis)
    }
}

/// Reads an attribute that is a whole number, such as `max_lag`; `None` for null and where there is none.
pub fn whole_number(block: &Block, name: &str, found: &mut Diagnostics) -> Option<u64> {
    let attribute = block.attributes.get(name)?;
    let number = match &attribute.value {
        Value::Null => return None,
        Value::Number(number) => number.to_u64(),
        Value::String(text) => text.parse().ok(),
        _ => None,
    };
    if number.is_none() {
        found.push(wrong(name, "a whole number, not negative", attribute));
    }
    number
}

/// Reads an attribute that is a duration of more than nothing, such as `within`, in milliseconds; `None` for null and
/// where there is none.
pub fn duration(block: &Block, name: &str, found: &mut Diagnostics) -> Option<u64> {
    let attribute = block.attributes.get(name)?;
    let wanted = "a duration such as \"5m\"";
    let Value::String(text) = &attribute.value else {
        if attribute.value != Value::Null {
            found.push(wrong(name, wanted, attribute));
        }
        return None;
    };
    match amount::milliseconds(text) {
        Ok(milliseconds) if milliseconds > 0 => Some(milliseconds.unsigned_abs()),
        Ok(_) => {
            found.push(wrong(name, wanted, attribute).detail("It is no time at all."));
            None
        }
        Err(error) => {
            found.push(wrong(name, wanted, attribute).detail(format!("{:?}: {error}.", &**text)));
            None
        }
    }
}

fn wrong(name: &str, wanted: &str, attribute: &Attribute) -> Diagnostic {
    Diagnostic::error("invalid-value", format!("{name} must be {wanted}"))
        .at(attribute.value_span.clone())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use crate::config::number::Number;
    use crate::diagnostic::Span;

    use super::*;

    fn decode(attributes: &[(&str, Value)]) -> Result<Option<Healthy>, String> {
        let span = Span::new("main.hcl", 0..1);
        let block = |keyword: &str, attributes, blocks| Block {
            keyword: keyword.into(),
            labels: Vec::new(),
            attributes,
            blocks,
            files: Vec::default(),
            span: span.clone(),
        };
        let attributes = attributes.iter().map(|(name, value)| {
            let attribute = Attribute {
                value: value.clone(),
                key_span: span.clone(),
                value_span: span.clone(),
            };
            (Arc::from(*name), attribute)
        });
        let healthy = block("healthy", attributes.collect(), Vec::new());
        let around = block("job", std::iter::empty().collect(), vec![healthy]);
        let mut found = Diagnostics::new();
        let healthy = Healthy::decode(&around, &mut found);
        if found.has_errors() {
            Err(found.render())
        } else {
            Ok(healthy)
        }
    }

    #[test]
    fn what_it_takes_is_read() {
        let read = decode(&[
            ("checkpoints", Value::Number(Number::from(2_i64))),
            ("max_lag", Value::String("10000".into())),
            ("within", Value::String("1m30s".into())),
            ("commit_interval", Value::String("1h".into())),
        ]);
        let expected = Healthy {
            checkpoints: Some(2),
            max_lag: Some(10_000),
            within_ms: Some(90_000),
            commit_interval_ms: Some(3_600_000),
        };
        assert_eq!(read, Ok(Some(expected)));
        assert_eq!(
            decode(&[("within", Value::Null)]),
            Ok(Some(Healthy::default()))
        );
    }

    #[test]
    fn what_is_no_amount_is_refused() {
        let wrong = decode(&[
            ("checkpoints", Value::Bool(true)),
            ("max_lag", Value::Number(Number::from(-1_i64))),
            ("within", Value::String("soon".into())),
        ]);
        insta::assert_snapshot!(wrong.expect_err("nothing of it can be used"), @r#"
        Error: checkpoints must be a whole number, not negative
          --> main.hcl

        Error: max_lag must be a whole number, not negative
          --> main.hcl

        Error: within must be a duration such as "5m"
          --> main.hcl
          "soon": a duration is required, such as "7d" or "1h30m".
        "#);
        assert!(decode(&[("within", Value::String("0s".into()))]).is_err());
    }
}
