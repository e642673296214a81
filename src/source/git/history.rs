//! The commits that led to one, and what each of them changed. Does I/O.

use git2::{DiffOptions, Oid, Sort};

use super::commit::CommitId;
use super::error::{GitError, Libgit2Error};
use super::repository::Repository;

/// The commits that led to one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// The commits, the newest first, that one included.
    pub commits: Vec<CommitId>,
    /// Whether earlier ones are missing: the clone is shallow, or there are too many.
    pub is_cut: bool,
}

impl Repository {
    /// Returns the commits that a branch whose tip this is stood at, at most so many: those of branches that
    /// were merged into it are left out.
    pub fn line(&self, tip: CommitId, most: usize) -> Result<Line, GitError> {
        let git = self.git()?;
        let unreadable = |source| self.unreadable(tip, source);
        let mut walk = git.revwalk().map_err(unreadable)?;
        walk.set_sorting(Sort::TOPOLOGICAL).map_err(unreadable)?;
        walk.simplify_first_parent().map_err(unreadable)?;
        walk.push(tip.oid()).map_err(unreadable)?;
        let mut commits = Vec::new();
        let mut is_cut = git.is_shallow();
        for id in walk {
            if commits.len() == most {
                is_cut = true;
                break;
            }
            commits.push(id.map_err(unreadable)?.into());
        }
        Ok(Line { commits, is_cut })
    }

    /// Returns the paths of the files that differ between two commits.
    pub fn changed(&self, from: CommitId, to: CommitId) -> Result<Vec<String>, GitError> {
        let git = self.git()?;
        let tree = |id: Oid| git.find_commit(id).and_then(|commit| commit.tree());
        let changed = || {
            let (old, new) = (tree(from.oid())?, tree(to.oid())?);
            let mut options = DiffOptions::new();
            options.include_typechange(true).skip_binary_check(true);
            let diff = git.diff_tree_to_tree(Some(&old), Some(&new), Some(&mut options))?;
            let files = diff
                .deltas()
                .flat_map(|delta| [delta.old_file(), delta.new_file()]);
            let mut paths: Vec<String> = files
                .filter_map(|file| Some(file.path()?.to_str()?.to_owned()))
                .collect();
            paths.dedup();
            Ok(paths)
        };
        changed().map_err(|source| GitError::Read {
            location: self.location().to_string(),
            commit: to,
            source: Libgit2Error(source),
        })
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test's set-up may stop it")]

    use super::super::{Access, Location};
    use super::*;

    /// Commits a file's text on top of others.
    fn commit(git: &git2::Repository, path: &str, text: &str, parents: &[Oid]) -> Oid {
        let mut index = git.index().unwrap();
        let parents: Vec<git2::Commit<'_>> = parents
            .iter()
            .map(|id| git.find_commit(*id).unwrap())
            .collect();
        if let Some(first) = parents.first() {
            index.read_tree(&first.tree().unwrap()).unwrap();
        }
        std::fs::write(git.workdir().unwrap().join(path), text).unwrap();
        index.add_path(path.as_ref()).unwrap();
        let tree = git.find_tree(index.write_tree().unwrap()).unwrap();
        let author = git2::Signature::now("a", "a@b").unwrap();
        let parents: Vec<&git2::Commit<'_>> = parents.iter().collect();
        git.commit(None, &author, &author, text, &tree, &parents)
            .unwrap()
    }

    #[test]
    fn a_merged_branch_is_one_step() {
        let folder = tempfile::tempdir().unwrap();
        let git = git2::Repository::init(folder.path()).unwrap();
        let first = commit(&git, "a", "1", &[]);
        let side = commit(&git, "b", "2", &[first]);
        let main = commit(&git, "a", "3", &[first]);
        let merged = commit(&git, "b", "2", &[main, side]);
        let access = Access::from_environment(|name| (name == "HOME").then(|| "/none".to_owned()));
        let location = Location::parse(folder.path().to_str().unwrap()).unwrap();
        let repository = Repository::new(location, access.unwrap());
        let line = |most| repository.line(merged.into(), most).unwrap();
        assert_eq!(
            line(9),
            Line {
                commits: [merged, main, first].map(CommitId::from).into(),
                is_cut: false
            }
        );
        let cut = line(2);
        assert_eq!((cut.commits.len(), cut.is_cut), (2, true));
        let changed = |from: Oid, to: Oid| repository.changed(from.into(), to.into()).unwrap();
        assert_eq!(changed(main, merged), ["b"]);
        assert_eq!(changed(first, merged), ["a", "b"]);
        assert_eq!(changed(main, main), [""; 0]);
    }
}
