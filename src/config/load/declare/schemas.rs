//! What the language's own blocks hold.

use crate::config::load::check::nested;
use crate::config::schema::{AttributeSchema, BlockSchema};

const CONDITION: BlockSchema = BlockSchema {
    attributes: &[
        AttributeSchema::required("condition", "What must be true"),
        AttributeSchema::required("error_message", "What the user is told when it is not"),
    ],
    blocks: &[],
};

/// `variable`
pub(super) const VARIABLE: BlockSchema = BlockSchema {
    attributes: &[
        AttributeSchema::optional("type", "The type of its values"),
        AttributeSchema::optional("default", "Its value where none is given"),
        AttributeSchema::optional("description", "What it is for"),
        AttributeSchema::optional("sensitive", "Whether its value may not be shown"),
        AttributeSchema::optional("nullable", "Whether null may be given"),
    ],
    blocks: &[nested("validation", true, CONDITION)],
};

/// `output`
pub(super) const OUTPUT: BlockSchema = BlockSchema {
    attributes: &[
        AttributeSchema::required("value", "The value that the module gives out"),
        AttributeSchema::optional("description", "What it is"),
        AttributeSchema::optional("sensitive", "Whether its value may not be shown"),
        AttributeSchema::optional("depends_on", "Objects that it stands for"),
    ],
    blocks: &[nested("precondition", true, CONDITION)],
};

const LIFECYCLE: BlockSchema = BlockSchema {
    attributes: &[
        AttributeSchema::optional("prevent_destroy", "Whether the object may not be destroyed"),
        AttributeSchema::optional(
            "allow_destroy",
            "Whether destructive operations are allowed",
        ),
        AttributeSchema::optional(
            "allow_breaking",
            "Whether changes that no order of upgrades makes safe are allowed",
        ),
        AttributeSchema::optional(
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
        AttributeSchema::optional("for_each", "A map or a set of texts: one instance for each"),
        AttributeSchema::optional("count", "How many instances there are"),
        AttributeSchema::optional("depends_on", "Objects that come first"),
        AttributeSchema::optional("provider", "The provider that manages it"),
    ],
    blocks: &[nested("lifecycle", false, LIFECYCLE)],
};

/// What a `module` block holds besides the values of variables.
pub(super) const CALL_META: [AttributeSchema; 5] = [
    AttributeSchema::required("source", "The module's folder"),
    AttributeSchema::optional("for_each", "A map or a set of texts: one instance for each"),
    AttributeSchema::optional("count", "How many instances there are"),
    AttributeSchema::optional("depends_on", "Objects that come first"),
    AttributeSchema::optional("providers", "Which providers the module uses"),
];

/// What the language adds to a provider's settings.
pub(super) const PROVIDER_META: BlockSchema = BlockSchema {
    attributes: &[AttributeSchema::optional(
        "alias",
        "A name besides the default provider's",
    )],
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
        AttributeSchema::required("to", "The address of the object in this project"),
        AttributeSchema::required("id", "The object's name in the live system"),
        AttributeSchema::optional("for_each", "A map or a set of texts: one import for each"),
    ],
    blocks: &[],
};
