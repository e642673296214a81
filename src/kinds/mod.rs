//! The kinds of objects that Streamform manages: one folder a kind, the same file names in each. Pure
//! but for each kind's `driver.rs`.
//!
//! - `mod`: the [`Kind`] itself: its keyword, its schema, what ties the files together
//! - `spec`: what HCL says, typed: block → [`Kind::Spec`]
//! - `diff`: what differs between desired, prior and live
//! - `checks`: what a change would break or destroy, one function a rule
//! - `driver`: how to reach it: batches in, one outcome per item out (I/O)
//!
//! A new kind is one folder, its `mod` line and one row in [`KINDS`]. Inside a kind the code uses
//! typed fields; between kinds only [`Document`] travels, and [`entry`] alone erases types.

mod attribute;
pub mod connector;
pub mod consumer_group;
pub mod driver;
pub mod entry;
pub mod groups;
pub mod health;
pub mod job;
pub mod kafka_streams;
pub mod past;
pub mod quantity;
pub mod relation;
pub mod schema;
pub mod schema_registry;
mod settings;
pub mod topic;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::address::{Address, AddressPattern, ProviderAddress};
use crate::config::block::{Attribute, Block};
use crate::config::project::{Lifecycle, Project, Resource};
use crate::config::schema::KindSchema;
use crate::diagnostic::{Diagnostic, Diagnostics, Span};
use crate::document::Document;

pub use entry::KindEntry;
pub use health::{Health, Healthy, Look, NoVitals, Verdict};
pub use past::{Memory, Past, Recall};
pub use relation::{Around, LiveUser, Neighbour, Relation, Ripple, Role};

/// All kinds, by keyword.
pub static KINDS: &[KindEntry] = &[
    KindEntry::of::<connector::driver::ConnectorDriver>(),
    KindEntry::of::<consumer_group::driver::ConsumerGroupDriver>(),
    KindEntry::of::<job::driver::JobDriver>(),
    KindEntry::of::<kafka_streams::driver::KafkaStreamsDriver>(),
    KindEntry::of::<schema::driver::SchemaDriver>(),
    KindEntry::of::<schema_registry::driver::RegistryDriver>(),
    KindEntry::of::<topic::driver::TopicDriver>(),
];

/// Returns a kind by its keyword.
pub fn kind(name: &str) -> Option<&'static KindEntry> {
    KINDS.iter().find(|entry| entry.name == name)
}

/// Returns the schemas of all kinds that have blocks, for the configuration's loader.
pub fn schemas() -> Vec<KindSchema> {
    let blocks = KINDS.iter().filter(|entry| entry.settings.is_empty());
    blocks.map(|entry| entry.schema).collect()
}

/// What a kind means. Pure.
pub trait Kind: Sized + Send + Sync + 'static {
    /// The block's keyword.
    const NAME: &'static str;
    /// How the block is written.
    const SCHEMA: KindSchema;
    /// The settings of a provider that describe an object of this kind, which then has no block: the provider has
    /// it where one of them is set.
    const SETTINGS: &'static [&'static str] = &[];
    /// Whether a block only declares what the system makes by itself, such as a group of consumers. What the
    /// project says is recorded in the state and no more: an object that is there need not be taken over, one
    /// that is not there is not missing, and where the block goes only the record does.
    /// What a block asks to be done once is done all the same ([`Kind::acts`]).
    const DECLARATION: bool = false;
    /// Whether a plan can be made while the system is away: its objects are then unread, and the
    /// rules judge by what HCL and the state say.
    const PLANS_UNREAD: bool = false;
    /// Whether its objects do well or badly, beyond being there: `status` and `apply --wait` then look at
    /// them, by [`Driver::vitals`](driver::Driver::vitals) and [`Kind::judge`].
    const HAS_HEALTH: bool = false;
    /// Whether its driver reads vitals of them; else only their [groups](Kind::groups) tell how they do.
    const HAS_VITALS: bool = false;
    /// Whether what a description means can change while it reads the same, as the value of a secret that it
    /// names: it is then compared with the live object even where that is as it was applied.
    const MEANING_VARIES: bool = false;
    /// Whether its objects make something of their own to fit the partitions of what they read, and break when
    /// there are more of them.
    const FITS_PARTITIONS: bool = false;
    /// Whether an object of another kind belongs to one of this kind, which makes it and deletes it: this one's
    /// name, the other one's kind and name. None of the other kinds' objects do where it is not set.
    const CLAIMS: Option<Claims> = None;
    /// What HCL says: a canonical, secret-free description; also what the state keeps.
    type Spec: Serialize + DeserializeOwned + Clone + Send + Sync;
    /// What the system says.
    type Live: Serialize + DeserializeOwned + Clone + Send + Sync;
    /// What the checks must know beside the live object.
    type Facts: Serialize + DeserializeOwned + Default + Send + Sync;
    /// What one look shows of how an object does; [`NoVitals`] where there is nothing to be read.
    type Vitals: Serialize + DeserializeOwned + Send + Sync;

    /// Reads an evaluated block.
    fn decode(block: &Block) -> Result<Self::Spec, Diagnostics>;

    /// Returns the object's name in the live system.
    fn identity(spec: &Self::Spec) -> String;

    /// Returns the other objects that the settings name. A managed one among them is needed: it comes first.
    fn relations(_spec: &Self::Spec) -> Vec<Relation> {
        Vec::new()
    }

    /// Returns the other objects that the settings name by a regular expression, which stands in the place of
    /// the name and matches a whole one: those of the project are then [relations](Kind::relations), too.
    fn patterns(_spec: &Self::Spec) -> Vec<Relation> {
        Vec::new()
    }

    /// Returns whom to talk to about the object, where its block tells.
    fn owner(_spec: &Self::Spec) -> Option<&str> {
        None
    }

    /// Returns why an object may never be touched, if so: it belongs to the system itself.
    fn reserved(remote_id: &str) -> Option<&'static str>;

    /// Returns a second name that no two objects of one provider may have in common either, and why.
    fn second_name(remote_id: &str) -> Option<(String, &'static str)> {
        let _ = remote_id;
        None
    }

    /// Returns what has to change so that `live` becomes `spec`. Attributes that `spec` does not set
    /// are not managed, except those that `history` set: they go back to their default.
    ///
    /// `history` holds what was applied, the latest first: one description where the last apply
    /// settled, several where operations ended without a known result, none where we never applied.
    fn diff(spec: &Self::Spec, history: &[Self::Spec], live: &Self::Live) -> Vec<Delta>;

    /// Whether a declaration asks for something to be done that `applied`, what the state knows for sure to be
    /// applied, did not ask for: it then reaches the driver, whether its object is there or not, and once that
    /// went well it is done for as long as the block asks for the same.
    fn acts(spec: &Self::Spec, applied: Option<&Self::Spec>) -> bool {
        let _ = (spec, applied);
        false
    }

    /// Returns what was changed outside since `prior` was applied: `before` is what was applied, `after`
    /// what is now. `outcome` is what [`Kind::outcome`] said then.
    fn drift(prior: &Self::Spec, outcome: Option<&Document>, live: &Self::Live) -> Vec<Delta> {
        // What would have to change so that the live object becomes what was applied, turned around.
        let _ = outcome;
        let deltas = Self::diff(prior, std::slice::from_ref(prior), live).into_iter();
        let turned = deltas.map(|delta| Delta {
            before: delta.after,
            after: delta.before,
            drift: true,
            ..delta
        });
        turned.collect()
    }

    /// Whether an object is as it was seen, so that what was planned for it then may be done now. The two are not
    /// the same in all: what changes by itself may be passed over.
    fn is_unmoved(_seen: &Self::Live, _now: &Self::Live) -> bool {
        false
    }

    /// Whether two descriptions mean the same: one that was only written anew is no change.
    fn equivalent(a: &Self::Spec, b: &Self::Spec) -> bool {
        Document::of(a) == Document::of(b)
    }

    /// Returns what the state remembers of an object that is as wanted: what the system gave out and
    /// nobody can want, such as numbers. It is never carried to another environment.
    fn outcome(live: &Self::Live) -> Option<Document> {
        let _ = live;
        None
    }

    /// Returns `spec` with the values that `live` has now: what the state holds after an adoption
    /// that changes nothing.
    fn adopt(spec: &Self::Spec, live: &Self::Live) -> Self::Spec;

    /// Returns why an object cannot be taken over, whatever its block says.
    fn cannot_adopt(live: &Self::Live) -> Option<Finding> {
        let _ = live;
        None
    }

    /// Returns what a change means to those who read and write what the object describes
    /// ([`Role::Describes`]); `None` where they will not notice.
    ///
    /// Asked twice: without facts, to know whether anybody has to be looked for, and with them.
    fn ripple(_change: &CheckInput<'_, Self>) -> Option<Ripple> {
        None
    }

    /// Returns how far back the project's history counts for a wanted object whose system is away; asked of
    /// kinds that [can be planned](Kind::PLANS_UNREAD) then. `settings` are those of its provider.
    fn memory(_spec: &Self::Spec, _settings: &BTreeMap<Arc<str>, Attribute>) -> Memory {
        Memory::Nothing
    }

    /// Returns what the rules can know of such an object without its system.
    fn recall(_spec: &Self::Spec, _recall: Recall<'_, Self::Spec>) -> Self::Facts {
        Self::Facts::default()
    }

    /// Returns the ids of the groups of consumers that the object reads topics by: their offsets are read
    /// for the looks at it. `outcome` is what [`Kind::outcome`] said at the last apply.
    fn groups(_spec: &Self::Spec, _outcome: Option<&Document>) -> Vec<String> {
        Vec::new()
    }

    /// Returns what it takes to be healthy beyond what the kind demands anyway: the `healthy` block.
    fn healthy(_spec: &Self::Spec) -> Healthy {
        Healthy::default()
    }

    /// Returns how an object does, from one or more looks at it, the earliest first. `spec` is what was
    /// applied, `outcome` what [`Kind::outcome`] said then.
    fn judge(
        _spec: &Self::Spec,
        _outcome: Option<&Document>,
        _looks: &[Look<Self::Vitals>],
    ) -> Health {
        Health::new()
    }

    /// The rules that a change of this kind is held against.
    fn checks() -> &'static [Check<Self>];
}

/// See [`Kind::CLAIMS`].
pub type Claims = fn(&str, &str, &str) -> bool;

/// The finding about a change that is known to break somebody who reads the object: a person decides.
pub const BREAKS_READERS: &str = "breaks-readers";

/// One rule: what it looks at and the function that applies it.
pub struct Check<K: Kind> {
    /// A stable name for programs, such as `partition-decrease`.
    pub code: &'static str,
    /// Returns what the rule finds in a change.
    pub run: fn(&CheckInput<'_, K>) -> Vec<Finding>,
}

/// What a rule looks at.
pub struct CheckInput<'a, K: Kind> {
    /// What is about to be done.
    pub action: Action,
    /// The object's name in the live system.
    pub remote_id: &'a str,
    /// What HCL says; absent for a deletion.
    pub spec: Option<&'a K::Spec>,
    /// What was last applied.
    pub prior: Option<&'a K::Spec>,
    /// What the system says; absent where there is no object.
    pub live: Option<&'a K::Live>,
    /// What differs.
    pub deltas: &'a [Delta],
    /// What was measured for this change.
    pub facts: &'a K::Facts,
    /// What the project says around the object.
    pub around: &'a Around,
}

/// What is done to an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Action {
    /// Makes it.
    Create,
    /// Changes it in place.
    Update,
    /// Deletes it.
    Delete,
    /// Takes an existing object into the state, and changes it where it differs.
    Adopt,
    /// Drops it from the state; the live object stays.
    Forget,
    /// Only the state is brought up to date: the live object is as wanted already, or is only declared.
    Record,
    /// Nothing.
    NoOp,
}

impl Action {
    /// The sign in front of a line of the plan.
    pub fn sign(self) -> &'static str {
        match self {
            Self::Create => "+",
            Self::Update => "~",
            Self::Delete => "-",
            Self::Adopt => "<=",
            Self::Forget => ".",
            Self::Record => "=",
            Self::NoOp => " ",
        }
    }

    /// Whether the live object is deleted on the way.
    pub fn deletes(self) -> bool {
        matches!(self, Self::Delete)
    }

    /// Whether a driver has to do something, if the object differs.
    pub fn reaches_out(self) -> bool {
        matches!(
            self,
            Self::Create | Self::Update | Self::Delete | Self::Adopt
        )
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Create => "create",
            Self::Update => "update",
            Self::Delete => "delete",
            Self::Adopt => "adopt",
            Self::Forget => "forget",
            Self::Record => "record",
            Self::NoOp => "no-op",
        })
    }
}

/// One attribute that differs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Delta {
    /// The attribute, as a path: `partitions`, `config["retention.ms"]`.
    pub path: String,
    /// What it is now; null where it is not set.
    pub before: serde_json::Value,
    /// What it will be; null where it is no longer set.
    pub after: serde_json::Value,
    /// A word for people about either side: `inherited: 604800000`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// Whether the difference (also) comes from a change made outside since the last apply.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub drift: bool,
}

/// How much a finding weighs. The order is the order of weight.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Weight {
    /// Good to know.
    Note,
    /// Something may behave differently.
    Warning,
    /// A reader or writer is known to break or to see other results.
    Breaking,
    /// Versions of a schema do not get along as their level demands; another level or schema helps.
    Incompatible,
    /// Data or state is lost; needs permission.
    Destructive,
    /// Cannot be done; no permission helps.
    Error,
}

/// What a rule found in a change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Finding {
    /// The rule's name.
    pub code: String,
    /// How much it weighs.
    pub weight: Weight,
    /// One line, a sentence without a full stop.
    pub summary: String,
    /// What was found and what it means.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub detail: String,
    /// What to do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
    /// The attribute it is about, as a path.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// What is lost.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub loss: Option<Loss>,
    /// The objects because of which it holds, if it is about others: once the plan deletes all of
    /// them, it is void.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub while_there: Vec<ObjectName>,
    /// The object for want of which it holds: it is void where the plan makes it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unless_made: Option<ObjectName>,
}

/// An object by its kind and its name in the live system.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ObjectName {
    /// The kind's keyword.
    pub kind: String,
    /// The name.
    pub remote_id: String,
}

/// What a change destroys, as measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Loss {
    /// How many records.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub records: Option<u64>,
    /// How many bytes on disk, one replica counted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bytes: Option<u64>,
    /// The age of the oldest record when it was measured, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub oldest_age_ms: Option<u64>,
}

impl Finding {
    /// Returns a finding with a weight and one line.
    pub fn new(code: &str, weight: Weight, summary: impl Into<String>) -> Self {
        Self {
            code: code.to_owned(),
            weight,
            summary: summary.into(),
            detail: String::new(),
            hint: None,
            path: None,
            loss: None,
            while_there: Vec::new(),
            unless_made: None,
        }
    }

    /// Adds what was found and what it means.
    #[must_use]
    pub fn detail(mut self, detail: impl Into<String>) -> Self {
        self.detail = detail.into();
        self
    }

    /// Adds what to do.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Adds the attribute.
    #[must_use]
    pub fn on(mut self, path: impl Into<String>) -> Self {
        self.path = Some(path.into());
        self
    }

    /// Says that it holds only while one of these objects stays.
    #[must_use]
    pub fn while_there<'a>(
        mut self,
        kind: &str,
        remote_ids: impl IntoIterator<Item = &'a str>,
    ) -> Self {
        let names = remote_ids.into_iter().map(|remote_id| ObjectName {
            kind: kind.to_owned(),
            remote_id: remote_id.to_owned(),
        });
        self.while_there.extend(names);
        self
    }

    /// Says that it does not hold where the plan makes this object.
    #[must_use]
    pub fn unless_made(mut self, kind: &str, remote_id: &str) -> Self {
        self.unless_made = Some(ObjectName {
            kind: kind.to_owned(),
            remote_id: remote_id.to_owned(),
        });
        self
    }

    /// Adds what is lost.
    #[must_use]
    pub fn loses(mut self, loss: Loss) -> Self {
        self.loss = Some(loss);
        self
    }
}

/// An object that the project wants to exist, decoded by its kind.
#[derive(Debug, Clone)]
pub struct Desired {
    /// The provider that reaches it.
    pub provider: ProviderAddress,
    /// Its name in the live system.
    pub remote_id: String,
    /// The kind's canonical description.
    pub spec: Document,
    /// The objects it needs, directly.
    pub depends_on: BTreeSet<Address>,
    /// Those of them that no reference names, only a name in a setting.
    pub inferred: BTreeSet<Address>,
    /// The other objects that its settings name.
    pub relations: Vec<Relation>,
    /// Whom to talk to about it.
    pub owner: Option<String>,
    /// The `lifecycle` block.
    pub lifecycle: Lifecycle,
    /// The block's header.
    pub span: Span,
    /// The places of its attributes, to point at: paths and spans.
    pub places: Box<[(Arc<str>, Span)]>,
}

/// Decodes all resources of a project. Reports every problem, and two objects with one identity.
pub fn decode(project: &Project) -> Result<BTreeMap<Address, Desired>, Diagnostics> {
    let mut diagnostics = Diagnostics::new();
    let mut desired = BTreeMap::new();
    let mut owners = Owners::default();
    let mut patterns = Vec::new();
    let of_providers = settings::resources(project);
    let resources = of_providers
        .iter()
        .map(|resource| (&resource.address, resource));
    for (address, resource) in project.resources.iter().chain(resources) {
        let Some(entry) = kind(&address.kind) else {
            diagnostics.push(
                Diagnostic::error("unknown-kind", format!("Unknown kind {:?}", address.kind))
                    .at(resource.body.span.clone()),
            );
            continue;
        };
        let decoded = (entry.decode)(&resource.body).map_err(|found| {
            found
                .into_iter()
                .map(|diagnostic| diagnostic.on(address))
                .collect::<Diagnostics>()
        });
        let Some(decoded) = diagnostics.take(decoded) else {
            continue;
        };
        owners.add(
            entry,
            address,
            resource,
            &decoded.remote_id,
            &mut diagnostics,
        );
        if let Some(reason) = (entry.reserved)(&decoded.remote_id) {
            let place = resource.body.attributes.get("name");
            let place = place.map_or(&resource.body.span, |name| &name.value_span);
            diagnostics.push(
                reserved(entry, &decoded.remote_id, reason)
                    .at(place.clone())
                    .on(address),
            );
        }
        if !decoded.patterns.is_empty() {
            patterns.push((address, decoded.patterns));
        }
        let taken = desired.insert(
            address.clone(),
            Desired {
                provider: resource.provider.clone(),
                remote_id: decoded.remote_id,
                spec: decoded.spec,
                depends_on: resource.depends_on.clone(),
                inferred: BTreeSet::new(),
                relations: decoded.relations,
                owner: decoded.owner,
                lifecycle: resource.lifecycle.clone(),
                span: resource.body.span.clone(),
                places: places(&resource.body),
            },
        );
        if taken.is_some() {
            let summary = format!("Two providers' settings are both {address}");
            diagnostics.push(
                Diagnostic::error("duplicate-object", summary)
                    .at(resource.body.span.clone())
                    .hint("give the provider another alias"),
            );
        }
    }
    if diagnostics.has_errors() {
        return Err(project.sources.attach(diagnostics));
    }
    for (address, patterns) in patterns {
        let matched = relation::matched(&patterns, &desired);
        if let Some(object) = desired.get_mut(address) {
            object.relations.extend(matched);
            object.relations.sort();
            object.relations.dedup();
        }
    }
    Ok(desired)
}

/// Returns the error about an object that belongs to the system itself.
pub(crate) fn reserved(kind: &KindEntry, remote_id: &str, reason: &str) -> Diagnostic {
    let summary = format!("The {} {remote_id:?} cannot be managed", kind.name);
    Diagnostic::error("reserved-object", summary).detail(reason)
}

/// Which block has which name: kind, provider, name → address, the name itself, the block's place.
#[derive(Default)]
struct Owners<'a> {
    names: BTreeMap<Owned<'a>, (&'a Address, &'a Span)>,
    second_names: BTreeMap<Owned<'a>, (&'a Address, String)>,
}

type Owned<'a> = (&'static str, &'a ProviderAddress, String);

impl<'a> Owners<'a> {
    /// Adds an object, and reports that its name is another one's.
    fn add(
        &mut self,
        kind: &KindEntry,
        address: &'a Address,
        resource: &'a Resource,
        remote_id: &str,
        found: &mut Diagnostics,
    ) {
        let owned = |name: String| (kind.name, &resource.provider, name);
        let place = &resource.body.span;
        let other = self
            .names
            .insert(owned(remote_id.to_owned()), (address, place));
        if let Some((other, other_place)) = other {
            let summary = format!(
                "{other} and {address} are both the {} {remote_id:?}",
                kind.name
            );
            found.push(
                Diagnostic::error("duplicate-object", summary)
                    .at(place.clone())
                    .on(address)
                    .detail(format!("The other block is in {}.", other_place.file))
                    .hint("give one of them another name, or remove it"),
            );
            return;
        }
        let Some((second, why)) = (kind.second_name)(remote_id) else {
            return;
        };
        let other = self
            .second_names
            .insert(owned(second), (address, remote_id.to_owned()));
        if let Some((other, other_id)) = other {
            let summary = format!("{other} ({other_id:?}) and {address} ({remote_id:?}) collide");
            found.push(
                Diagnostic::error("name-collision", summary)
                    .at(place.clone())
                    .on(address)
                    .detail(why)
                    .hint("give one of them another name"),
            );
        }
    }
}

fn places(block: &Block) -> Box<[(Arc<str>, Span)]> {
    let attributes = block.attributes.iter();
    attributes
        .map(|(name, attribute)| (Arc::clone(name), attribute.value_span.clone()))
        .collect()
}

impl Desired {
    /// Returns the place to point at for an attribute: its own, that of the attribute around it, or
    /// the block's header.
    pub fn place(&self, path: Option<&str>) -> &Span {
        path.and_then(|path| {
            let outer = path.split(['[', '.']).next().unwrap_or(path);
            let place = |wanted: &str| self.places.iter().find(|(name, _)| **name == *wanted);
            place(path).or_else(|| place(outer)).map(|(_, span)| span)
        })
        .unwrap_or(&self.span)
    }
}

/// Parses the addresses of `allow_destroy`.
pub fn patterns<'a>(
    texts: impl IntoIterator<Item = &'a str>,
) -> Result<Vec<AddressPattern>, crate::address::ParseAddressError> {
    texts.into_iter().map(str::parse).collect()
}

#[cfg(test)]
mod tests;
