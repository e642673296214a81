//! The table row of a kind, and the only place where a kind's types are erased.
//!
//! [`KindEntry::of`] makes a row of plain function pointers from a [`Kind`]: documents in, documents
//! out. A document that does not fit its kind cannot come from this program (the state is verified by
//! its hash, the rest is made here), so that is reported as [`WrongDocument`], not handled further.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use crate::config::block::{Attribute, Block};
use crate::config::schema::KindSchema;
use crate::diagnostic::Diagnostics;
use crate::document::Document;

use super::driver::{self, Connect, Driver};
use super::health::Groups;
use super::topic::Topic;
use super::{
    Action, Around, CheckInput, Claims, Delta, Finding, Health, Healthy, Kind, Look, Memory, Past,
    Recall, Relation, Ripple, Role,
};

/// A document that its kind cannot read.
#[derive(Debug, thiserror::Error)]
#[error("the {what} of {remote_id:?} is not one that this version of the kind {kind} can read")]
pub struct WrongDocument {
    kind: &'static str,
    what: &'static str,
    remote_id: String,
    #[source]
    source: serde_json::Error,
}

/// A change, seen through documents: the input of [`KindEntry::check`].
#[derive(Debug, Clone, Copy)]
pub struct ErasedChange<'a> {
    /// What is about to be done.
    pub action: Action,
    /// The object's name in the live system.
    pub remote_id: &'a str,
    /// What HCL says.
    pub spec: Option<&'a Document>,
    /// What was last applied.
    pub prior: Option<&'a Document>,
    /// What the system says.
    pub live: Option<&'a Document>,
    /// What differs.
    pub deltas: &'a [Delta],
    /// What was measured.
    pub facts: Option<&'a Document>,
    /// What the project says around the object.
    pub around: &'a Around,
}

/// What a block says, decoded.
#[derive(Debug, Clone)]
pub struct Decoded {
    /// The canonical description.
    pub spec: Document,
    /// The object's name in the live system.
    pub remote_id: String,
    /// See [`Kind::relations`].
    pub relations: Vec<Relation>,
    /// See [`Kind::patterns`].
    pub patterns: Vec<Relation>,
    /// See [`Kind::owner`].
    pub owner: Option<String>,
}

type DriftFn =
    fn(&Document, Option<&Document>, &Document, &str) -> Result<Vec<Delta>, WrongDocument>;
/// What an object reads by: its groups of consumers, and the topics.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reads {
    /// See [`Kind::groups`].
    pub groups: Vec<String>,
    /// The topics, by their names in the live system, as far as its description tells.
    pub topics: Vec<String>,
}

/// An applied object and the looks at it, each decoded once.
pub trait Patient: Send + Sync {
    /// Returns what it reads by.
    fn reads(&self) -> Reads;

    /// See [`Kind::healthy`].
    fn healthy(&self) -> Healthy;

    /// Takes a look in. Forgets those that are older than `memory` by then, or than what is wanted to be judged.
    fn saw(&mut self, look: Look<Document>, memory: Duration) -> Result<(), WrongDocument>;

    /// Returns what the last look showed of its groups.
    fn groups(&self) -> Option<&Groups>;

    /// See [`Kind::judge`].
    fn judge(&self) -> Health;
}

type PatientFn = fn(&Document, Option<&Document>, &str) -> Result<Box<dyn Patient>, WrongDocument>;
type ActsFn = fn(&Document, Option<&Document>, &str) -> Result<bool, WrongDocument>;
type DiffFn = fn(&Document, &[&Document], &Document, &str) -> Result<Vec<Delta>, WrongDocument>;

type Settings = BTreeMap<Arc<str>, Attribute>;

/// One row of the table of kinds.
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a constant of the kind, and none depends on another"
)]
pub struct KindEntry {
    /// The block's keyword.
    pub name: &'static str,
    /// How the block is written.
    pub schema: KindSchema,
    /// See [`Kind::SETTINGS`].
    pub settings: &'static [&'static str],
    /// See [`Kind::DECLARATION`].
    pub declaration: bool,
    /// See [`Kind::FITS_PARTITIONS`].
    pub fits_partitions: bool,
    /// See [`Kind::CLAIMS`].
    pub claims: Option<Claims>,
    /// Reads a block.
    pub decode: fn(&Block) -> Result<Decoded, Diagnostics>,
    /// See [`Kind::reserved`].
    pub reserved: fn(&str) -> Option<&'static str>,
    /// See [`Kind::relations`]: spec, the object's name.
    pub relations: fn(&Document, &str) -> Result<Vec<Relation>, WrongDocument>,
    /// See [`Kind::second_name`].
    pub second_name: fn(&str) -> Option<(String, &'static str)>,
    /// See [`Kind::diff`]: spec, history, live, the object's name.
    pub diff: DiffFn,
    /// See [`Kind::acts`]: spec, what was applied, the object's name.
    pub acts: ActsFn,
    /// See [`Kind::PLANS_UNREAD`].
    pub plans_unread: bool,
    /// See [`Kind::MEANING_VARIES`].
    pub meaning_varies: bool,
    /// See [`Kind::drift`]: what was applied, its outcome, live, the object's name.
    pub drift: DriftFn,
    /// See [`Kind::equivalent`]: two descriptions, the object's name.
    pub equivalent: fn(&Document, &Document, &str) -> Result<bool, WrongDocument>,
    /// See [`Kind::is_unmoved`]: the live object as it was seen, and as it is now, the object's name.
    pub is_unmoved: fn(&Document, &Document, &str) -> Result<bool, WrongDocument>,
    /// See [`Kind::outcome`]: live, the object's name.
    pub outcome: fn(&Document, &str) -> Result<Option<Document>, WrongDocument>,
    /// See [`Kind::cannot_adopt`]: live, the object's name.
    pub cannot_adopt: fn(&Document, &str) -> Result<Option<Finding>, WrongDocument>,
    /// See [`Kind::adopt`]: spec, live, the object's name.
    pub adopt: fn(&Document, &Document, &str) -> Result<Document, WrongDocument>,
    /// Holds a change against all rules of the kind.
    pub check: fn(&ErasedChange<'_>) -> Result<Vec<Finding>, WrongDocument>,
    /// See [`Kind::ripple`].
    pub ripple: fn(&ErasedChange<'_>) -> Result<Option<Ripple>, WrongDocument>,
    /// See [`Kind::memory`]: spec, the provider's settings, the object's name.
    pub memory: fn(&Document, &Settings, &str) -> Result<Memory, WrongDocument>,
    /// See [`Kind::recall`]: spec, what there is to go by, the object's name.
    pub recall: fn(&Document, Recall<'_, Document>, &str) -> Result<Document, WrongDocument>,
    /// See [`Kind::HAS_HEALTH`].
    pub has_health: bool,
    /// See [`Kind::HAS_VITALS`].
    pub has_vitals: bool,
    /// Returns an object that is to be looked at: what was applied, its outcome, the object's name.
    pub patient: PatientFn,
    /// Makes the kind's driver for one provider.
    pub connect: Connect,
}

impl KindEntry {
    /// Returns the row of a driver's kind.
    pub const fn of<D: Driver>() -> Self {
        Self {
            name: <D::Kind as Kind>::NAME,
            schema: <D::Kind as Kind>::SCHEMA,
            settings: <D::Kind as Kind>::SETTINGS,
            declaration: <D::Kind as Kind>::DECLARATION,
            fits_partitions: <D::Kind as Kind>::FITS_PARTITIONS,
            claims: <D::Kind as Kind>::CLAIMS,
            decode: decode::<D::Kind>,
            reserved: <D::Kind as Kind>::reserved,
            relations: relations::<D::Kind>,
            second_name: <D::Kind as Kind>::second_name,
            diff: diff::<D::Kind>,
            acts: acts::<D::Kind>,
            plans_unread: <D::Kind as Kind>::PLANS_UNREAD,
            meaning_varies: <D::Kind as Kind>::MEANING_VARIES,
            drift: drift::<D::Kind>,
            equivalent: equivalent::<D::Kind>,
            is_unmoved: is_unmoved::<D::Kind>,
            outcome: outcome::<D::Kind>,
            cannot_adopt: cannot_adopt::<D::Kind>,
            adopt: adopt::<D::Kind>,
            check: check::<D::Kind>,
            ripple: ripple::<D::Kind>,
            memory: memory::<D::Kind>,
            recall: recall::<D::Kind>,
            has_health: <D::Kind as Kind>::HAS_HEALTH,
            has_vitals: <D::Kind as Kind>::HAS_VITALS,
            patient: patient::<D::Kind>,
            connect: driver::connect::<D>,
        }
    }
}

fn decode<K: Kind>(block: &Block) -> Result<Decoded, Diagnostics> {
    let spec = K::decode(block)?;
    Ok(Decoded {
        spec: Document::of(&spec),
        remote_id: K::identity(&spec),
        relations: K::relations(&spec),
        patterns: K::patterns(&spec),
        owner: K::owner(&spec).map(str::to_owned),
    })
}

fn relations<K: Kind>(spec: &Document, remote_id: &str) -> Result<Vec<Relation>, WrongDocument> {
    let spec: K::Spec = read::<K, _>(spec, "state", remote_id)?;
    Ok(K::relations(&spec))
}

fn diff<K: Kind>(
    spec: &Document,
    history: &[&Document],
    live: &Document,
    remote_id: &str,
) -> Result<Vec<Delta>, WrongDocument> {
    let live: K::Live = read::<K, _>(live, "live object", remote_id)?;
    let wanted: K::Spec = read::<K, _>(spec, "description", remote_id)?;
    // As a rule what is wanted is what was applied.
    if let [was] = history
        && *was == spec
    {
        return Ok(K::diff(&wanted, std::slice::from_ref(&wanted), &live));
    }
    let history: Vec<K::Spec> = history
        .iter()
        .map(|was| read::<K, _>(was, "state", remote_id))
        .collect::<Result<_, _>>()?;
    Ok(K::diff(&wanted, &history, &live))
}

fn acts<K: Kind>(
    spec: &Document,
    applied: Option<&Document>,
    remote_id: &str,
) -> Result<bool, WrongDocument> {
    let spec: K::Spec = read::<K, _>(spec, "description", remote_id)?;
    let applied: Option<K::Spec> = applied
        .map(|applied| read::<K, _>(applied, "state", remote_id))
        .transpose()?;
    Ok(K::acts(&spec, applied.as_ref()))
}

fn is_unmoved<K: Kind>(
    seen: &Document,
    now: &Document,
    remote_id: &str,
) -> Result<bool, WrongDocument> {
    if seen == now {
        return Ok(true);
    }
    let seen: K::Live = read::<K, _>(seen, "live object", remote_id)?;
    let now: K::Live = read::<K, _>(now, "live object", remote_id)?;
    Ok(K::is_unmoved(&seen, &now))
}

fn drift<K: Kind>(
    prior: &Document,
    outcome: Option<&Document>,
    live: &Document,
    remote_id: &str,
) -> Result<Vec<Delta>, WrongDocument> {
    let prior: K::Spec = read::<K, _>(prior, "state", remote_id)?;
    let live: K::Live = read::<K, _>(live, "live object", remote_id)?;
    Ok(K::drift(&prior, outcome, &live))
}

fn equivalent<K: Kind>(a: &Document, b: &Document, remote_id: &str) -> Result<bool, WrongDocument> {
    if a == b {
        return Ok(true);
    }
    let a: K::Spec = read::<K, _>(a, "description", remote_id)?;
    let b: K::Spec = read::<K, _>(b, "description", remote_id)?;
    Ok(K::equivalent(&a, &b))
}

fn outcome<K: Kind>(live: &Document, remote_id: &str) -> Result<Option<Document>, WrongDocument> {
    let live: K::Live = read::<K, _>(live, "live object", remote_id)?;
    Ok(K::outcome(&live))
}

fn cannot_adopt<K: Kind>(
    live: &Document,
    remote_id: &str,
) -> Result<Option<Finding>, WrongDocument> {
    let live: K::Live = read::<K, _>(live, "live object", remote_id)?;
    Ok(K::cannot_adopt(&live))
}

fn adopt<K: Kind>(
    spec: &Document,
    live: &Document,
    remote_id: &str,
) -> Result<Document, WrongDocument> {
    let spec: K::Spec = read::<K, _>(spec, "description", remote_id)?;
    let live: K::Live = read::<K, _>(live, "live object", remote_id)?;
    Ok(Document::of(&K::adopt(&spec, &live)))
}

fn check<K: Kind>(change: &ErasedChange<'_>) -> Result<Vec<Finding>, WrongDocument> {
    typed::<K, _>(change, |input| {
        let rules = K::checks().iter();
        rules.flat_map(|rule| (rule.run)(input)).collect()
    })
}

fn ripple<K: Kind>(change: &ErasedChange<'_>) -> Result<Option<Ripple>, WrongDocument> {
    typed::<K, _>(change, K::ripple)
}

fn memory<K: Kind>(
    spec: &Document,
    settings: &Settings,
    remote_id: &str,
) -> Result<Memory, WrongDocument> {
    let spec: K::Spec = read::<K, _>(spec, "description", remote_id)?;
    Ok(K::memory(&spec, settings))
}

fn recall<K: Kind>(
    spec: &Document,
    recall: Recall<'_, Document>,
    remote_id: &str,
) -> Result<Document, WrongDocument> {
    let spec: K::Spec = read::<K, _>(spec, "description", remote_id)?;
    let past = recall.past.into_iter().map(|past| {
        Ok(Past {
            spec: read::<K, _>(&past.spec, "description", remote_id)?,
            commit: past.commit,
        })
    });
    let recall = Recall {
        settings: recall.settings,
        base: recall.base,
        past: past.collect::<Result<_, _>>()?,
    };
    Ok(Document::of(&K::recall(&spec, recall)))
}

fn patient<K: Kind>(
    spec: &Document,
    outcome: Option<&Document>,
    remote_id: &str,
) -> Result<Box<dyn Patient>, WrongDocument> {
    Ok(Box::new(LookedAt::<K> {
        spec: read::<K, _>(spec, "state", remote_id)?,
        outcome: outcome.cloned(),
        remote_id: remote_id.to_owned(),
        looks: Vec::new(),
    }))
}

/// An object in its kind's own types.
struct LookedAt<K: Kind> {
    spec: K::Spec,
    outcome: Option<Document>,
    remote_id: String,
    looks: Vec<Look<K::Vitals>>,
}

impl<K: Kind> Patient for LookedAt<K> {
    fn reads(&self) -> Reads {
        let relations = K::relations(&self.spec).into_iter();
        let topics =
            relations.filter(|found| found.role == Role::Reads && found.kind == Topic::NAME);
        Reads {
            groups: K::groups(&self.spec, self.outcome.as_ref()),
            topics: topics.map(|found| found.name).collect(),
        }
    }

    fn healthy(&self) -> Healthy {
        K::healthy(&self.spec)
    }

    fn saw(&mut self, look: Look<Document>, memory: Duration) -> Result<(), WrongDocument> {
        let Look { at, vitals, groups } = look;
        let vitals = vitals.map(|vitals| read::<K, _>(&vitals, "vitals", &self.remote_id));
        let vitals = vitals.transpose()?;
        let memory = memory.max(self.healthy().memory());
        self.looks
            .retain(|earlier| at.saturating_sub(earlier.at) <= memory);
        self.looks.push(Look { at, vitals, groups });
        Ok(())
    }

    fn groups(&self) -> Option<&Groups> {
        self.looks.last().map(|look| &look.groups)
    }

    fn judge(&self) -> Health {
        K::judge(&self.spec, self.outcome.as_ref(), &self.looks)
    }
}

/// Calls a function with a change in the kind's own types.
fn typed<K: Kind, T>(
    change: &ErasedChange<'_>,
    of: impl FnOnce(&CheckInput<'_, K>) -> T,
) -> Result<T, WrongDocument> {
    let id = change.remote_id;
    let spec: Option<K::Spec> = change
        .spec
        .map(|spec| read::<K, _>(spec, "description", id))
        .transpose()?;
    let prior: Option<K::Spec> = change
        .prior
        .map(|prior| read::<K, _>(prior, "state", id))
        .transpose()?;
    let live: Option<K::Live> = change
        .live
        .map(|live| read::<K, _>(live, "live object", id))
        .transpose()?;
    let facts: K::Facts = match change.facts {
        Some(facts) => read::<K, _>(facts, "facts", id)?,
        None => K::Facts::default(),
    };
    Ok(of(&CheckInput::<K> {
        action: change.action,
        remote_id: id,
        spec: spec.as_ref(),
        prior: prior.as_ref(),
        live: live.as_ref(),
        deltas: change.deltas,
        facts: &facts,
        around: change.around,
    }))
}

/// Reads a document as one of a kind's types.
pub(crate) fn read<K: Kind, T: serde::de::DeserializeOwned>(
    document: &Document,
    what: &'static str,
    remote_id: &str,
) -> Result<T, WrongDocument> {
    document.to().map_err(|source| WrongDocument {
        kind: K::NAME,
        what,
        remote_id: remote_id.to_owned(),
        source,
    })
}
