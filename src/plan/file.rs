//! The saved plan: a file's bytes and back. Pure; same plan, same bytes.
//!
//! A saved plan holds no secret and no clock time. It is bound to what it saw (see
//! [`Basis`](super::Basis) and [`Change::live`](super::Change::live)) and to its own content by a hash.

use serde::{Deserialize, Serialize};

use crate::document::{ContentHash, Document};

use super::Plan;

/// The version of the format that this program writes. It reads no other.
pub const FORMAT: u32 = 1;

/// Why a file is no saved plan that can be applied.
#[derive(Debug, thiserror::Error)]
pub enum PlanFileError {
    /// It is not JSON of the expected form.
    #[error("not a saved plan")]
    Malformed(#[source] serde_json::Error),
    /// Another version of the format.
    #[error("a saved plan of format {found}; this version of Streamform reads format {FORMAT}")]
    Format {
        /// The file's version.
        found: u32,
    },
    /// The content is not what the hash says.
    #[error("damaged or edited: its content hash is {actual}, it says {expected}")]
    Hash {
        /// What the file says.
        expected: ContentHash,
        /// What it is.
        actual: ContentHash,
    },
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct PlanFile {
    streamform_plan: u32,
    content_hash: ContentHash,
    plan: Document,
}

#[derive(Deserialize)]
struct Version {
    streamform_plan: u32,
}

/// Returns a plan's bytes.
pub fn encode(plan: &Plan) -> Vec<u8> {
    let plan = Document::of(plan);
    let file = PlanFile {
        streamform_plan: FORMAT,
        content_hash: plan.hash(),
        plan,
    };
    let mut text = Document::of(&file).canonical().to_owned();
    text.push('\n');
    text.into_bytes()
}

/// Reads a plan and verifies its hash.
pub fn decode(bytes: &[u8]) -> Result<Plan, PlanFileError> {
    let version: Version = serde_json::from_slice(bytes).map_err(PlanFileError::Malformed)?;
    if version.streamform_plan != FORMAT {
        return Err(PlanFileError::Format {
            found: version.streamform_plan,
        });
    }
    let file: PlanFile = serde_json::from_slice(bytes).map_err(PlanFileError::Malformed)?;
    let actual = file.plan.hash();
    if actual != file.content_hash {
        return Err(PlanFileError::Hash {
            expected: file.content_hash,
            actual,
        });
    }
    file.plan.to().map_err(PlanFileError::Malformed)
}
