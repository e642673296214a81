//! Real repositories: opened in place, and fetched over smart HTTP from `git http-backend`.

mod server;

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use streamform::config::files::{FileError, Files as _};
use streamform::diagnostic::Diagnostic;
use streamform::source::git::{
    Access, Commit, FetchLimits, GitError, Location, Repository, Update,
};

use server::{Mode, Server};

/// A bare repository that is served, a clone to commit in, and a cache of mirrors.
struct Bench {
    folder: tempfile::TempDir,
}

impl Bench {
    fn new() -> Self {
        let bench = Self {
            folder: tempfile::tempdir().unwrap(),
        };
        bench.run(
            &["init", "-q", "--bare", "-b", "main", "served/repo.git"],
            "",
        );
        bench.run(&["init", "-q", "-b", "main", "work"], "");
        bench.git(&["remote", "add", "origin", "../served/repo.git"]);
        bench
    }

    fn path(&self, below: &str) -> PathBuf {
        self.folder.path().join(below)
    }

    fn run(&self, arguments: &[&str], below: &str) -> String {
        let output = Command::new("git")
            .args(["-c", "user.name=Dev", "-c", "user.email=dev@example.com"])
            .args([
                "-c",
                "protocol.file.allow=always",
                "-c",
                "commit.gpgsign=false",
            ])
            .args(arguments)
            .current_dir(self.path(below))
            .output()
            .expect("git is installed");
        assert!(
            output.status.success(),
            "git {arguments:?}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    /// Runs git in the clone.
    fn git(&self, arguments: &[&str]) -> String {
        self.run(arguments, "work")
    }

    /// Commits a file on the clone's branch and returns the commit.
    fn commit(&self, file: &str, content: &str) -> String {
        let path = self.path("work").join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
        self.git(&["add", "-A"]);
        self.git(&["commit", "-q", "-m", &format!("{file}: {content}")]);
        self.git(&["rev-parse", "HEAD"])
    }

    fn push(&self) {
        self.git(&["push", "-q", "--all", "--force", "--prune", "origin"]);
        self.git(&["push", "-q", "--tags", "--force", "--prune", "origin"]);
    }

    fn serve(&self, mode: Mode) -> Server {
        Server::start(&self.path("served"), mode)
    }

    fn access(&self, variables: &[(&str, &str)]) -> Access {
        let mut variables: BTreeMap<String, String> = variables
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        variables.insert(
            "XDG_CACHE_HOME".into(),
            self.path("cache").to_str().unwrap().into(),
        );
        Access::from_environment(|name| variables.get(name).cloned()).unwrap()
    }

    async fn open(&self, location: &str) -> Result<Repository, GitError> {
        Repository::open(Location::parse(location)?, self.access(&[])).await
    }
}

fn text(repository: &Repository, commit: &Commit, path: &str) -> Result<String, FileError> {
    let bytes = repository.tree(commit.id).unwrap().read(path)?;
    Ok(String::from_utf8(bytes.to_vec()).unwrap())
}

/// What the user is told, with the parts that differ from run to run replaced.
fn told(error: GitError, bench: &Bench, server: Option<&Server>) -> String {
    let mut text = Diagnostic::from(error).render();
    text = text.replace(bench.folder.path().to_str().unwrap(), "[DIR]");
    if let Some(server) = server {
        text = text.replace(server.url("").trim_end_matches('/'), "http://[HOST]");
    }
    text
}

#[tokio::test]
async fn a_local_repository_is_read_in_place() {
    let bench = Bench::new();
    let first = bench.commit("env/dev.vars.hcl", "one");
    bench.git(&["tag", "-a", "v1", "-m", "first"]);
    let second = bench.commit("env/dev.vars.hcl", "two");
    bench.git(&["branch", "feature/x", &first]);
    // Not committed, so not seen.
    fs::write(bench.path("work/env/dev.vars.hcl"), "three").unwrap();

    let url = format!("file://{}", bench.path("work").display());
    for location in [bench.path("work").to_str().unwrap(), &url] {
        let repository = bench.open(location).await.unwrap();
        for (revision, commit, content) in [
            ("main", &second, "two"),
            ("HEAD", &second, "two"),
            ("refs/heads/main", &second, "two"),
            ("v1", &first, "one"),
            ("feature/x", &first, "one"),
            (first.as_str(), &first, "one"),
            (&first[..7], &first, "one"),
        ] {
            let found = repository.resolve(revision).unwrap();
            assert_eq!(&found.id.to_string(), commit, "{revision}");
            assert_eq!(
                text(&repository, &found, "env/dev.vars.hcl"),
                Ok(content.into())
            );
        }
        let commit = repository.branch("main").unwrap();
        assert_eq!(
            (commit.author.as_str(), commit.summary.as_str()),
            ("Dev", "env/dev.vars.hcl: two")
        );
    }
    assert!(!bench.path("cache").exists());
}

#[tokio::test]
async fn a_remote_repository_is_mirrored() {
    let bench = Bench::new();
    let server = bench.serve(Mode::Open);
    let first = bench.commit("main.hcl", "one");
    bench.git(&["tag", "v1"]);
    bench.push();
    let repository = bench.open(&server.url("repo.git")).await.unwrap();
    let seen = repository.branch("main").unwrap();
    assert_eq!(seen.id.to_string(), first);
    assert_eq!(text(&repository, &seen, "main.hcl"), Ok("one".into()));

    // A new commit, a branch in the place of a folder of branches, a tag that moved.
    bench.git(&["branch", "a"]);
    bench.push();
    repository.fetch().await.unwrap();
    assert_eq!(repository.resolve("a").unwrap().id, seen.id);
    let second = bench.commit("main.hcl", "two");
    bench.git(&["branch", "-D", "a"]);
    bench.git(&["branch", "a/b"]);
    bench.git(&["tag", "-f", "v1"]);
    bench.push();
    repository.fetch().await.unwrap();
    for revision in ["main", "a/b", "v1", "HEAD"] {
        assert_eq!(
            repository.resolve(revision).unwrap().id.to_string(),
            second,
            "{revision}"
        );
    }
    assert!(matches!(
        repository.resolve("a"),
        Err(GitError::NotFound { .. })
    ));

    // The mirror is the user's alone.
    let mirrors = fs::metadata(bench.path("cache/streamform/git")).unwrap();
    assert_eq!(mirrors.permissions().mode() & 0o777, 0o700);
}

#[tokio::test]
async fn a_rewritten_branch_is_noticed() {
    let bench = Bench::new();
    let server = bench.serve(Mode::Open);
    bench.commit("main.hcl", "one");
    bench.push();
    let repository = bench.open(&server.url("repo.git")).await.unwrap();
    let one = repository.branch("main").unwrap().id;
    assert_eq!(repository.compare(one, one).unwrap(), Update::Unchanged);

    bench.commit("main.hcl", "two");
    bench.commit("main.hcl", "three");
    bench.push();
    repository.fetch().await.unwrap();
    let three = repository.branch("main").unwrap().id;
    assert_eq!(
        repository.compare(one, three).unwrap(),
        Update::FastForward {
            from: one,
            to: three
        }
    );

    bench.git(&["reset", "-q", "--hard", "HEAD~1"]);
    bench.push();
    repository.fetch().await.unwrap();
    let two = repository.branch("main").unwrap().id;
    assert_eq!(
        repository.compare(three, two).unwrap(),
        Update::Rewritten {
            from: three,
            to: two
        }
    );

    // A commit that this mirror never had: the cache was deleted, or history was replaced.
    let unknown = "0123456789abcdef0123456789abcdef01234567".parse().unwrap();
    assert_eq!(
        repository.compare(unknown, two).unwrap(),
        Update::Rewritten {
            from: unknown,
            to: two
        }
    );
}

#[tokio::test]
async fn credentials_are_needed_and_checked() {
    let bench = Bench::new();
    let server = bench.serve(Mode::Password("bot:s3cret"));
    bench.commit("main.hcl", "one");
    bench.push();
    let open = async |url: String, variables: &[(&str, &str)]| {
        Repository::open(Location::parse(&url).unwrap(), bench.access(variables)).await
    };
    let url = server.url("repo.git");
    let token = [
        ("STREAMFORM_GIT_TOKEN", "s3cret"),
        ("STREAMFORM_GIT_USERNAME", "bot"),
    ];
    open(url.clone(), &token).await.unwrap();
    open(server.url_as("bot:s3cret", "repo.git"), &[])
        .await
        .unwrap();

    let none = open(url.clone(), &[]).await.unwrap_err();
    insta::assert_snapshot!(told(none, &bench, Some(&server)), @r"
    Error: Git repository http://[HOST]/repo.git refuses the credentials
      no credentials, or none that the server takes
      hint: for https set STREAMFORM_GIT_TOKEN (and STREAMFORM_GIT_USERNAME), for ssh start an agent or set STREAMFORM_GIT_SSH_KEY to the private key's path
    ");
    let before = server.requests().len();
    let wrong = open(server.url_as("bot:guess", "repo.git"), &[])
        .await
        .unwrap_err();
    assert!(
        matches!(wrong, GitError::Authentication { .. }),
        "{wrong:?}"
    );
    assert!(!format!("{wrong:?}").contains("guess"));
    assert!(server.requests().len() - before < 5, "it asks for ever");

    // No file of the cache holds the secret.
    for entry in walk(&bench.path("cache")) {
        let content = fs::read(&entry).unwrap();
        assert!(
            !content.windows(6).any(|w| w == b"s3cret"),
            "{}",
            entry.display()
        );
    }
}

#[tokio::test]
async fn credentials_do_not_follow_a_redirect() {
    let bench = Bench::new();
    bench.commit("main.hcl", "one");
    bench.push();
    let thief = bench.serve(Mode::Open);
    let elsewhere = thief.url("").replace("127.0.0.1", "localhost");
    let server = bench.serve(Mode::Redirect(elsewhere.trim_end_matches('/').into()));
    let error = bench
        .open(&server.url_as("bot:s3cret", "repo.git"))
        .await
        .unwrap_err();
    assert!(matches!(error, GitError::Fetch { .. }), "{error:?}");
    assert!(thief.requests().is_empty(), "{:?}", thief.requests());
    // A redirect on the same host is followed, as when a repository was renamed.
    server.set(Mode::Redirect(server.url("").trim_end_matches('/').into()));
    assert!(
        bench.open(&server.url("repo.git")).await.is_err(),
        "it goes in circles"
    );
    assert!(
        server
            .requests()
            .iter()
            .all(|r| r.path.starts_with("/repo.git/") && r.authorization.is_none())
    );
}

#[tokio::test]
async fn a_silent_server_is_given_up_and_the_next_fetch_works() {
    let bench = Bench::new();
    bench.commit("main.hcl", "one");
    bench.push();
    let server = bench.serve(Mode::Silent);
    let location = Location::parse(&server.url("repo.git")).unwrap();
    let mut access = bench.access(&[]);
    access.limits = FetchLimits {
        stalled: Duration::from_millis(300),
        ..FetchLimits::default()
    };
    let error = Repository::open(location.clone(), access)
        .await
        .unwrap_err();
    assert!(matches!(error, GitError::TimedOut { .. }), "{error:?}");
    server.set(Mode::Open);
    // The abandoned thread still waits for its answer, and does not keep the mirror locked.
    let repository = Repository::open(location, bench.access(&[])).await.unwrap();
    assert!(repository.branch("main").is_ok());
}

#[tokio::test]
async fn a_repository_that_is_too_large_is_given_up() {
    let bench = Bench::new();
    // Does not compress well.
    let noise: Vec<u8> = (0..200_000_u64)
        .flat_map(|i| i.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes())
        .collect();
    fs::write(bench.path("work/noise"), noise).unwrap();
    bench.commit("x", "x");
    bench.push();
    let server = bench.serve(Mode::Open);
    let mut access = bench.access(&[]);
    access.limits.bytes = 10_000;
    let location = Location::parse(&server.url("repo.git")).unwrap();
    let error = Repository::open(location, access).await.unwrap_err();
    assert!(
        matches!(error, GitError::TooLarge { limit: 10_000, .. }),
        "{error:?}"
    );
}

#[tokio::test]
async fn a_killed_fetch_leaves_nothing_in_the_way() {
    let bench = Bench::new();
    bench.commit("main.hcl", "one");
    bench.push();
    let server = bench.serve(Mode::Open);
    let repository = bench.open(&server.url("repo.git")).await.unwrap();
    let mirror = fs::read_dir(bench.path("cache/streamform/git"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .find(|path| path.is_dir())
        .unwrap();
    fs::write(mirror.join("refs/heads/main.lock"), "").unwrap();
    fs::write(mirror.join("HEAD.lock"), "").unwrap();
    let second = bench.commit("main.hcl", "two");
    bench.push();
    repository.fetch().await.unwrap();
    assert_eq!(repository.branch("main").unwrap().id.to_string(), second);
    // Killed while the mirror was made.
    fs::remove_file(mirror.join("HEAD")).unwrap();
    repository.fetch().await.unwrap();
    assert_eq!(repository.branch("main").unwrap().id.to_string(), second);
}

#[tokio::test]
async fn several_fetches_at_once_all_work() {
    let bench = Bench::new();
    let commit = bench.commit("main.hcl", "one");
    bench.push();
    let server = bench.serve(Mode::Open);
    let url = server.url("repo.git");
    let (a, b, c) = tokio::join!(bench.open(&url), bench.open(&url), bench.open(&url));
    for repository in [a, b, c] {
        assert_eq!(
            repository.unwrap().branch("main").unwrap().id.to_string(),
            commit
        );
    }
}

#[tokio::test]
async fn what_is_missing_is_named() {
    let bench = Bench::new();
    let server = bench.serve(Mode::Open);
    let mut messages = Vec::new();
    let empty = bench.open(&server.url("repo.git")).await.unwrap();
    messages.push(told(
        empty.branch("main").unwrap_err(),
        &bench,
        Some(&server),
    ));

    let commit = bench.commit("main.hcl", "one");
    bench.git(&["branch", "same"]);
    bench.git(&["tag", "release"]);
    bench.git(&["tag", "blob", "HEAD:main.hcl"]);
    bench.commit("main.hcl", "two");
    bench.git(&["tag", "same"]);
    let work = bench.path("work");
    let local = bench.open(work.to_str().unwrap()).await.unwrap();
    for revision in [
        "mian",
        "same",
        "blob",
        "--upload-pack=id",
        "main~1",
        ":/one",
        "main:main.hcl",
        "@{-1}",
        "main..same",
        "a\nb",
        "",
        &commit[..4],
        &commit.replace('0', "1").replace('a', "0"),
    ] {
        match local.resolve(revision) {
            Ok(commit) => messages.push(format!("{revision}: RESOLVED {}", commit.summary)),
            Err(error) => messages.push(told(error, &bench, None)),
        }
    }
    for missing in [
        bench.path("none").to_str().unwrap(),
        &server.url("none.git"),
    ] {
        let error = bench.open(missing).await.unwrap_err();
        messages.push(told(error, &bench, Some(&server)));
    }
    insta::with_settings!({filters => vec![("[0-9a-f]{40}", "[COMMIT]"), ("\"[0-9a-f]{4}\"", "\"[SHORT]\"")]}, {
        insta::assert_snapshot!(messages.join("\n"), @r#"
        Error: Git repository http://[HOST]/repo.git has no revision "main"
          hint: the repository has no branch or tag yet

        Error: Git repository [DIR]/work has no revision "mian"
          hint: did you mean "main"?

        Error: Revision "same" of git repository [DIR]/work is ambiguous
          hint: write refs/heads/same or refs/tags/same, or more digits of the commit

        Error: Revision "blob" of git repository [DIR]/work is not a commit

        Error: Revision "--upload-pack=id" is refused: it begins with '-', like an option

        Error: Revision "main~1" is refused: expected a branch, a tag or a commit, and no expression

        Error: Revision ":/one" is refused: expected a branch, a tag or a commit, and no expression

        Error: Revision "main:main.hcl" is refused: expected a branch, a tag or a commit, and no expression

        Error: Revision "@{-1}" is refused: expected a branch, a tag or a commit, and no expression

        Error: Revision "main..same" is refused: expected a branch, a tag or a commit, and no expression

        Error: Revision "a\nb" is refused: it has control characters

        Error: Revision "" is refused: it is empty

        Error: Git repository [DIR]/work has no revision "[SHORT]"
          hint: it has blob, main, release, same

        Error: Git repository [DIR]/work has no revision "[COMMIT]"
          hint: it has blob, main, release, same

        Error: Git repository [DIR]/none cannot be opened
          failed to resolve path '[DIR]/none': No such file or directory

        Error: Git repository http://[HOST]/none.git cannot be fetched
          unexpected http status code: 404
        "#);
    });
}

#[tokio::test]
async fn links_and_submodules_of_a_commit_stay_inside() {
    let bench = Bench::new();
    let other = Bench::new();
    other.commit("secret", "secret");
    bench.commit("modules/topic/main.hcl", "module");
    bench.git(&[
        "submodule",
        "--quiet",
        "add",
        other.path("work").to_str().unwrap(),
        "sub",
    ]);
    std::os::unix::fs::symlink("../modules/topic", bench.path("work/linked")).unwrap();
    fs::create_dir(bench.path("work/project")).unwrap();
    for (name, target) in [
        ("project/module", "../modules/topic"),
        ("project/passwd", "/etc/passwd"),
        ("project/climb", "../../etc/passwd"),
        ("project/submodule", "../sub"),
    ] {
        std::os::unix::fs::symlink(target, bench.path("work").join(name)).unwrap();
    }
    bench.commit("project/main.hcl", "main");
    bench.push();
    let server = bench.serve(Mode::Open);
    let repository = bench.open(&server.url("repo.git")).await.unwrap();
    let commit = repository.branch("main").unwrap();
    let read = |path| text(&repository, &commit, path);
    assert_eq!(read("project/module/main.hcl"), Ok("module".into()));
    assert_eq!(read("project/passwd"), Err(FileError::Outside));
    assert_eq!(read("project/climb"), Err(FileError::Outside));
    assert_eq!(read("linked/main.hcl"), Err(FileError::Outside));
    assert_eq!(read("sub/secret"), Err(FileError::NotAFile));
    assert_eq!(read("project/submodule/secret"), Err(FileError::NotAFile));
}

fn walk(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(walk(&path));
        } else {
            files.push(path);
        }
    }
    files
}

#[tokio::test]
async fn an_unknown_certificate_is_refused() {
    let bench = Bench::new();
    let url = format!(
        "https://bot:s3cret@127.0.0.1:{}/repo.git",
        server::untrusted()
    );
    let error = bench.open(&url).await.unwrap_err();
    assert!(matches!(error, GitError::Untrusted { .. }), "{error:?}");
}
