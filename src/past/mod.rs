//! What a project said at earlier commits: for objects whose system is away (I/O).
//!
//! The project is evaluated as it was at the commit that was named, for the same environment and with the same
//! values; where a kind asks for more than that, also at the commits that led there, as far as they changed a
//! file that the evaluation reads. An object is the same where its provider and its name in the live system are,
//! so that neither another address nor another file of its definition hides it.

mod look;
mod watched;

use std::collections::BTreeMap;

use crate::address::{EnvironmentName, ProviderAddress};
use crate::clients;
use crate::config::files::Files;
use crate::config::load::{LoadRequest, UnsetVariables, load};
use crate::config::project::{InputArgument, Inputs, Project, Provider};
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::document::Document;
use crate::kinds::{self, KindEntry, Memory, Past, Recall};
use crate::pipeline::{Request, TOOL};
use crate::plan::{Proposal, cannot_be_checked};
use crate::source::git::{Commit, Repository};

use look::Look;

/// A commit that a project is compared with.
#[derive(Debug, Clone)]
pub struct Base {
    repository: Repository,
    commit: Commit,
    /// What people call it.
    name: String,
    /// The project's folder there.
    folder: String,
    environment: Option<EnvironmentName>,
    inputs: Inputs,
}

/// An object whose history is asked for.
struct Subject {
    /// Its kind.
    kind: &'static KindEntry,
    /// The provider that reaches it.
    provider: ProviderAddress,
    /// Its name in the live system.
    remote_id: String,
    /// How far back its history counts.
    memory: Memory,
}

/// What was found: the history of each object, the newest first, and what could not be read.
struct Found {
    /// In the order of the objects.
    pasts: Vec<Vec<Past<Document>>>,
    /// What is missing in them.
    warnings: Diagnostics,
}

impl Base {
    /// Returns a commit of the repository that a project lies in, as the base of a request.
    pub fn new(
        repository: Repository,
        commit: Commit,
        revision: &str,
        folder: String,
        request: &Request,
    ) -> Self {
        let optional = |argument: &InputArgument| match argument {
            InputArgument::Variable(name, text) => {
                InputArgument::IfDeclared(name.clone(), text.clone())
            }
            other => other.clone(),
        };
        let short = commit.id.short();
        let inputs = &request.inputs;
        Self {
            repository,
            name: if short.starts_with(revision) || revision == commit.id.to_string() {
                short
            } else {
                format!("{revision} ({short})")
            },
            commit,
            folder,
            environment: request.environment.clone(),
            inputs: Inputs {
                environment_variables: inputs.environment_variables.clone(),
                arguments: inputs.arguments.iter().map(optional).collect(),
            },
        }
    }

    /// Returns what people call the commit.
    pub fn name(&self) -> &str {
        &self.name
    }

    fn load(&self, files: &dyn Files) -> Result<Project, Diagnostics> {
        load(&LoadRequest {
            files,
            root: &self.folder,
            environment: self.environment.as_ref(),
            inputs: &self.inputs,
            kinds: &kinds::schemas(),
            providers: clients::PROVIDERS,
            tool_version: TOOL,
            // A variable may have got its value with the change that is being looked at.
            unset_variables: UnsetVariables::Unknown,
            on_head: None,
        })
    }
}

/// Puts into the objects that could not be read what their rules can know without their system.
pub async fn recall(
    proposal: &mut Proposal,
    providers: &BTreeMap<ProviderAddress, Provider>,
    base: Option<Base>,
) -> Result<(), Diagnostics> {
    let mut wrong = Diagnostics::new();
    let mut subjects = Vec::new();
    let mut asked = Vec::new();
    for object in &mut proposal.unread {
        let (Some(kind), Some(spec), Some(provider)) = (
            kinds::kind(&object.address.kind),
            &object.desired,
            providers.get(&object.provider),
        ) else {
            continue;
        };
        match (kind.memory)(spec, &provider.settings, &object.remote_id) {
            Ok(memory) => subjects.push(Subject {
                kind,
                provider: object.provider.clone(),
                remote_id: object.remote_id.clone(),
                memory,
            }),
            Err(error) => {
                wrong.push(cannot_be_checked(&object.address, &error));
                continue;
            }
        }
        asked.push((object, &provider.settings));
    }
    let (subjects, found) = look_back(subjects, base.as_ref()).await?;
    proposal.survey.warnings.extend(found.warnings);
    for (((object, settings), subject), past) in asked.into_iter().zip(subjects).zip(found.pasts) {
        let recall = Recall {
            settings,
            base: base.as_ref().map(Base::name),
            past,
        };
        let Some(spec) = &object.desired else {
            continue;
        };
        match (subject.kind.recall)(spec, recall, &object.remote_id) {
            Ok(recalled) => object.facts = Some(recalled),
            Err(error) => wrong.push(cannot_be_checked(&object.address, &error)),
        }
    }
    wrong.finish((), &mut Diagnostics::new())
}

/// Looks back on a thread of its own: git's objects are read from the disk.
async fn look_back(
    subjects: Vec<Subject>,
    base: Option<&Base>,
) -> Result<(Vec<Subject>, Found), Diagnostics> {
    let counts = subjects.iter().any(|one| one.memory > Memory::Nothing);
    let Some(base) = base.filter(|_| counts).cloned() else {
        let found = Found {
            pasts: vec![Vec::new(); subjects.len()],
            warnings: Diagnostics::new(),
        };
        return Ok((subjects, found));
    };
    let looking = tokio::task::spawn_blocking(move || {
        let found = Look::new(&base, &subjects).back();
        (subjects, found)
    });
    looking.await.map_err(|panic| {
        let summary = format!("The look at the git history ended unexpectedly: {panic}");
        Diagnostic::error("internal", summary).into()
    })
}
