//! The loader's result: everything that a project says about one environment, evaluated.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use crate::address::{Address, EnvironmentName, ProviderAddress};
use crate::diagnostic::{Diagnostics, SourceMap, Span};
use crate::document::ContentHash;

use super::block::{Attribute, Block};
use super::value::Value;

/// A project, evaluated for one environment.
#[derive(Debug, Clone)]
pub struct Project {
    /// The `streamform` block.
    pub settings: Settings,
    /// The environment that was asked for.
    pub environment: Environment,
    /// The names of all environments that the project declares.
    pub environments: Vec<EnvironmentName>,
    /// The providers that the resources use, by address.
    pub providers: BTreeMap<ProviderAddress, Provider>,
    /// The objects of all modules, by address.
    pub resources: BTreeMap<Address, Resource>,
    /// `moved` blocks, in the order of the source.
    pub moved: Vec<Moved>,
    /// `import` blocks.
    pub imports: Vec<Import>,
    /// `removed` blocks.
    pub removed: Vec<Removed>,
    /// `check` blocks' results and the resources' pre- and postconditions that failed softly.
    pub checks: Vec<CheckResult>,
    /// The root module's outputs.
    pub outputs: BTreeMap<Arc<str>, Output>,
    /// The content hash of everything that decides the outcome, values of the environment excluded:
    /// the tokens of the HCL files (comments and layout excluded) and the files read by functions.
    pub release: ContentHash,
    /// Warnings found on the way.
    pub warnings: Diagnostics,
    /// The texts, for later messages that point at the source.
    pub sources: SourceMap,
}

/// The `streamform` block.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    /// `required_version`, checked already.
    pub required_version: Option<Arc<str>>,
    /// `state "KIND" { … }`; local in `.streamform` where it is absent.
    pub state: Option<Block>,
    /// The largest number of deletions in one plan without an override; `max_deletions`.
    pub max_deletions: Option<u64>,
}

/// An `environment` block, or the one that a project without such blocks has.
#[derive(Debug, Clone)]
pub struct Environment {
    /// The block's label; `default` where the project declares none.
    pub name: EnvironmentName,
    /// What the reconciler does with a plan.
    pub apply: ApplyPolicy,
    /// What the reconciler does with drift.
    pub drift: DriftPolicy,
    /// Overrides [`Settings::max_deletions`].
    pub max_deletions: Option<u64>,
    /// `allow_destroy`: addresses whose destructive operations the configuration allows.
    pub allow_destroy: Vec<Arc<str>>,
    /// `allow_breaking`: addresses whose changes are allowed that no order of upgrades makes safe.
    pub allow_breaking: Vec<Arc<str>>,
    /// The environment whose releases may come here; promotion reads it.
    pub promotes_from: Option<EnvironmentName>,
    /// `verify`: what must hold before a release may go on from here.
    pub verify: Option<Verification>,
}

impl Environment {
    /// Returns an environment with the settings that a block without attributes has.
    pub fn named(name: EnvironmentName) -> Self {
        Self {
            name,
            apply: ApplyPolicy::default(),
            drift: DriftPolicy::default(),
            max_deletions: None,
            allow_destroy: Vec::new(),
            allow_breaking: Vec::new(),
            promotes_from: None,
            verify: None,
        }
    }
}

/// A `verify` block of an environment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Verification {
    /// How long a release must stay healthy.
    pub soak: Option<Duration>,
}

/// What the reconciler does with a plan that passed its gates.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ApplyPolicy {
    /// Applies it.
    #[default]
    Auto,
    /// Waits for an approval.
    Approval,
    /// Only reports it.
    Manual,
}

/// What the reconciler does with drift.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum DriftPolicy {
    /// Puts the live system back.
    #[default]
    Revert,
    /// Only reports it.
    Report,
    /// Says nothing.
    Ignore,
}

/// A `provider` block, evaluated. Settings may be secrets.
#[derive(Debug, Clone, PartialEq)]
pub struct Provider {
    /// The settings by name, `alias` taken out.
    pub settings: BTreeMap<Arc<str>, Attribute>,
    /// The block's header.
    pub span: Span,
}

/// One object that the project wants to exist.
#[derive(Debug, Clone)]
pub struct Resource {
    /// Its address.
    pub address: Address,
    /// The provider it uses.
    pub provider: ProviderAddress,
    /// The evaluated body without meta-arguments; `name_attribute` is filled in.
    pub body: Block,
    /// Objects named in `depends_on` and in expressions: whole blocks or instances that exist.
    pub depends_on: BTreeSet<Address>,
    /// The `lifecycle` block.
    pub lifecycle: Lifecycle,
}

/// A `lifecycle` block.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a flag that the block has"
)]
pub struct Lifecycle {
    /// The object may not be destroyed; kept in state, so that removing the block does not remove it.
    pub prevent_destroy: bool,
    /// `allow_destroy = true`: destructive operations on this object are allowed.
    pub allow_destroy: bool,
    /// `allow_breaking = true`: changes of this object are allowed that no order of upgrades makes safe.
    pub allow_breaking: bool,
    /// Attributes whose difference from the live object is not acted on, as paths: `partitions`,
    /// `config["retention.ms"]`.
    pub ignore_changes: Vec<Arc<str>>,
    /// `ignore_changes = all`.
    pub ignore_all_changes: bool,
    /// Failed preconditions are errors of the loader; postconditions are checked after apply.
    pub postconditions: Vec<CheckResult>,
}

/// `moved { from = … to = … }`
#[derive(Debug, Clone)]
pub struct Moved {
    /// The old address: an object, a block or a module.
    pub from: crate::address::AddressPattern,
    /// The new address.
    pub to: crate::address::AddressPattern,
    /// The block.
    pub span: Span,
}

/// `import { to = … id = "…" }`
#[derive(Debug, Clone)]
pub struct Import {
    /// The object's address.
    pub to: Address,
    /// The object's name in the live system.
    pub id: Arc<str>,
    /// The block.
    pub span: Span,
}

/// `removed { from = … lifecycle { destroy = … } }`
#[derive(Debug, Clone)]
pub struct Removed {
    /// The address that the project no longer holds.
    pub from: crate::address::AddressPattern,
    /// Whether the live object is deleted (`true`) or only forgotten.
    pub destroy: bool,
    /// The block.
    pub span: Span,
}

/// The result of one condition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckResult {
    /// `check.NAME` or an object's address and `postcondition`.
    pub name: Arc<str>,
    /// Whether the condition held; `None` where it is unknown.
    pub passed: Option<bool>,
    /// The block's `error_message`.
    pub message: Arc<str>,
    /// The condition.
    pub span: Span,
}

/// An `output` block of the root module.
#[derive(Debug, Clone)]
pub struct Output {
    /// Its value.
    pub value: Value,
    /// Whether it may not be shown.
    pub sensitive: bool,
    /// `description`.
    pub description: Option<Arc<str>>,
}

/// Where the values of variables come from, weakest first: `STREAMFORM_VAR_x`, `*.auto.vars.hcl` and
/// the environment's values file, files of `--var-file`, `--var`.
#[derive(Debug, Clone, Default)]
pub struct Inputs {
    /// `STREAMFORM_VAR_x` without the prefix, read by the command line's entry.
    pub environment_variables: BTreeMap<String, String>,
    /// `--var-file` and `--var`, in the order of the command line.
    pub arguments: Vec<InputArgument>,
}

/// One `--var` or `--var-file`.
#[derive(Debug, Clone)]
pub enum InputArgument {
    /// `--var NAME=VALUE`: the text is a string for a string variable, else an expression.
    Variable(String, String),
    /// The same, not looked at where the project has no such variable: it may be another commit's.
    IfDeclared(String, String),
    /// `--var-file PATH`, with the file's text.
    File(String, String),
}
