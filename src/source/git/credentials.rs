//! Proves to a git server who asks. Reads key files only through libgit2.
//!
//! Each credential is offered once; when all are refused the fetch ends, where libgit2 alone would
//! ask for ever. git's credential helpers are not run: a plan starts no other program.

use std::collections::VecDeque;
use std::fmt;
use std::path::{Path, PathBuf};

use git2::{Cred, CredentialType, ErrorClass, ErrorCode};

use super::location::Remote;

/// The keys that `ssh` itself tries, in its order (`ssh_config(5)`, `IdentityFile`).
const DEFAULT_KEYS: [&str; 3] = ["id_rsa", "id_ecdsa", "id_ed25519"];

/// What the user gave to log in to git servers.
#[derive(Clone, Default)]
pub struct Credentials {
    user: Option<String>,
    token: Option<String>,
    ssh_key: Option<PathBuf>,
    ssh_passphrase: Option<String>,
    ssh_agent: bool,
    home: Option<PathBuf>,
}

impl Credentials {
    /// Reads `STREAMFORM_GIT_TOKEN`, `STREAMFORM_GIT_USERNAME`, `STREAMFORM_GIT_SSH_KEY`,
    /// `STREAMFORM_GIT_SSH_PASSPHRASE`, and whether there is an agent, from environment variables.
    pub fn from_environment(variable: impl Fn(&str) -> Option<String>) -> Self {
        let set = |name| variable(name).filter(|value| !value.is_empty());
        Self {
            user: set("STREAMFORM_GIT_USERNAME"),
            token: set("STREAMFORM_GIT_TOKEN"),
            ssh_key: set("STREAMFORM_GIT_SSH_KEY").map(PathBuf::from),
            ssh_passphrase: set("STREAMFORM_GIT_SSH_PASSPHRASE"),
            ssh_agent: set("SSH_AUTH_SOCK").is_some(),
            home: set("HOME").map(PathBuf::from),
        }
    }
}

/// Shows which credentials there are, never what they are.
impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials")
            .field("user", &self.user)
            .field("token", &self.token.is_some())
            .field("ssh_key", &self.ssh_key)
            .field("ssh_agent", &self.ssh_agent)
            .finish_non_exhaustive()
    }
}

/// One thing to offer.
enum Attempt {
    Password { user: String, password: String },
    Agent,
    Key(PathBuf),
}

/// The credentials that were not offered yet in one fetch.
pub(super) struct Attempts {
    left: VecDeque<Attempt>,
    passphrase: Option<String>,
    /// The name to log in with where the URL has none.
    user: String,
    named: bool,
}

impl Attempts {
    pub(super) fn new(remote: &Remote, credentials: &Credentials) -> Self {
        let left = if remote.is_http() {
            password(remote, credentials).into_iter().collect()
        } else {
            keys(credentials)
        };
        Self {
            left,
            passphrase: credentials.ssh_passphrase.clone(),
            user: remote.user().unwrap_or("git").to_owned(),
            named: false,
        }
    }

    /// Answers libgit2's question for a credential of one of the `allowed` types.
    pub(super) fn next(&mut self, allowed: CredentialType) -> Result<Cred, git2::Error> {
        if allowed.contains(CredentialType::USERNAME) && !std::mem::replace(&mut self.named, true) {
            return Cred::username(&self.user);
        }
        while let Some(attempt) = self.left.pop_front() {
            match attempt {
                Attempt::Password { user, password }
                    if allowed.contains(CredentialType::USER_PASS_PLAINTEXT) =>
                {
                    return Cred::userpass_plaintext(&user, &password);
                }
                Attempt::Agent if allowed.contains(CredentialType::SSH_KEY) => {
                    return Cred::ssh_key_from_agent(&self.user);
                }
                Attempt::Key(path) if allowed.contains(CredentialType::SSH_KEY) => {
                    return Cred::ssh_key(&self.user, None, &path, self.passphrase.as_deref());
                }
                _ => {}
            }
        }
        Err(git2::Error::new(
            ErrorCode::Auth,
            ErrorClass::Callback,
            "no credentials, or none that the server takes",
        ))
    }
}

/// What stands in the URL is meant for its host; the token of the environment comes second.
fn password(remote: &Remote, credentials: &Credentials) -> Option<Attempt> {
    let token = credentials.token.as_deref();
    let (user, password) = match (remote.user(), remote.password().or(token)) {
        // Some forges take a token in the user's place.
        (Some(user), password) => (user, password.unwrap_or_default()),
        // They take any user with a token, but not an empty one.
        (None, Some(password)) => (credentials.user.as_deref().unwrap_or("git"), password),
        (None, None) => return None,
    };
    Some(Attempt::Password {
        user: user.to_owned(),
        password: password.to_owned(),
    })
}

/// The key that was named, else what the agent and the home folder have.
fn keys(credentials: &Credentials) -> VecDeque<Attempt> {
    if let Some(key) = &credentials.ssh_key {
        return [Attempt::Key(key.clone())].into();
    }
    let agent = credentials.ssh_agent.then_some(Attempt::Agent);
    agent
        .into_iter()
        .chain(default_keys(credentials.home.as_deref()).map(Attempt::Key))
        .collect()
}

fn default_keys(home: Option<&Path>) -> impl Iterator<Item = PathBuf> {
    let folder = home.map(|home| home.join(".ssh"));
    DEFAULT_KEYS
        .into_iter()
        .filter_map(move |name| Some(folder.as_ref()?.join(name)))
        .filter(|path| path.is_file())
}

#[cfg(test)]
mod tests {
    use super::super::location::Location;
    use super::*;

    fn attempts(url: &str, variables: &[(&str, &str)]) -> Attempts {
        let credentials = Credentials::from_environment(|name| {
            let (_, value) = variables.iter().find(|(n, _)| *n == name)?;
            Some((*value).to_owned())
        });
        match Location::parse(url) {
            Ok(Location::Remote(remote)) => Attempts::new(&remote, &credentials),
            other => unreachable!("{other:?}"),
        }
    }

    #[test]
    fn each_credential_is_offered_once() {
        let mut attempts = attempts("https://git.example/r", &[("STREAMFORM_GIT_TOKEN", "t")]);
        assert!(attempts.next(CredentialType::USER_PASS_PLAINTEXT).is_ok());
        let refused = attempts.next(CredentialType::USER_PASS_PLAINTEXT).err();
        assert_eq!(refused.map(|e| e.code()), Some(ErrorCode::Auth));
    }

    #[test]
    fn a_token_is_never_sent_over_ssh() {
        let mut attempts = attempts("ssh://git.example/r", &[("STREAMFORM_GIT_TOKEN", "t")]);
        assert!(attempts.next(CredentialType::USERNAME).is_ok());
        assert!(attempts.next(CredentialType::USERNAME).is_err());
        assert!(attempts.next(CredentialType::USER_PASS_PLAINTEXT).is_err());
    }

    #[test]
    fn a_named_key_is_the_only_one() {
        let key = [
            ("STREAMFORM_GIT_SSH_KEY", "/k"),
            ("SSH_AUTH_SOCK", "/agent"),
        ];
        let attempts = attempts("git@git.example:r", &key);
        assert!(matches!(
            attempts.left.iter().collect::<Vec<_>>()[..],
            [Attempt::Key(_)]
        ));
    }

    #[test]
    fn secrets_are_not_shown() {
        let credentials = Credentials::from_environment(|name| Some(format!("value of {name}")));
        let shown = format!("{credentials:?}");
        assert!(
            !shown.contains("TOKEN") && !shown.contains("PASSPHRASE"),
            "{shown}"
        );
    }
}
