//! What a provider's settings say about its registry, typed. Takes an evaluated block, gives a [`RegistrySpec`] or
//! every problem.

use serde::{Deserialize, Serialize};

use crate::compatibility::Level;
use crate::config::block::Block;
use crate::diagnostic::Diagnostics;
use crate::kinds::schema::spec::{Mode, level, mode};

/// A registry as it is wanted. What is absent is not managed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RegistrySpec {
    /// The level of subjects that have none of their own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub compatibility: Option<Level>,
    /// The mode of subjects that have none of their own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<Mode>,
}

impl RegistrySpec {
    /// Returns the registry's word for the level.
    pub fn level_name(&self) -> Option<&'static str> {
        self.compatibility.map(Level::name)
    }

    /// Returns the registry's word for the mode.
    pub fn mode_name(&self) -> Option<&'static str> {
        self.mode.map(Mode::name)
    }
}

/// Reads the settings.
pub(super) fn decode(block: &Block) -> Result<RegistrySpec, Diagnostics> {
    let mut found = Diagnostics::new();
    let get = |name: &str| block.attributes.get(name);
    let spec = RegistrySpec {
        compatibility: get("compatibility").and_then(|given| level(given, &mut found)),
        mode: get("mode").and_then(|given| mode(given, &mut found)),
    };
    found.finish(spec, &mut Diagnostics::new())
}
