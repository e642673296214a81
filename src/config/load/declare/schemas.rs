//! What the language's own blocks hold.

use crate::config::load::check::{nested, optional, required};
use crate::config::schema::{AttributeSchema, BlockSchema};

const CONDITION: BlockSchema = BlockSchema {
    attributes: &[
        required("condition", "What must be true"),
        required("error_message", "What the user is told when it is not"),
    ],
    blocks: &[],
};

/// `variable`
pub(super) const VARIABLE: BlockSchema = BlockSchema {
    attributes: &[
        optional("type", "The type of its values"),
        optional("default", "Its value where none is given"),
        optional("description", "What it is for"),
        optional("sensitive", "Whether its value may not be shown"),
        optional("nullable", "Whether null may be given"),
    ],
    blocks: &[nested("validation", true, CONDITION)],
};

/// `output`
pub(super) const OUTPUT: BlockSchema = BlockSchema {
    attributes: &[
        required("value", "The value that the module gives out"),
        optional("description", "What it is"),
        optional("sensitive", "Whether its value may not be shown"),
        optional("depends_on", "Objects that it stands for"),
    ],
    blocks: &[nested("precondition", true, CONDITION)],
};

const LIFECYCLE: BlockSchema = BlockSchema {
    attributes: &[
        optional("prevent_destroy", "Whether the object may not be destroyed"),
        optional(
            "allow_destroy",
            "Whether destructive operations are allowed",
        ),
        optional(
            "allow_breaking",
            "Whether changes that no order of upgrades makes safe are allowed",
        ),
        optional(
            "ignore_changes",
            "Attributes whose live values are left alone",
        ),
    ],
    blocks: &[
        nested("precondition", true, CONDITION),
        nested("postcondition", true, CONDITION),
    ],
};

/// What the language adds to the block of a kind.
pub(super) const OBJECT_META: BlockSchema = BlockSchema {
    attributes: &[
        optional("for_each", "A map or a set of texts: one instance for each"),
        optional("count", "How many instances there are"),
        optional("depends_on", "Objects that come first"),
        optional("provider", "The provider that manages it"),
    ],
    blocks: &[nested("lifecycle", false, LIFECYCLE)],
};

/// What a `module` block holds besides the values of variables.
pub(super) const CALL_META: [AttributeSchema; 5] = [
    required("source", "The module's folder"),
    optional("for_each", "A map or a set of texts: one instance for each"),
    optional("count", "How many instances there are"),
    optional("depends_on", "Objects that come first"),
    optional("providers", "Which providers the module uses"),
];

/// What the language adds to a provider's settings.
pub(super) const PROVIDER_META: BlockSchema = BlockSchema {
    attributes: &[optional("alias", "A name besides the default provider's")],
    blocks: &[],
};

/// `check`
pub(super) const CHECK: BlockSchema = BlockSchema {
    attributes: &[],
    blocks: &[nested("assert", true, CONDITION)],
};

/// `import`
pub(super) const IMPORT: BlockSchema = BlockSchema {
    attributes: &[
        required("to", "The address of the object in this project"),
        required("id", "The object's name in the live system"),
        optional("for_each", "A map or a set of texts: one import for each"),
    ],
    blocks: &[],
};
