//! Which repositories may be opened or fetched, and how they are named in messages. Pure.
//!
//! Only `https` and `ssh` leave the machine. `http` is for loopback, `git://` has neither secrecy nor
//! integrity, and `ext::` and its like run commands. What is given to libgit2 is the text that the
//! parser here wrote, never the user's own, so that both cannot understand a URL differently.

use std::fmt;
use std::path::PathBuf;

use url::{Host, Url};

use super::error::GitError;

/// Where a repository is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Location {
    /// On this machine: opened in place.
    Local(PathBuf),
    /// Elsewhere: fetched into a mirror.
    Remote(Remote),
}

/// A repository that is fetched.
#[derive(Clone, PartialEq, Eq)]
pub struct Remote {
    /// The URL without secrets: an HTTPS URL has no user information, an SSH URL only the user's name.
    url: String,
    /// The user's name in the URL, decoded.
    user: Option<String>,
    /// The password or token in the URL, decoded.
    password: Option<String>,
    /// Whether the host is this machine.
    loopback: bool,
}

impl Remote {
    /// Returns the URL without secrets.
    pub fn url(&self) -> &str {
        &self.url
    }

    pub(super) fn user(&self) -> Option<&str> {
        self.user.as_deref()
    }

    pub(super) fn password(&self) -> Option<&str> {
        self.password.as_deref()
    }

    /// Whether it is fetched over HTTP, where passwords and tokens belong.
    pub(super) fn is_http(&self) -> bool {
        self.url.starts_with("https://") || self.url.starts_with("http://")
    }

    pub(super) fn is_loopback(&self) -> bool {
        self.loopback
    }
}

/// Leaves the password out.
impl fmt::Debug for Remote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Remote").field(&self.url).finish()
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Local(path) => write!(f, "{}", path.display()),
            Self::Remote(remote) => f.write_str(&remote.url),
        }
    }
}

impl Location {
    /// Reads what the user wrote: a path, a `file`, `https` or `ssh` URL, or `user@host:path`.
    pub fn parse(text: &str) -> Result<Self, GitError> {
        let refuse = |reason| refused(text, reason);
        if text.is_empty() {
            return Err(refuse("it is empty"));
        }
        if text.starts_with('-') {
            return Err(refuse("it begins with '-', like an option"));
        }
        if text.chars().any(char::is_control) {
            return Err(refuse("it has control characters"));
        }
        if text.contains("://") {
            return url(text);
        }
        let before_slash = text.split('/').next().unwrap_or_default();
        if before_slash.contains("::") && !before_slash.contains('[') {
            return Err(refuse("remote helpers such as ext:: run commands"));
        }
        // The same rule as git's: a colon before the first slash makes it a host.
        if before_slash.contains(':') {
            return scp_like(text);
        }
        Ok(Self::Local(PathBuf::from(text)))
    }
}

fn url(text: &str) -> Result<Location, GitError> {
    let refuse = |reason| refused(text, reason);
    if text.contains([' ', '\\']) {
        return Err(refuse("it has a space or a backslash"));
    }
    let mut url = Url::parse(text).map_err(|_| refuse("it is not a URL"))?;
    if url.query().is_some() || url.fragment().is_some() {
        return Err(refuse(
            "it has a query or a fragment; name the revision with --rev",
        ));
    }
    if url.path().contains('@') {
        return Err(refuse("it has an '@' behind the host; write %40"));
    }
    let loopback = match url.host() {
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost",
        None => false,
    };
    match url.scheme() {
        "file" => {
            return url
                .to_file_path()
                .map(Location::Local)
                .map_err(|()| refuse("a file URL names a path on this machine: file:///path"));
        }
        "https" | "ssh" => {}
        "http" if loopback => {}
        "http" => {
            return Err(refuse(
                "http sends everything in the clear; use https or ssh",
            ));
        }
        "git" => return Err(refuse("git:// proves neither side; use https or ssh")),
        _ => return Err(refuse("only https, ssh and file URLs are fetched")),
    }
    let host = url.host_str().unwrap_or_default();
    if host.is_empty() || host.starts_with('-') {
        return Err(refuse("it has no valid host"));
    }
    let user = decoded(url.username()).ok_or_else(|| refuse("its user is not UTF-8"))?;
    if user.starts_with('-') || user.chars().any(char::is_control) {
        return Err(refuse("it has no valid user"));
    }
    let password = match url.password() {
        Some(password) => {
            Some(decoded(password).ok_or_else(|| refuse("its password is not UTF-8"))?)
        }
        None => None,
    };
    if url.scheme() == "ssh" {
        if password.is_some() {
            return Err(refuse("SSH is used with keys, not with a password"));
        }
    } else {
        let cleared = url.set_username("").and_then(|()| url.set_password(None));
        cleared.map_err(|()| refuse("it has no valid host"))?;
    }
    Ok(Location::Remote(Remote {
        url: url.into(),
        user: Some(user).filter(|user| !user.is_empty()),
        password,
        loopback,
    }))
}

/// `user@host:path`, which is SSH with a path relative to the user's home folder.
fn scp_like(text: &str) -> Result<Location, GitError> {
    let refuse = |reason| refused(text, reason);
    let (authority, path) = text.split_once(':').unwrap_or((text, ""));
    let (user, host) = match authority.rsplit_once('@') {
        Some((user, host)) => (Some(user), host),
        None => (None, authority),
    };
    let plain = |part: &str| {
        !part.is_empty()
            && !part.starts_with('-')
            && part
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b))
    };
    if !plain(host) || user.is_some_and(|user| !plain(user)) {
        return Err(refuse(
            "it has no valid host or user; write it as ssh://user@host/path",
        ));
    }
    // Also a URL whose slashes were mistyped: https:/user:password@host/path.
    if path.contains('@') {
        return Err(refuse(
            "a password has no place in it; SSH is used with keys",
        ));
    }
    if path.is_empty() || path.starts_with('-') {
        return Err(refuse("it has no valid path behind the host"));
    }
    Ok(Location::Remote(Remote {
        url: text.to_owned(),
        user: user.map(str::to_owned),
        password: None,
        loopback: host == "localhost" || host == "127.0.0.1",
    }))
}

fn refused(text: &str, reason: &'static str) -> GitError {
    GitError::Location {
        location: masked(text),
        reason,
    }
}

/// Replaces what may be a secret in a text that was refused: all before the last `@` but a scheme, since
/// a password may itself hold any character, and what follows a `?` or `#`.
fn masked(text: &str) -> String {
    let plain: String = text.chars().filter(|c| !c.is_control()).collect();
    let (scheme, rest) = match plain.split_once("://") {
        Some((scheme, rest))
            if scheme
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'+') =>
        {
            (format!("{scheme}://"), rest)
        }
        _ => (String::new(), plain.as_str()),
    };
    let is_ssh = matches!(scheme.as_str(), "" | "ssh://");
    let rest = match rest.rsplit_once('@') {
        // Only SSH's user is never a token.
        Some((user, _)) if is_ssh && user.bytes().all(|b| b.is_ascii_alphanumeric()) => {
            rest.to_owned()
        }
        Some((_, host)) => format!("***@{host}"),
        None => rest.to_owned(),
    };
    match rest.split_once(['?', '#']) {
        Some((before, _)) => format!("{scheme}{before}?***"),
        None => scheme + &rest,
    }
}

/// Decodes `%41`.
fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, behind @ ..] = rest {
        rest = behind;
        if *first != b'%' {
            bytes.push(*first);
            continue;
        }
        let (digits, behind) = rest.split_at_checked(2)?;
        let digits = std::str::from_utf8(digits).ok()?;
        bytes.push(u8::from_str_radix(digits, 16).ok()?);
        rest = behind;
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn remote(text: &str) -> Remote {
        match Location::parse(text) {
            Ok(Location::Remote(remote)) => remote,
            other => unreachable!("{text}: {other:?}"),
        }
    }

    #[test]
    fn secrets_leave_the_url() {
        let given = remote("https://bot:p%40ss@git.example/team/repo.git");
        assert_eq!(given.url(), "https://git.example/team/repo.git");
        assert_eq!(given.user(), Some("bot"));
        assert_eq!(given.password(), Some("p@ss"));
        assert_eq!(
            format!("{given:?}"),
            "Remote(\"https://git.example/team/repo.git\")"
        );
    }

    #[test]
    fn ssh_keeps_its_user() {
        assert_eq!(
            remote("ssh://git@git.example:2222/team/repo").url(),
            "ssh://git@git.example:2222/team/repo"
        );
        let given = remote("git@git.example:team/repo.git");
        assert_eq!(
            (given.url(), given.user()),
            ("git@git.example:team/repo.git", Some("git"))
        );
    }

    #[test]
    fn paths_are_local() {
        for (text, path) in [
            (".", "."),
            ("../a:b", "../a:b"),
            ("/srv/repo", "/srv/repo"),
            ("file:///srv/my%20repo", "/srv/my repo"),
        ] {
            assert_eq!(
                Location::parse(text).ok(),
                Some(Location::Local(path.into())),
                "{text}"
            );
        }
    }

    #[test]
    fn plain_http_is_for_this_machine() {
        for text in [
            "http://127.0.0.1:8080/r",
            "http://[::1]:8080/r",
            "http://localhost/r",
        ] {
            assert!(remote(text).is_loopback(), "{text}");
        }
        assert!(Location::parse("http://127.0.0.1.example/r").is_err());
        assert!(Location::parse("http://localhost@git.example/r").is_err());
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

        /// A password is shown nowhere, whatever stands around it.
        #[test]
        fn a_password_is_never_shown(
            scheme in prop::sample::select(&["https", "http", "ssh", "ftp", "ext:", "HTTPS", "git+ssh", ""][..]),
            separator in prop::sample::select(&["://", ":", "::", ":/"][..]),
            user in "[a-z@/%#?]{0,5}",
            around in "[a-z@/%#?:\\[\\] ]{0,4}",
            host in "[a-z0-9.\\[\\]:%-]{0,8}",
            path in "[a-z/.?#@]{0,8}",
        ) {
            let text = format!("{scheme}{separator}{user}:{around}hunter2{around}@{host}{path}");
            let shown = match Location::parse(&text) {
                Ok(location) => format!("{location} {location:?}"),
                Err(error) => format!("{error} {error:?}"),
            };
            prop_assert!(!shown.contains("hunter2"), "{text} → {shown}");
        }

        #[test]
        fn no_text_panics(text in ".*") {
            drop(Location::parse(&text));
        }
    }

    #[test]
    fn hostile_locations_are_refused_without_their_secrets() {
        let messages: Vec<String> = [
            "",
            "-uhelper",
            "--upload-pack=touch /tmp/x",
            "ext::sh -c id",
            "ssh://-oProxyCommand=id/x",
            "ssh://git:hunter2@git.example/x",
            "-oProxyCommand=id:x",
            "git@-host:x",
            "git:hunter2@git.example:x",
            "git@host:-x",
            "git://git.example/x",
            "http://user:hunter2@git.example/x",
            "ftp://user:hun/ter2@git.example/x",
            "https://user:hunter2@/x",
            "https://git.example/x?token=hunter2",
            "https://good.example\\@evil.example/x",
            "file://host/x",
            "a\nb",
        ]
        .into_iter()
        .map(|text| match Location::parse(text) {
            Err(error) => error.to_string(),
            Ok(location) => format!("ACCEPTED {location}"),
        })
        .collect();
        insta::assert_snapshot!(messages.join("\n"), @r#"
        git repository "" is refused: it is empty
        git repository "-uhelper" is refused: it begins with '-', like an option
        git repository "--upload-pack=touch /tmp/x" is refused: it begins with '-', like an option
        git repository "ext::sh -c id" is refused: remote helpers such as ext:: run commands
        git repository "ssh://-oProxyCommand=id/x" is refused: it has no valid host
        git repository "ssh://***@git.example/x" is refused: SSH is used with keys, not with a password
        git repository "-oProxyCommand=id:x" is refused: it begins with '-', like an option
        git repository "git@-host:x" is refused: it has no valid host or user; write it as ssh://user@host/path
        git repository "***@git.example:x" is refused: a password has no place in it; SSH is used with keys
        git repository "git@host:-x" is refused: it has no valid path behind the host
        git repository "git://git.example/x" is refused: git:// proves neither side; use https or ssh
        git repository "http://***@git.example/x" is refused: http sends everything in the clear; use https or ssh
        git repository "ftp://***@git.example/x" is refused: it is not a URL
        git repository "https://***@/x" is refused: it is not a URL
        git repository "https://git.example/x?***" is refused: it has a query or a fragment; name the revision with --rev
        git repository "https://***@evil.example/x" is refused: it has a space or a backslash
        git repository "file://host/x" is refused: a file URL names a path on this machine: file:///path
        git repository "ab" is refused: it has control characters
        "#);
    }
}
