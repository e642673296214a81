//! The walk from a commit to those before it. Does I/O.

use std::collections::BTreeMap;

use crate::address::ProviderAddress;
use crate::config::files::Files as _;
use crate::config::project::Project;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::kinds::{self, Memory, Past};
use crate::source::git::CommitId;

use super::watched::{Seen, Watched};
use super::{Base, Found, Subject};

/// The most commits that are walked.
const MOST_COMMITS: usize = 10_000;

/// The most times that a project is evaluated.
const MOST_EVALUATIONS: usize = 500;

/// A look at a line of commits.
pub(super) struct Look<'a> {
    base: &'a Base,
    subjects: &'a [Subject],
    /// Kind, provider and name in the live system → which of them it is.
    index: BTreeMap<(&'static str, &'a ProviderAddress, &'a str), usize>,
    found: Found,
}

impl<'a> Look<'a> {
    pub(super) fn new(base: &'a Base, subjects: &'a [Subject]) -> Self {
        let index = subjects.iter().enumerate();
        Self {
            base,
            subjects,
            index: index
                .map(|(at, one)| ((one.kind.name, &one.provider, &*one.remote_id), at))
                .collect(),
            found: Found {
                pasts: vec![Vec::new(); subjects.len()],
                warnings: Diagnostics::new(),
            },
        }
    }

    /// Looks at the base, and before it where somebody asks for that.
    pub(super) fn back(mut self) -> Found {
        let seen = self.at(self.base.commit.id);
        if let Some(seen) = seen
            && self.subjects.iter().any(|one| one.memory == Memory::All)
        {
            self.before(seen);
        }
        self.found
    }

    /// Takes what the project says at a commit. Returns what was read for that.
    fn at(&mut self, commit: CommitId) -> Option<Seen> {
        let tree = match self.base.repository.tree(commit) {
            Ok(tree) => tree,
            Err(error) => {
                self.missing(commit, &Diagnostic::from(error).into());
                return None;
            }
        };
        let files = Watched::new(tree);
        if files.list(&self.base.folder).is_err() {
            // There was no such project yet.
            return Some(files.into_seen());
        }
        match self.base.load(&files) {
            Ok(project) => self.take(commit, &project),
            Err(errors) => self.missing(commit, &errors),
        }
        Some(files.into_seen())
    }

    fn take(&mut self, commit: CommitId, project: &Project) {
        for (address, resource) in &project.resources {
            let Some(kind) = kinds::kind(&address.kind).filter(|kind| kind.plans_unread) else {
                continue;
            };
            // What could not be read then was never registered.
            let Ok(decoded) = (kind.decode)(&resource.body) else {
                continue;
            };
            let key = (kind.name, &resource.provider, &*decoded.remote_id);
            let Some(&index) = self.index.get(&key) else {
                continue;
            };
            let past = &mut self.found.pasts[index];
            let is_more = past.is_empty() || self.subjects[index].memory == Memory::All;
            if is_more && past.iter().all(|known| known.spec != decoded.spec) {
                past.push(Past {
                    commit: commit.short(),
                    spec: decoded.spec,
                });
            }
        }
    }

    /// Looks at the commits before the base, as far as they changed something that is read.
    fn before(&mut self, mut seen: Seen) {
        let line = match self.base.repository.line(self.base.commit.id, MOST_COMMITS) {
            Ok(line) => line,
            Err(error) => {
                return self.missing(self.base.commit.id, &Diagnostic::from(error).into());
            }
        };
        let mut evaluations = 0;
        let mut is_cut = line.is_cut;
        for pair in line.commits.windows(2) {
            let &[newer, older] = pair else { continue };
            match self.base.repository.changed(older, newer) {
                Ok(changed) if !seen.is_touched(&changed) => continue,
                Ok(_) => {}
                Err(error) => return self.missing(older, &Diagnostic::from(error).into()),
            }
            if evaluations == MOST_EVALUATIONS {
                is_cut = true;
                break;
            }
            evaluations += 1;
            match self.at(older) {
                Some(next) => seen = next,
                None => return,
            }
        }
        if is_cut {
            self.found.warnings.push(
                Diagnostic::warning(
                    "history-cut",
                    format!("The history before {} is not whole here", self.base.name),
                )
                .detail("Versions of schemas that are older than what is here were not compared.")
                .hint("fetch the whole history: git fetch --unshallow"),
            );
        }
    }

    fn missing(&mut self, commit: CommitId, why: &Diagnostics) {
        self.found.warnings.push(
            Diagnostic::warning(
                "past-unread",
                format!("The project as it was at {} cannot be read", commit.short()),
            )
            .detail(format!(
                "{}\nWhat it said of schemas then is not compared with.",
                why.summaries()
            )),
        );
    }
}
