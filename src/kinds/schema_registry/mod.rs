//! The kind `schema_registry`: what a schema registry itself is set to: the level and the mode of all subjects that
//! have none of their own.
//!
//! It has no block: the settings `compatibility` and `mode` of a `provider "schema_registry"` describe it. A registry
//! always has both, so it is a declaration that acts: nothing is made or taken over, what differs is set by an
//! apply, and where the settings go it stays as it is.

pub mod checks;
pub mod driver;
pub mod spec;

use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};

use crate::config::block::Block;
use crate::config::schema::{AttributeSchema, BlockSchema, KindSchema};
use crate::diagnostic::Diagnostics;

use super::{Check, Delta, Kind, NoVitals};

pub use spec::RegistrySpec;

const SCHEMA: KindSchema = KindSchema {
    keyword: "schema_registry",
    provider: "schema_registry",
    name_attribute: None,
    files: &[],
    body: BlockSchema::flat(&[
        AttributeSchema::optional(
            "compatibility",
            "The level of subjects that have none of their own.",
        ),
        AttributeSchema::optional("mode", "The mode of subjects that have none of their own."),
    ]),
};

/// The name of every registry: a provider reaches one.
pub const REGISTRY: &str = "registry";

/// The kind `schema_registry`.
#[derive(Debug)]
pub struct SchemaRegistry;

/// What a registry is set to, in its own words.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RegistryLive {
    /// The level.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub compatibility: Option<String>,
    /// The mode.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mode: Option<String>,
}

/// Nothing has to be measured.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RegistryFacts {}

impl Kind for SchemaRegistry {
    const NAME: &'static str = "schema_registry";
    const SCHEMA: KindSchema = SCHEMA;
    const SETTINGS: &'static [&'static str] = &["compatibility", "mode"];
    const DECLARATION: bool = true;
    const PLANS_UNREAD: bool = true;
    type Spec = RegistrySpec;
    type Live = RegistryLive;
    type Facts = RegistryFacts;
    type Vitals = NoVitals;

    fn decode(block: &Block) -> Result<RegistrySpec, Diagnostics> {
        spec::decode(block)
    }

    fn identity(_spec: &RegistrySpec) -> String {
        REGISTRY.to_owned()
    }

    fn reserved(_remote_id: &str) -> Option<&'static str> {
        None
    }

    fn diff(spec: &RegistrySpec, history: &[RegistrySpec], live: &RegistryLive) -> Vec<Delta> {
        // Where the last operation never settled, a difference says nothing about others' changes.
        let prior = match history {
            [prior] => Some(prior),
            _ => None,
        };
        let sides = [
            (
                "compatibility",
                spec.level_name(),
                prior.and_then(RegistrySpec::level_name),
                &live.compatibility,
            ),
            (
                "mode",
                spec.mode_name(),
                prior.and_then(RegistrySpec::mode_name),
                &live.mode,
            ),
        ];
        let differing = sides.into_iter().filter_map(|(path, wanted, was, live)| {
            let wanted = wanted.filter(|wanted| live.as_deref() != Some(*wanted))?;
            Some(Delta {
                path: path.to_owned(),
                before: live.as_ref().map_or(Json::Null, |live| json!(live)),
                after: json!(wanted),
                note: None,
                drift: was.is_some_and(|was| live.as_deref() != Some(was)),
            })
        });
        differing.collect()
    }

    fn adopt(spec: &RegistrySpec, _live: &RegistryLive) -> RegistrySpec {
        *spec
    }

    fn checks() -> &'static [Check<Self>] {
        checks::CHECKS
    }
}

#[cfg(test)]
mod tests {
    use crate::compatibility::Level;

    use super::*;

    fn spec(level: Level) -> RegistrySpec {
        RegistrySpec {
            compatibility: Some(level),
            mode: None,
        }
    }

    #[test]
    fn what_is_not_set_is_not_managed_and_what_others_set_is_drift() {
        let live = RegistryLive {
            compatibility: Some("NONE".into()),
            mode: Some("READONLY".into()),
        };
        let wanted = spec(Level::Full);
        let first = SchemaRegistry::diff(&wanted, &[], &live);
        assert_eq!(first.len(), 1);
        assert_eq!(
            (&first[0].before, &first[0].after),
            (&json!("NONE"), &json!("FULL"))
        );
        assert!(!first[0].drift);
        assert!(SchemaRegistry::diff(&wanted, &[wanted], &live)[0].drift);
        let earlier = spec(Level::None);
        assert!(!SchemaRegistry::diff(&wanted, &[earlier], &live)[0].drift);
        assert_eq!(SchemaRegistry::diff(&earlier, &[earlier], &live), []);
    }
}
