//! Version constraints such as `>= 0.1, < 2` and `~> 1.4`, as Terraform's `required_version`. Pure.

use std::fmt;

/// A version's numbers; those that the text leaves out are zero.
type Version = [u64; 3];

/// One part of a constraint: an operator and a version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Part {
    operator: Operator,
    version: Version,
    /// How many numbers the text gave: `~> 1.4` allows 1.5, `~> 1.4.0` does not.
    given: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Operator {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    Pessimistic,
}

/// A list of conditions that a version meets all together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Constraint(Vec<Part>);

/// The part of a constraint that is not one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct InvalidConstraint(String);

impl fmt::Display for InvalidConstraint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} is not a condition such as \">= 0.1\"", self.0)
    }
}

impl Constraint {
    /// Reads conditions that are separated by commas.
    pub(super) fn parse(text: &str) -> Result<Self, InvalidConstraint> {
        text.split(',')
            .map(|part| {
                parse_part(part.trim()).ok_or_else(|| InvalidConstraint(part.trim().into()))
            })
            .collect::<Result<_, _>>()
            .map(Self)
    }

    /// Whether a version meets all conditions; a version that cannot be read meets none.
    pub(super) fn allows(&self, version: &str) -> bool {
        let Some((version, _)) = parse_version(version) else {
            return false;
        };
        self.0.iter().all(|part| part.allows(version))
    }
}

impl Part {
    fn allows(&self, version: Version) -> bool {
        match self.operator {
            Operator::Equal => version == self.version,
            Operator::NotEqual => version != self.version,
            Operator::Less => version < self.version,
            Operator::LessOrEqual => version <= self.version,
            Operator::Greater => version > self.version,
            Operator::GreaterOrEqual => version >= self.version,
            // All numbers but the last given one stay as they are.
            Operator::Pessimistic => {
                let fixed = self.given.saturating_sub(1).max(1);
                version >= self.version && version[..fixed] == self.version[..fixed]
            }
        }
    }
}

fn parse_part(text: &str) -> Option<Part> {
    const OPERATORS: [(&str, Operator); 7] = [
        (">=", Operator::GreaterOrEqual),
        ("<=", Operator::LessOrEqual),
        ("!=", Operator::NotEqual),
        ("~>", Operator::Pessimistic),
        (">", Operator::Greater),
        ("<", Operator::Less),
        ("=", Operator::Equal),
    ];
    let (operator, rest) = OPERATORS
        .iter()
        .find_map(|(sign, operator)| Some((*operator, text.strip_prefix(sign)?)))
        .unwrap_or((Operator::Equal, text));
    let (version, given) = parse_version(rest.trim())?;
    Some(Part {
        operator,
        version,
        given,
    })
}

/// Reads up to three numbers; what follows `-` or `+` (a pre-release, a build) does not count.
fn parse_version(text: &str) -> Option<(Version, usize)> {
    let numbers = text.split(['-', '+']).next()?;
    let mut version = [0; 3];
    let mut given = 0;
    for number in numbers.split('.') {
        *version.get_mut(given)? = number.parse().ok()?;
        given += 1;
    }
    Some((version, given))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conditions_hold_together() {
        for (constraint, version, expected) in [
            (">= 0.1, < 2", "0.1.0", true),
            (">= 0.1, < 2", "2.0.0", false),
            ("0.1", "0.1.0", true),
            ("= 0.1.1", "0.1.0", false),
            ("!= 0.1.0", "0.1.0", false),
            ("~> 1.4", "1.9.0", true),
            ("~> 1.4", "2.0.0", false),
            ("~> 1.4.2", "1.4.9", true),
            ("~> 1.4.2", "1.5.0", false),
            ("~> 1", "1.5.0", true),
            ("> 0.1", "0.1.1-dev", true),
            ("<= 0.1", "0.1.1", false),
        ] {
            let parsed = Constraint::parse(constraint).expect("valid");
            assert_eq!(parsed.allows(version), expected, "{constraint} {version}");
        }
    }

    #[test]
    fn other_texts_are_refused() {
        for text in ["", ">=", "1.2.3.4", "latest", ">= 0.1,", "1..2", "=> 1"] {
            assert!(Constraint::parse(text).is_err(), "{text}");
        }
    }
}
