//! THE main path: [`prepare`], [`plan_environment`], [`apply_plan`]. Each step is tagged (pure) or (I/O).
//!
//! ```text
//! files ─ config::load ─ kinds::decode ─ graph::infer ─ plan::survey ─ refresh::observe ─ plan::propose
//!       ─ past::recall ─ refresh::investigate ─ refresh::users ─ plan::conclude ─ plan::impact ─ gate::review ─ apply::apply
//! ```

use std::cell::{OnceCell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;

use tokio::task::JoinHandle;

use crate::address::{Address, AddressPattern, EnvironmentName};
use crate::apply::{self, ApplyError, ApplyOutcome, Events, Interrupts};
use crate::backend::{self, BackendError, LocalBackend, Snapshot as StateSnapshot, Writer};
use crate::clients::{self, Connections};
use crate::config::load::{Head, LoadRequest, UnsetVariables, load, locate};
use crate::config::project::{Environment, Inputs, Project};
use crate::config::schema::KindSchema;
use crate::diagnostic::{Diagnostic, Diagnostics, SourceMap};
use crate::document::ContentHash;
use crate::gate::{ApprovedPlan, GateInput};
use crate::graph;
use crate::kinds::{self, Desired};
use crate::past::{self, Base};
use crate::plan::around::Neighbours;
use crate::plan::impact::Flows;
use crate::plan::propose::Observed;
use crate::plan::survey::{SurveyInput, desired_hash, survey};
use crate::plan::{Mode, Plan, Selection, around, conclude, impact, propose};
use crate::refresh::{self, Absence, Drivers, RefreshError};
use crate::source::Snapshot;
use crate::state::State;

/// The version of this program.
pub const TOOL: &str = env!("CARGO_PKG_VERSION");

/// Which project, for which environment.
#[derive(Clone)]
pub struct Request {
    /// The project's files.
    pub snapshot: Snapshot,
    /// The environment; `None` where the project declares none.
    pub environment: Option<EnvironmentName>,
    /// Values of variables from outside.
    pub inputs: Inputs,
    /// The folder that relative paths outside of the project's tree start from: of the local state, of
    /// certificates, of secrets.
    pub base: PathBuf,
}

/// A project, ready to be compared with its environment.
pub struct Prepared {
    /// The project, its resources taken out.
    pub project: Project,
    /// Its objects.
    pub desired: BTreeMap<Address, Desired>,
    /// Where its state lives.
    pub backend: LocalBackend,
    /// The git commit.
    pub commit: Option<String>,
    /// The drivers of its providers, not connected yet.
    pub drivers: Drivers,
    looking: Option<JoinHandle<Looked>>,
    look: Option<Look>,
}

/// What [`prepare_looking`] reads beside the loading: the state, and the objects that it owns.
type Looked = Result<(StateSnapshot, Look), BackendError>;

/// The live objects of a state, read before the project was known.
struct Look {
    state: ContentHash,
    drivers: Drivers,
    observed: Result<Observed, RefreshError>,
}

/// What a plan is asked to be.
#[derive(Debug, Clone)]
pub struct PlanOptions {
    /// What it is for.
    pub mode: Mode,
    /// What it is restricted to.
    pub selection: Selection,
    /// Objects to adopt besides those of `import` blocks.
    pub imports: Vec<(Address, String)>,
    /// The commit whose project, and whose history, stand in for a system that is away.
    pub base: Option<Base>,
}

impl Default for PlanOptions {
    fn default() -> Self {
        Self {
            mode: Mode::Apply,
            selection: Selection::default(),
            imports: Vec::new(),
            base: None,
        }
    }
}

/// The state that a plan starts from.
#[derive(Debug, Clone)]
pub struct Basis {
    /// The state, an interrupted apply's journal folded in.
    pub state: State,
    /// Its content hash.
    pub hash: ContentHash,
}

impl From<StateSnapshot> for Basis {
    fn from(snapshot: StateSnapshot) -> Self {
        Self {
            state: snapshot.state,
            hash: snapshot.hash,
        }
    }
}

impl From<&Writer> for Basis {
    fn from(writer: &Writer) -> Self {
        Self {
            state: writer.state().clone(),
            hash: writer.stored_hash(),
        }
    }
}

/// A plan and what is needed to apply it.
pub struct Planned {
    /// The plan.
    pub plan: Plan,
    /// The drivers, connected.
    pub drivers: Drivers,
    /// The environment.
    pub environment: Environment,
    /// What the project permits: its part of the gates' input.
    pub gates: GateInput,
    /// Where each changed object stands in the source, to point at.
    pub places: BTreeMap<Address, Desired>,
    /// The texts that the places are in.
    pub sources: SourceMap,
}

/// Why an environment could not be planned.
#[derive(Debug, Clone, thiserror::Error)]
pub enum PlanError {
    /// The project is wrong, or asks for what cannot be: it stays so until somebody changes it.
    #[error("{}", .0.summaries())]
    Project(Diagnostics),
    /// Something outside could not be read: it may work later.
    #[error("{}", .0.summaries())]
    Outside(Diagnostics),
}

impl From<PlanError> for Diagnostics {
    fn from(error: PlanError) -> Self {
        match error {
            PlanError::Project(found) | PlanError::Outside(found) => found,
        }
    }
}

/// Loads a project and decodes its objects. Reads files and nothing else.
pub fn prepare(request: &Request) -> Result<Prepared, Diagnostics> {
    prepare_telling(request, None)
}

/// Loads a project and decodes its objects. Meanwhile reads the state and the objects that it owns: for plans,
/// which take no lease. Call it on a runtime whose other threads are free.
pub fn prepare_looking(request: &Request) -> Result<Prepared, Diagnostics> {
    let looking = OnceCell::new();
    let on_head = |head: &Head<'_>| {
        // A project that is loaded a second time is the same one.
        looking.get_or_init(|| {
            let (backend, drivers) = reach(request, head).ok()?;
            Some(tokio::spawn(look(backend, drivers)))
        });
    };
    let mut prepared = prepare_telling(request, Some(&on_head))?;
    prepared.looking = looking.into_inner().flatten();
    Ok(prepared)
}

/// Reads which objects a project has: see [`config::load::locate`](locate). Tells `reached` where its environment's
/// state lives and the drivers of its providers, not connected yet: as soon as they are known, before it reads the
/// rest, and before it returns addresses in any case.
pub fn locate_telling(
    request: &Request,
    reached: impl FnOnce(LocalBackend, Drivers),
) -> Result<BTreeSet<Address>, Diagnostics> {
    let reached = RefCell::new(Some(reached));
    let tell = |head: &Head<'_>| {
        let mut untold = reached.borrow_mut();
        // A project that is loaded a second time is the same one.
        if untold.is_some() {
            let (backend, drivers) = reach(request, head)?;
            if let Some(reached) = untold.take() {
                reached(backend, drivers);
            }
        }
        Ok(())
    };
    let on_head = |head: &Head<'_>| {
        // Where that cannot be, it is tried again at the end, which can show the place.
        tell(head).unwrap_or_default();
    };
    let located = locate(&load_request(request, &kinds::schemas(), Some(&on_head)))?; // (pure, over the files)
    let head = Head {
        settings: &located.settings,
        environment: &located.environment.name,
        providers: &located.providers,
    };
    tell(&head).map_err(|errors: Diagnostics| located.sources.attach(errors))?;
    Ok(located.addresses)
}

/// Returns where an environment's state lives, and the drivers of its providers, not connected yet.
fn reach(request: &Request, head: &Head<'_>) -> Result<(LocalBackend, Drivers), Diagnostics> {
    let backend = backend::open(head.settings, &request.base, head.environment.clone())?;
    let connections = Connections::new(head.providers, &request.base)
        .with_files(Arc::clone(&request.snapshot.files));
    Ok((backend, Drivers::new(connections)))
}

/// Is told how an environment is reached.
type OnHead<'h> = dyn Fn(&Head<'_>) + 'h;

async fn look(backend: LocalBackend, mut drivers: Drivers) -> Looked {
    let snapshot = backend.read().await?;
    let observed = refresh::observe_owned(&mut drivers, &snapshot.state).await;
    let look = Look {
        state: snapshot.hash,
        drivers,
        observed,
    };
    Ok((snapshot, look))
}

impl Prepared {
    /// Reads the state, or returns it as it was read while the project was loaded.
    pub async fn read_state(&mut self) -> Result<StateSnapshot, BackendError> {
        if let Some(looking) = self.looking.take()
            && let Ok(looked) = looking.await
        {
            let (snapshot, look) = looked?;
            self.look = Some(look);
            return Ok(snapshot);
        }
        self.backend.read().await
    }
}

fn prepare_telling(
    request: &Request,
    on_head: Option<&OnHead<'_>>,
) -> Result<Prepared, Diagnostics> {
    let mut project = load_telling(request, on_head)?; // (pure, over the files)
    let mut desired = kinds::decode(&project)?; // (pure)
    project.resources.clear();
    graph::infer::infer(&mut desired).map_err(|cycle| cycle.diagnostic())?; // (pure)
    let shared = kinds::groups::shared(&desired); // (pure)
    project.warnings.extend(project.sources.attach(shared));
    let head = Head {
        settings: &project.settings,
        environment: &project.environment.name,
        providers: &project.providers,
    };
    let (backend, drivers) =
        reach(request, &head).map_err(|errors| project.sources.attach(errors))?;
    let commit = request
        .snapshot
        .commit
        .as_ref()
        .map(|commit| commit.id.to_string());
    Ok(Prepared {
        project,
        desired,
        backend,
        commit,
        drivers,
        looking: None,
        look: None,
    })
}

/// Loads a project for one environment.
pub fn load_project(request: &Request) -> Result<Project, Diagnostics> {
    load_telling(request, None)
}

fn load_telling(request: &Request, on_head: Option<&OnHead<'_>>) -> Result<Project, Diagnostics> {
    load(&load_request(request, &kinds::schemas(), on_head))
}

fn load_request<'a>(
    request: &'a Request,
    kinds: &'a [KindSchema],
    on_head: Option<&'a OnHead<'a>>,
) -> LoadRequest<'a> {
    LoadRequest {
        files: &*request.snapshot.files,
        root: &request.snapshot.folder,
        environment: request.environment.as_ref(),
        inputs: &request.inputs,
        kinds,
        providers: clients::PROVIDERS,
        tool_version: TOOL,
        unset_variables: UnsetVariables::Refuse,
        on_head,
    }
}

/// Compares a project with its environment and measures what the changes would do.
pub async fn plan_environment(
    prepared: Prepared,
    basis: Basis,
    options: PlanOptions,
) -> Result<Planned, PlanError> {
    let Prepared {
        project,
        desired,
        commit,
        drivers,
        look,
        ..
    } = prepared;
    let gates = permitted(&project).map_err(PlanError::Project)?;
    let look = look.filter(|look| look.state == basis.hash);
    let (mut drivers, early) = if let Some(look) = look {
        (look.drivers, look.observed)
    } else {
        (drivers, Ok(Observed::new()))
    };
    let neighbours = Neighbours::of(&desired); // (pure)
    let flows = Flows::of(&desired, &project.providers); // (pure)
    let survey = survey(SurveyInput {
        project: &project,
        desired,
        state: basis.state,
        state_hash: basis.hash,
        mode: options.mode,
        selection: options.selection,
        imports: options.imports,
        commit,
        tool: TOOL,
    })
    .map_err(PlanError::Project)?; // (pure)
    let unread = |error| match error {
        RefreshError::Settings(found) => PlanError::Project(project.sources.attach(found)),
        RefreshError::Unreached(found) => PlanError::Outside(project.sources.attach(found)),
    };
    let early = match early {
        // What cannot be read may be what the selection leaves out, and is asked again.
        Err(_) if !survey.selection.is_all() || options.base.is_some() => Observed::new(),
        early => early.map_err(unread)?,
    };
    let absence = match options.base {
        Some(_) => Absence::OfAllKinds,
        None => Absence::OfSomeKinds,
    };
    let (observed, away) = refresh::observe(&mut drivers, &survey, early, absence)
        .await
        .map_err(unread)?; // (I/O)
    // What the state or the system said cannot be understood: the project is not what is wrong.
    let mut proposal = propose::propose(survey, &observed).map_err(PlanError::Outside)?; // (pure)
    drop(observed);
    past::recall(&mut proposal, &project.providers, options.base)
        .await
        .map_err(PlanError::Outside)?; // (I/O)
    around::place(&mut proposal, &neighbours); // (pure)
    let concerns = impact::concerns(&proposal, &flows).map_err(PlanError::Outside)?; // (pure)
    let places = places(&mut proposal);
    let facts = refresh::investigate(&mut drivers, &proposal)
        .await
        .map_err(unread)?; // (I/O)
    let users = refresh::users(&mut drivers, &concerns).await; // (I/O)
    let away = project.sources.attach(away);
    let mut plan = conclude::conclude(proposal, facts, away).map_err(PlanError::Outside)?; // (pure)
    impact::weigh(&mut plan, &concerns, &users).map_err(PlanError::Outside)?; // (pure)
    Ok(Planned {
        plan,
        drivers,
        environment: project.environment,
        gates,
        places,
        sources: project.sources,
    })
}

/// Returns what a saved plan is checked against: the hashes of the release and of the objects as
/// wanted, and what the project permits.
pub fn for_saved_plan(
    prepared: &Prepared,
) -> Result<((ContentHash, ContentHash), GateInput), Diagnostics> {
    let hashes = (prepared.project.release, desired_hash(&prepared.desired));
    Ok((hashes, permitted(&prepared.project)?))
}

/// Takes the source places of the changed objects out of a proposal; the rest of the survey is no longer needed.
fn places(proposal: &mut propose::Proposal) -> BTreeMap<Address, Desired> {
    let mut items = std::mem::take(&mut proposal.survey.items);
    let changed = proposal.changes.iter().map(|change| &change.address);
    let unread = proposal.unread.iter().map(|unread| &unread.address);
    changed
        .chain(unread)
        .filter_map(|address| Some((address.clone(), items.remove(address)?.desired?)))
        .collect()
}

/// Returns what the environment's block and the project's settings permit.
fn permitted(project: &Project) -> Result<GateInput, Diagnostics> {
    let environment = &project.environment;
    let allow_destroy = patterns("allow_destroy", &environment.allow_destroy)?;
    let allow_breaking = patterns("allow_breaking", &environment.allow_breaking)?;
    let max_deletions = project
        .environment
        .max_deletions
        .or(project.settings.max_deletions);
    Ok(GateInput {
        allow_destroy,
        allow_breaking,
        max_deletions,
        only_looks: false,
    })
}

fn patterns(attribute: &str, texts: &[Arc<str>]) -> Result<Vec<AddressPattern>, Diagnostics> {
    kinds::patterns(texts.iter().map(|text| &**text)).map_err(|error| {
        Diagnostic::error(
            "bad-address",
            format!("{attribute} holds something else than an address"),
        )
        .detail(error.to_string())
        .into()
    })
}

/// Why a plan may not be applied to the state as it is.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum StalePlan {
    /// Another environment's.
    #[error("the plan is for the environment {plan}, this is {here}")]
    Environment {
        /// The plan's.
        plan: EnvironmentName,
        /// The one that it was to be applied to.
        here: EnvironmentName,
    },
    /// Made by another version.
    #[error("the plan was made by version {0}, this is {TOOL}")]
    Tool(String),
    /// Another line of states.
    #[error(
        "the plan belongs to the lineage {plan:?}, the state to {here:?}: these are not states of one origin"
    )]
    Lineage {
        /// The plan's.
        plan: String,
        /// The state's.
        here: String,
    },
    /// The state moved on.
    #[error(
        "the plan was made on serial {plan} ({plan_hash}), the state is at serial {here} ({here_hash})"
    )]
    Serial {
        /// The plan's serial.
        plan: u64,
        /// The plan's content hash, in short.
        plan_hash: String,
        /// The state's serial.
        here: u64,
        /// The state's content hash, in short.
        here_hash: String,
    },
    /// The project is not the one that was planned.
    #[error("the project is not the one that the plan was made of: its objects or values changed")]
    Project,
}

/// Checks that a plan still belongs to the state, and to the project where one is at hand (pure).
pub fn check_basis(
    plan: &Plan,
    basis: &Basis,
    project: Option<(ContentHash, ContentHash)>,
) -> Result<(), StalePlan> {
    let saw = &plan.basis;
    let state = &basis.state;
    if saw.environment != state.environment {
        return Err(StalePlan::Environment {
            plan: saw.environment.clone(),
            here: state.environment.clone(),
        });
    }
    if saw.tool != TOOL {
        return Err(StalePlan::Tool(saw.tool.clone()));
    }
    // A plan made before there was a state has no lineage yet: its serial says what is wrong.
    if saw.lineage != state.lineage && !saw.lineage.is_empty() {
        return Err(StalePlan::Lineage {
            plan: saw.lineage.clone(),
            here: state.lineage.clone(),
        });
    }
    if saw.serial != state.serial || saw.state != basis.hash {
        return Err(StalePlan::Serial {
            plan: saw.serial,
            plan_hash: saw.state.short(),
            here: state.serial,
            here_hash: basis.hash.short(),
        });
    }
    match project {
        Some((release, desired)) if (release, desired) != (saw.release, saw.desired) => {
            Err(StalePlan::Project)
        }
        _ => Ok(()),
    }
}

/// Applies an approved plan under the lease that `writer` holds.
pub async fn apply_plan(
    approved: ApprovedPlan,
    writer: &mut Writer,
    drivers: &mut Drivers,
    events: &Events,
    interrupts: Interrupts,
) -> Result<ApplyOutcome, ApplyError> {
    apply::apply(approved, writer, drivers, events, interrupts).await // (I/O)
}
