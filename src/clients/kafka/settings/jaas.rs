//! Reads the one line of JAAS configuration that Java clients carry their login in. Pure.

/// Reads `org.apache.kafka…PlainLoginModule required username="u" password="p";`.
///
/// Returns the module's short name, the user and the password.
pub(super) fn login(line: &str) -> Result<(String, String, String), String> {
    let mut words = Words(line).collect::<Result<Vec<_>, _>>()?.into_iter();
    let class = words.next().ok_or("it is empty")?;
    let module = class.rsplit('.').next().unwrap_or_default().to_owned();
    if !["PlainLoginModule", "ScramLoginModule"].contains(&module.as_str()) {
        return Err(format!(
            "the login module {module} is not supported; PlainLoginModule and ScramLoginModule are"
        ));
    }
    let flag = words.next().unwrap_or_default();
    if !["required", "requisite", "sufficient", "optional"].contains(&flag.as_str()) {
        return Err("a control flag such as `required` is missing behind the login module".into());
    }
    let (mut username, mut password) = (None, None);
    for option in words {
        let (name, value) = option
            .split_once('=')
            .ok_or("an option is not of the form name=\"value\"")?;
        match name {
            "username" => username = Some(value.to_owned()),
            "password" => password = Some(value.to_owned()),
            _ => return Err(format!("the option {name} is not supported")),
        }
    }
    Ok((
        module,
        username.ok_or("the option username is missing")?,
        password.ok_or("the option password is missing")?,
    ))
}

/// Words apart by white space, quotes removed, up to a semicolon.
struct Words<'a>(&'a str);

impl Iterator for Words<'_> {
    type Item = Result<String, String>;

    fn next(&mut self) -> Option<Self::Item> {
        let mut chars = self.0.trim_start().chars();
        let mut word = String::new();
        let mut quote = None;
        loop {
            let rest = chars.as_str();
            let next = chars.next();
            match (next, quote) {
                (None, Some(_)) => {
                    self.0 = "";
                    return Some(Err("a quotation mark is not closed".into()));
                }
                (Some(c), Some(open)) if c == open => quote = None,
                (Some('\\'), Some(_)) => word.extend(chars.next()),
                (Some(c @ ('"' | '\'')), None) => quote = Some(c),
                (None | Some(';'), None) => {
                    self.0 = "";
                    return (!word.is_empty()).then_some(Ok(word));
                }
                (Some(c), None) if c.is_whitespace() => {
                    self.0 = rest;
                    return Some(Ok(word));
                }
                (Some(c), _) => word.push(c),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quoted_values_may_hold_anything() {
        assert_eq!(
            login(
                "org.apache.kafka.common.security.scram.ScramLoginModule required\n  username=\"al;ice\" password='a \"b\\'';"
            ),
            Ok(("ScramLoginModule".into(), "al;ice".into(), "a \"b'".into()))
        );
    }

    #[test]
    fn other_modules_and_broken_lines_are_refused_without_showing_the_password() {
        for line in [
            "",
            "com.sun.security.auth.module.Krb5LoginModule required;",
            "PlainLoginModule required username=\"u\";",
            "PlainLoginModule required username=\"u\" password=\"hunter2",
            "PlainLoginModule required user_x=\"hunter2\" password=\"hunter2\" username=\"u\";",
            "PlainLoginModule username=\"u\" password=\"hunter2\";",
        ] {
            let error = login(line).expect_err(line);
            assert!(!error.contains("hunter2"), "{error}");
        }
    }
}
