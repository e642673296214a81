//! Whom the changes of a plan concern: who reads and writes what a changed object describes, in which order
//! they follow, and what has to happen before. Pure.
//!
//! The path beside that of the changes: [`Flows::of`] the project's objects → [`concerns`] of the proposal,
//! which say whose live users have to be read → [`weigh`], which puts an [`Impact`] into each change.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::address::{Address, ProviderAddress};
use crate::compatibility::level::Rollout;
use crate::config::project::Provider;
use crate::diagnostic::Diagnostics;
use crate::graph::infer::Named;
use crate::kinds::entry::{ErasedChange, WrongDocument};
use crate::kinds::{self, Desired, Finding, LiveUser, Relation, Role, Weight};

use super::{Plan, Proposal, cannot_be_checked};

/// What a change means to others than the object itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Impact {
    /// Who follows first.
    pub rollout: Rollout,
    /// Where that comes from, a clause: `the level is BACKWARD`.
    pub reason: String,
    /// What they read and write: the objects that the changed one describes.
    pub through: Vec<Through>,
    /// Who reads.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub readers: Vec<Party>,
    /// Who writes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub writers: Vec<Party>,
    /// Why there may be others.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unknown: Vec<String>,
}

/// An object that is read and written.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Through {
    /// Its kind, by keyword.
    pub kind: String,
    /// Its name in the live system.
    pub name: String,
}

/// Somebody who reads or writes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Party {
    /// Its kind, by keyword.
    pub kind: String,
    /// Its name in the live system.
    pub name: String,
    /// Its block; absent where the project says nothing about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<Address>,
    /// Whether an apply upgrades it; else somebody else has to.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub managed: bool,
    /// Whom to talk to about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// How it is now; absent where the live system does not show it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub live: Option<String>,
}

/// When something happens, seen from the apply of the plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum When {
    /// Before it, by others.
    Before,
    /// By it.
    Within,
    /// After it, by others.
    After,
}

/// One step of a rollout: some who are upgraded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step<'a> {
    /// When.
    pub when: When,
    /// What they do: [`Role::Reads`] or [`Role::Writes`].
    pub role: Role,
    /// Who.
    pub parties: Vec<&'a Party>,
}

impl Impact {
    /// Returns who is upgraded when, in the order of time; nothing where the order does not matter or none is
    /// safe. A step without anybody is one of whom nobody is known, which is no proof that there is nobody.
    pub fn steps(&self) -> Vec<Step<'_>> {
        use Role::{Reads, Writes};
        let order = match self.rollout {
            Rollout::ReadersFirst => [
                (When::Before, Reads),
                (When::Within, Reads),
                (When::Within, Writes),
                (When::After, Writes),
            ]
            .as_slice(),
            // A reader that this apply upgrades must find every writer upgraded.
            Rollout::WritersFirst if self.readers.iter().any(|reader| reader.managed) => &[
                (When::Before, Writes),
                (When::Within, Writes),
                (When::Within, Reads),
                (When::After, Reads),
            ],
            Rollout::WritersFirst => &[
                (When::Within, Writes),
                (When::After, Writes),
                (When::After, Reads),
            ],
            Rollout::AnyOrder | Rollout::NoSafeOrder | Rollout::NobodyStays => &[],
        };
        order
            .iter()
            .map(|&(when, role)| Step {
                when,
                role,
                parties: self
                    .parties(role)
                    .iter()
                    .filter(|party| party.managed == (when == When::Within))
                    .collect(),
            })
            .filter(|step| {
                let unknown = step.when != When::Within && self.parties(step.role).is_empty();
                unknown || !step.parties.is_empty()
            })
            .collect()
    }

    /// Returns who reads, or who writes.
    pub fn parties(&self, role: Role) -> &[Party] {
        match role {
            Role::Reads => &self.readers,
            Role::Writes => &self.writers,
            Role::Describes | Role::Obeys => &[],
        }
    }

    /// Whether somebody breaks, or may, whatever is upgraded first. A reader breaks on records; writers alone
    /// break nobody.
    pub fn breaks(&self) -> bool {
        self.rollout == Rollout::NoSafeOrder
            && !(self.readers.is_empty() && self.unknown.is_empty())
    }

    /// Returns the words for what is read and written: `topic "orders"`.
    pub fn channel(&self) -> String {
        let each = self.through.iter();
        let each: Vec<String> = each
            .map(|through| format!("{} {:?}", through.kind, through.name))
            .collect();
        each.join(", ")
    }
}

/// What a project's objects have to do with each other: who reads, writes and describes what.
#[derive(Debug, Clone, Default)]
pub struct Flows {
    users: BTreeMap<(&'static str, String), Vec<User>>,
    described: BTreeMap<Address, Vec<Described>>,
    /// The project's providers, by their kind.
    providers: BTreeMap<String, BTreeSet<ProviderAddress>>,
}

/// An object of the project that reads or writes another one.
#[derive(Debug, Clone)]
struct User {
    role: Role,
    provider: ProviderAddress,
    party: Party,
    /// The ids of the groups that it reads by: a live group of that name is nobody else.
    groups: Vec<String>,
}

/// An object that another one describes, and where it is.
#[derive(Debug, Clone)]
struct Described {
    kind: &'static str,
    name: String,
    providers: BTreeSet<ProviderAddress>,
}

impl Flows {
    /// Returns the flows of a project's objects, whatever a plan is restricted to. An object that is described
    /// and not managed is looked for through each of `providers` that its kind can be reached through.
    pub fn of(
        desired: &BTreeMap<Address, Desired>,
        providers: &BTreeMap<ProviderAddress, Provider>,
    ) -> Self {
        let mut flows = Self::default();
        for provider in providers.keys() {
            let kind = provider.kind.to_string();
            let same = flows.providers.entry(kind).or_default();
            same.insert(provider.clone());
        }
        let named = Named::of(desired);
        for (address, object) in desired {
            for relation in &object.relations {
                if relation.role == Role::Obeys {
                    continue;
                }
                if relation.role != Role::Describes {
                    let key = (relation.kind, relation.name.clone());
                    flows.users.entry(key).or_default().push(User {
                        role: relation.role,
                        provider: object.provider.clone(),
                        party: declared(address, object),
                        groups: groups(address, object),
                    });
                    continue;
                }
                let targets = named.targets(object, relation);
                let mut reached: BTreeSet<ProviderAddress> = targets
                    .into_iter()
                    .map(|target| desired[target].provider.clone())
                    .collect();
                if reached.is_empty() {
                    reached.extend(flows.fitting(relation));
                }
                let described = flows.described.entry(address.clone()).or_default();
                described.push(Described {
                    kind: relation.kind,
                    name: relation.name.clone(),
                    providers: reached,
                });
            }
        }
        flows
    }

    /// Returns the providers that may reach what a relation names.
    fn fitting(&self, relation: &Relation) -> BTreeSet<ProviderAddress> {
        let kind = kinds::kind(relation.kind);
        let fitting = kind.and_then(|kind| self.providers.get(kind.schema.provider));
        fitting.cloned().unwrap_or_default()
    }

    /// Returns what an object describes that the project no longer holds.
    fn described_before(
        &self,
        address: &Address,
        change: &ErasedChange<'_>,
    ) -> Result<Vec<Described>, WrongDocument> {
        let (Some(kind), None, Some(prior)) =
            (kinds::kind(&address.kind), change.spec, change.prior)
        else {
            return Ok(Vec::new());
        };
        let relations = (kind.relations)(prior, change.remote_id)?.into_iter();
        let described = relations.filter(|relation| relation.role == Role::Describes);
        Ok(described
            .map(|relation| Described {
                providers: self.fitting(&relation),
                kind: relation.kind,
                name: relation.name,
            })
            .collect())
    }

    /// Returns those who do something with an object, as the project says.
    fn users<'f>(&'f self, described: &'f Described) -> impl Iterator<Item = &'f User> + 'f {
        let key = (described.kind, described.name.clone());
        // A name means something in one cluster only.
        self.users.get(&key).into_iter().flatten().filter(|user| {
            let mut same_kind = described.providers.iter();
            let same_kind = same_kind.any(|provider| provider.kind == user.provider.kind);
            !same_kind || described.providers.contains(&user.provider)
        })
    }
}

fn groups(address: &Address, object: &Desired) -> Vec<String> {
    let kind = kinds::kind(&address.kind);
    // The description was made by this very kind.
    let patient = kind.and_then(|kind| (kind.patient)(&object.spec, None, &object.remote_id).ok());
    patient.map_or_else(Vec::new, |patient| patient.reads().groups)
}

fn declared(address: &Address, object: &Desired) -> Party {
    let kind = kinds::kind(&address.kind);
    Party {
        kind: address.kind.to_string(),
        name: object.remote_id.clone(),
        address: Some(address.clone()),
        managed: kind.is_some_and(|kind| !kind.declaration),
        owner: object.owner.clone(),
        live: None,
    }
}

/// Whom the changes of a proposal concern, as far as the project tells: changed object → what it describes and
/// who uses that.
#[derive(Debug, Clone, Default)]
pub struct Concerns(BTreeMap<Address, Vec<(Described, Vec<User>)>>);

/// What is asked about live users: whose driver, and which objects.
pub type Questions = BTreeMap<(ProviderAddress, &'static str), BTreeSet<String>>;

/// What the live systems answered about users.
#[derive(Debug, Clone, Default)]
pub struct LiveUsers {
    /// Provider, kind and name of an object → who uses it.
    pub found: BTreeMap<(ProviderAddress, &'static str, String), Vec<LiveUser>>,
    /// The providers that gave no answer, and why.
    pub unanswered: BTreeMap<ProviderAddress, String>,
}

/// Finds the changes that others will notice, and the objects that could not be read and whose change they would.
pub fn concerns(proposal: &Proposal, flows: &Flows) -> Result<Concerns, Diagnostics> {
    let changes = proposal.changes.iter();
    let changes = changes.map(|change| (&change.address, change.erased()));
    let unread = proposal.unread.iter();
    let unread = unread.map(|object| (&object.address, object.erased()));
    let mut concerns = Concerns::default();
    for (address, change) in changes.chain(unread) {
        let told = |error: WrongDocument| cannot_be_checked(address, &error);
        let described = match flows.described.get(address) {
            Some(described) => described.clone(),
            None => flows.described_before(address, &change).map_err(told)?,
        };
        if described.is_empty() || ripple(address, &change)?.is_none() {
            continue;
        }
        let each = described.into_iter().map(|described| {
            let users = flows.users(&described).cloned().collect();
            (described, users)
        });
        concerns.0.insert(address.clone(), each.collect());
    }
    Ok(concerns)
}

fn ripple(
    address: &Address,
    change: &ErasedChange<'_>,
) -> Result<Option<kinds::Ripple>, Diagnostics> {
    let Some(kind) = kinds::kind(&address.kind) else {
        return Ok(None);
    };
    let ripple = (kind.ripple)(change);
    ripple.map_err(|error| cannot_be_checked(address, &error).into())
}

impl Concerns {
    /// Returns what has to be asked about live users.
    pub fn questions(&self) -> Questions {
        let mut questions = Questions::new();
        for (described, _) in self.0.values().flatten() {
            for provider in &described.providers {
                questions
                    .entry((provider.clone(), described.kind))
                    .or_default()
                    .insert(described.name.clone());
            }
        }
        questions
    }
}

/// Puts into each change of a plan whom it concerns, what the rollout asks for before, and the order of what
/// the plan itself upgrades.
pub fn weigh(plan: &mut Plan, concerns: &Concerns, live: &LiveUsers) -> Result<(), Diagnostics> {
    let weighed = |address: &Address, change: &ErasedChange<'_>| {
        let Some(concern) = concerns.0.get(address) else {
            return Ok(None);
        };
        // What was measured may show that nobody notices.
        let ripple = ripple(address, change)?;
        Ok::<_, Diagnostics>(ripple.map(|ripple| impact(ripple, concern, live)))
    };
    for change in &mut plan.changes {
        change.impact = weighed(&change.address, &change.erased())?;
        change
            .findings
            .extend(change.impact.iter().flat_map(findings));
    }
    for object in &mut plan.unread {
        object.impact = weighed(&object.address, &object.erased())?;
        object
            .findings
            .extend(object.impact.iter().flat_map(findings));
    }
    order(plan);
    Ok(())
}

fn impact(ripple: kinds::Ripple, concern: &[(Described, Vec<User>)], live: &LiveUsers) -> Impact {
    let mut impact = Impact {
        rollout: ripple.rollout,
        reason: ripple.reason,
        through: Vec::new(),
        readers: Vec::new(),
        writers: Vec::new(),
        unknown: Vec::new(),
    };
    for (described, users) in concern {
        impact.through.push(Through {
            kind: described.kind.to_owned(),
            name: described.name.clone(),
        });
        for user in users {
            add(&mut impact, user.role, user.party.clone());
        }
        if described.providers.is_empty() {
            impact.unknown.push(format!(
                "the project has no provider that reaches the {} {:?}",
                described.kind, described.name
            ));
        }
        for provider in &described.providers {
            if let Some(why) = live.unanswered.get(provider) {
                impact.unknown.push(why.clone());
            }
            let key = (provider.clone(), described.kind, described.name.clone());
            for user in live.found.get(&key).into_iter().flatten() {
                let of_group = users
                    .iter()
                    .find(|known| known.role == user.role && known.groups.contains(&user.name));
                let unknown = || Party {
                    kind: user.kind.to_owned(),
                    name: user.name.clone(),
                    address: None,
                    managed: false,
                    owner: None,
                    live: None,
                };
                let party = of_group.map_or_else(unknown, |known| known.party.clone());
                let live = Some(user.state.clone());
                add(&mut impact, user.role, Party { live, ..party });
            }
        }
    }
    impact.unknown.sort();
    impact.unknown.dedup();
    impact
}

/// Adds somebody, or what is new about somebody who is there already.
fn add(impact: &mut Impact, role: Role, party: Party) {
    let parties = match role {
        Role::Reads => &mut impact.readers,
        Role::Writes => &mut impact.writers,
        Role::Describes | Role::Obeys => return,
    };
    let same = |known: &&mut Party| known.kind == party.kind && known.name == party.name;
    match parties.iter_mut().find(same) {
        Some(known) => {
            known.live = party.live.or(known.live.take());
        }
        None => parties.push(party),
    }
}

fn findings(impact: &Impact) -> Vec<Finding> {
    let mut found = Vec::new();
    let channel = impact.channel();
    if impact.breaks() {
        found.push(
            Finding::new(
                NO_SAFE_ORDER,
                Weight::Breaking,
                format!("No order of upgrades is safe for the readers and writers of {channel}"),
            )
            .detail(format!("{}.", sentence(&impact.reason)))
            .hint(
                "make the change in two steps that are compatible each, or write the new schema to a topic \
                 of its own and move its readers there",
            ),
        );
    }
    if impact.rollout == Rollout::NobodyStays && !impact.readers.is_empty() {
        let count = impact.readers.len();
        let (readers, verb) = if count == 1 {
            ("reader", "needs")
        } else {
            ("readers", "need")
        };
        found.push(Finding::new(
            "still-read",
            Weight::Breaking,
            format!("{count} {readers} of {channel} {verb} what goes away"),
        ));
    }
    for step in impact.steps() {
        let count = step.parties.len();
        if step.when == When::Before && count > 0 {
            let who = match (step.role, count) {
                (Role::Reads, 1) => "1 reader".to_owned(),
                (Role::Reads, _) => format!("{count} readers"),
                (_, 1) => "1 writer".to_owned(),
                _ => format!("{count} writers"),
            };
            let verb = if count == 1 { "has" } else { "have" };
            found.push(Finding::new(
                "upgrade-first",
                Weight::Warning,
                format!("{who} of {channel} {verb} to be upgraded before this apply"),
            ));
        }
    }
    if !impact.unknown.is_empty() {
        found.push(
            Finding::new(
                "users-unknown",
                Weight::Warning,
                format!("The readers that {channel} has now could not be found out"),
            )
            .detail(format!("{}.", sentence(&impact.unknown.join("; ")))),
        );
    }
    found
}

/// The finding's name where whoever is upgraded first breaks somebody.
pub const NO_SAFE_ORDER: &str = "no-safe-order";

fn sentence(clause: &str) -> String {
    let mut chars = clause.chars();
    let first = chars.next().map(char::to_uppercase);
    first.into_iter().flatten().chain(chars).collect()
}

/// Lets the changes of those that the plan upgrades follow each other as the rollouts ask for, and the change
/// that they follow.
fn order(plan: &mut Plan) {
    let changed: BTreeSet<Address> = plan
        .changes
        .iter()
        .filter(|change| change.action.reaches_out() && !change.action.deletes())
        .map(|change| change.address.clone())
        .collect();
    let mut follows: BTreeMap<Address, BTreeSet<Address>> = BTreeMap::new();
    for change in &plan.changes {
        let Some(impact) = &change.impact else {
            continue;
        };
        let upgraded = |role| {
            let parties = impact.parties(role).iter();
            let managed = parties.filter(|party| party.managed);
            let addresses = managed.filter_map(|party| party.address.clone());
            let here: BTreeSet<Address> = addresses.filter(|a| changed.contains(a)).collect();
            here
        };
        let (readers, writers) = (upgraded(Role::Reads), upgraded(Role::Writes));
        let (first, then) = match impact.rollout {
            Rollout::ReadersFirst => (&readers, &writers),
            Rollout::WritersFirst => (&writers, &readers),
            Rollout::AnyOrder | Rollout::NoSafeOrder | Rollout::NobodyStays => {
                (&BTreeSet::new(), &BTreeSet::new())
            }
        };
        for follower in then {
            follows
                .entry(follower.clone())
                .or_default()
                .extend(first.iter().filter(|first| *first != follower).cloned());
        }
        for follower in readers.union(&writers) {
            let earlier = follows.entry(follower.clone()).or_default();
            earlier.insert(change.address.clone());
        }
    }
    for change in &mut plan.changes {
        if let Some(earlier) = follows.remove(&change.address) {
            change.follows = earlier;
        }
    }
}

#[cfg(test)]
mod tests;
