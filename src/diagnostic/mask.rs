//! Hides what looks like a password in a line of source before it is shown. Pure.

use std::borrow::Cow;
use std::sync::LazyLock;

use regex::{Captures, Regex};

/// A setting whose name says that its value is a secret, and the text that is written there.
static WRITTEN: LazyLock<Regex> = LazyLock::new(|| {
    let name =
        "password|passwd|passphrase|secret|token|credential|jaas|user_info|api_?key|private_?key";
    Regex::new(&format!(
        r#"(?i)(["\w.-]*(?:{name})["\w.-]*\s*[=:]\s*")((?:[^"\\]|\\.)*)"#
    ))
    .expect("the expression is right")
});

/// Returns a line with stars in the place of secrets, one for each character so that marks below it still fit. A
/// reference, `"${var.password}"`, and the call `secret("env:…")` stay: they show nothing.
pub(super) fn masked(line: &str) -> Cow<'_, str> {
    WRITTEN.replace_all(line, |found: &Captures<'_>| {
        let (setting, text) = (&found[1], &found[2]);
        if text.starts_with("${") && text.ends_with('}') {
            return found[0].to_owned();
        }
        format!("{setting}{}", "*".repeat(text.chars().count()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_as_a_secret_is_hidden() {
        for (line, shown) in [
            (r#"  password = "hunter2""#, r#"  password = "*******""#),
            (
                r#""connection.password" = "é\"x" # a"#,
                r#""connection.password" = "****" # a"#,
            ),
            (
                r#"{ apiKey: "k", name: "n" }"#,
                r#"{ apiKey: "*", name: "n" }"#,
            ),
            (
                r#"basic_auth_user_info = "a:b"#,
                r#"basic_auth_user_info = "***"#,
            ),
            (r#"sasl_jaas_config="x y;""#, r#"sasl_jaas_config="****""#),
        ] {
            assert_eq!(masked(line), shown);
            assert_eq!(line.chars().count(), shown.chars().count());
        }
    }

    #[test]
    fn what_shows_nothing_stays() {
        for line in [
            r#"password = secret("env:PASSWORD")"#,
            r#"password = "${var.password}""#,
            "token = var.token",
            r#"name = "password""#,
            r#"topic "secrets" {"#,
        ] {
            assert_eq!(masked(line), line);
        }
    }
}
