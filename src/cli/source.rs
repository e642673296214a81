//! The arguments that say where a project's files are: a folder on disk, or a revision of a git
//! repository. Reads the environment for git's credentials and the cache's place.

use std::path::{Path, PathBuf};

use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::past::Base;
use crate::pipeline::Request;
use crate::source::Snapshot;
use crate::source::git::{Access, Location, Repository};

/// Where the project's files are.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct SourceArgs {
    /// Read the project from a commit of this git repository instead of from the disk; the working
    /// tree is not looked at and not changed.
    #[arg(long, value_name = "PATH_OR_URL")]
    repo: Option<String>,
    /// The branch, tag or commit of --repo; its default branch if not given.
    #[arg(long, value_name = "REV", requires = "repo")]
    rev: Option<String>,
    /// The project's folder: on disk, or in --repo.
    #[arg(long, value_name = "DIR")]
    path: Option<PathBuf>,
}

impl SourceArgs {
    /// Returns the folder that a relative path of the state starts from: the project's on disk, else
    /// the current one, as a commit has no place for state.
    pub fn state_base(&self) -> &Path {
        match (&self.repo, &self.path) {
            (None, Some(path)) => path,
            _ => Path::new("."),
        }
    }

    /// Opens the project's files, which fetches a repository that is not on this machine.
    pub async fn open(&self) -> Result<Snapshot, Diagnostics> {
        let Some(repository) = &self.repo else {
            let folder = self.path.as_deref().unwrap_or(Path::new("."));
            return Snapshot::of_directory(folder).map_err(|e| Diagnostic::from(e).into());
        };
        let repository = open_repository(repository).await?;
        let commit = repository
            .resolve(self.rev.as_deref().unwrap_or("HEAD"))
            .map_err(Diagnostic::from)?;
        let folder = folder_in_repository(self.path.as_deref())?;
        Snapshot::of_commit(&repository, commit, folder).map_err(|e| Diagnostic::from(e).into())
    }

    /// Returns a commit of the repository that the project is in, as the base of a plan. Call it after
    /// [`Self::open`], which fetches.
    pub(super) fn base(&self, revision: &str, request: &Request) -> Result<Base, Diagnostics> {
        let repository = if let Some(given) = &self.repo {
            repository(given)?
        } else {
            let folder = self.path.as_deref().unwrap_or(Path::new("."));
            let folder = folder.canonicalize().map_err(|error| {
                let summary = format!("Project folder {} cannot be opened", folder.display());
                Diagnostic::error("project-folder", summary).detail(error.to_string())
            })?;
            around(&folder)?.1
        };
        let commit = repository.resolve(revision).map_err(Diagnostic::from)?;
        // The folder of a commit's tree and that of a working tree are the same path.
        let folder = request.snapshot.folder.clone();
        Ok(Base::new(repository, commit, revision, folder, request))
    }
}

/// Returns the repository that a file or folder lies in, and the folder of its working tree.
pub(super) fn around(place: &Path) -> Result<(PathBuf, Repository), Diagnostics> {
    let Some(root) = place
        .ancestors()
        .find(|folder| folder.join(".git").exists())
    else {
        let summary = format!("{} is in no git repository", place.display());
        let hint = "--base compares with a commit";
        return Err(Diagnostic::error("no-repository", summary)
            .hint(hint)
            .into());
    };
    let Some(name) = root.to_str() else {
        let summary = format!("The folder {} is not UTF-8", root.display());
        return Err(Diagnostic::error("no-repository", summary).into());
    };
    Ok((root.to_owned(), repository(name)?))
}

/// Opens the repository of `--repo`.
async fn open_repository(given: &str) -> Result<Repository, Diagnostics> {
    let (location, access) = locate(given)?;
    let opened = Repository::open(location, access).await;
    opened.map_err(|e| Diagnostic::from(e).into())
}

/// Returns the repository of `--repo`; nothing is read or fetched yet.
pub(super) fn repository(given: &str) -> Result<Repository, Diagnostics> {
    let (location, access) = locate(given)?;
    Ok(Repository::new(location, access))
}

fn locate(given: &str) -> Result<(Location, Access), Diagnostic> {
    let location = Location::parse(given)?;
    let access = Access::from_environment(|name| std::env::var(name).ok())?;
    Ok((location, access))
}

/// Returns the folder of `--path` as a path in a repository; `""` is its root.
pub(super) fn folder_in_repository(path: Option<&Path>) -> Result<&str, Diagnostics> {
    let Some(path) = path else { return Ok("") };
    path.to_str().ok_or_else(|| {
        let summary = format!("Project folder {} is not UTF-8", path.display());
        Diagnostic::error("project-folder", summary).into()
    })
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test's set-up may stop it")]

    use std::fs;

    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Test {
        #[command(flatten)]
        source: SourceArgs,
    }

    fn parse(arguments: &[&str]) -> SourceArgs {
        Test::parse_from(["x"].iter().chain(arguments)).source
    }

    /// A repository whose commit differs from its working tree.
    fn repository() -> (tempfile::TempDir, String) {
        let folder = tempfile::tempdir().unwrap();
        let mut options = git2::RepositoryInitOptions::new();
        options.initial_head("main");
        let git = git2::Repository::init_opts(folder.path(), &options).unwrap();
        fs::create_dir(folder.path().join("dev")).unwrap();
        let file = folder.path().join("dev/main.hcl");
        fs::write(&file, "committed").unwrap();
        let mut index = git.index().unwrap();
        index.add_path(Path::new("dev/main.hcl")).unwrap();
        let tree = git.find_tree(index.write_tree().unwrap()).unwrap();
        let author = git2::Signature::now("Dev", "dev@example.com").unwrap();
        git.commit(Some("HEAD"), &author, &author, "first", &tree, &[])
            .unwrap();
        fs::write(&file, "edited").unwrap();
        let path = folder.path().to_str().unwrap().to_owned();
        (folder, path)
    }

    fn text(snapshot: &Snapshot, path: &str) -> String {
        String::from_utf8(snapshot.files.read(path).unwrap().to_vec()).unwrap()
    }

    #[tokio::test]
    async fn a_commit_is_read_and_not_the_working_tree() {
        let (_folder, path) = repository();
        let committed = parse(&["--repo", &path, "--path", "./dev/"])
            .open()
            .await
            .unwrap();
        assert_eq!(committed.folder, "dev");
        assert_eq!(committed.commit.as_ref().unwrap().summary, "first");
        assert_eq!(text(&committed, "dev/main.hcl"), "committed");

        let edited = parse(&["--path", &format!("{path}/dev")])
            .open()
            .await
            .unwrap();
        assert_eq!(
            (edited.folder.as_str(), edited.commit.as_ref()),
            ("dev", None)
        );
        assert_eq!(text(&edited, "dev/main.hcl"), "edited");
    }

    #[tokio::test]
    async fn what_is_not_there_is_named() {
        let (folder, path) = repository();
        let mut messages = Vec::new();
        for arguments in [
            &["--repo", &path, "--path", "prod"][..],
            &["--repo", &path, "--path", "../dev"],
            &["--repo", &path, "--path", "dev/main.hcl"],
            &["--repo", &path, "--rev", "v1"],
            &["--repo", "ext::sh -c id"],
            &["--path", &format!("{path}/none")],
        ] {
            let told = parse(arguments).open().await.err().unwrap().render();
            messages.push(told.replace(folder.path().to_str().unwrap(), "[DIR]"));
        }
        insta::with_settings!({filters => vec![("[0-9a-f]{10}", "[COMMIT]")]}, {
            insta::assert_snapshot!(messages.join("\n"), @r#"
            Error: Project folder "prod" of commit [COMMIT] cannot be opened
              there is no such folder
              hint: --path names the folder with the project's *.hcl files

            Error: Project folder "../dev" of commit [COMMIT] cannot be opened
              the path leads out of the project
              hint: --path names the folder with the project's *.hcl files

            Error: Project folder "dev/main.hcl" of commit [COMMIT] cannot be opened
              not a folder
              hint: --path names the folder with the project's *.hcl files

            Error: Git repository [DIR] has no revision "v1"
              hint: it has main

            Error: Git repository "ext::sh -c id" is refused: remote helpers such as ext:: run commands
              hint: expected a path, https://…, ssh://… or user@host:path

            Error: Project folder [DIR]/none cannot be opened
              No such file or directory (os error 2)
              hint: --path names the folder with the project's *.hcl files
            "#);
        });
    }

    #[test]
    fn a_revision_needs_a_repository() {
        assert!(Test::try_parse_from(["x", "--rev", "main"]).is_err());
    }
}
