//! What only Flink has: the blocks `flink_jar` and `flink_sql`. Pure.

mod jar;
mod sql;

use crate::config::schema::{AttributeSchema, BlockSchema, NestedBlockSchema};

pub use jar::{FlinkJar, Origin};
pub use sql::{FlinkSql, Script};
pub(super) use sql::{Statements, split};

const SETTINGS: AttributeSchema = AttributeSchema::optional(
    "settings",
    "Flink's own settings for this job, by their names: { \"execution.checkpointing.interval\" = \"30s\" }.",
);

const PARALLELISM: AttributeSchema = AttributeSchema::optional(
    "parallelism",
    "How many tasks an operator has that does not say itself; the cluster's default where it is not set.",
);

/// How the blocks are written.
pub(super) const BLOCKS: [NestedBlockSchema; 2] = [
    NestedBlockSchema::once(
        "flink_jar",
        BlockSchema::flat(&[
            AttributeSchema::required(
                "jar",
                "The jar: a file of the project, or an address, https://… or http://…, with sha256.",
            ),
            AttributeSchema::optional(
                "sha256",
                "The SHA-256 of the jar, 64 hexadecimal digits; needed where it is an address.",
            ),
            AttributeSchema::optional(
                "entry_class",
                "The class with the main method; the jar's Main-Class where it is not set.",
            ),
            AttributeSchema::optional("args", "The arguments of the main method."),
            PARALLELISM,
            SETTINGS,
        ]),
    ),
    NestedBlockSchema::once(
        "flink_sql",
        BlockSchema::flat(&[
            AttributeSchema::optional(
                "statements",
                "SQL: declarations and settings, then one INSERT or one STATEMENT SET.",
            ),
            AttributeSchema::optional(
                "files",
                "Files of the project with SQL, in the place of statements; run in their order.",
            ),
            PARALLELISM,
            SETTINGS,
        ]),
    ),
];
