//! What only Flink has: the blocks `flink_jar` and `flink_sql`. Pure.

mod jar;
mod sql;

use crate::config::schema::{AttributeSchema, BlockSchema, NestedBlockSchema};

pub use jar::{FlinkJar, Origin};
pub use sql::{FlinkSql, Script};
pub(super) use sql::{Statements, split};

const SETTINGS: AttributeSchema = AttributeSchema {
    name: "settings",
    required: false,
    doc: "Flink's own settings for this job, by their names: { \"execution.checkpointing.interval\" = \"30s\" }.",
};

const PARALLELISM: AttributeSchema = AttributeSchema {
    name: "parallelism",
    required: false,
    doc: "How many tasks an operator has that does not say itself; the cluster's default where it is not set.",
};

/// How the blocks are written.
pub(super) const BLOCKS: [NestedBlockSchema; 2] = [
    NestedBlockSchema {
        keyword: "flink_jar",
        labels: 0,
        repeatable: false,
        body: BlockSchema {
            attributes: &[
                AttributeSchema {
                    name: "jar",
                    required: true,
                    doc: "The jar: a file of the project, or an address that begins with https://.",
                },
                AttributeSchema {
                    name: "sha256",
                    required: false,
                    doc: "The SHA-256 of the jar, 64 hexadecimal digits; needed where it is an address.",
                },
                AttributeSchema {
                    name: "entry_class",
                    required: false,
                    doc: "The class with the main method; the jar's Main-Class where it is not set.",
                },
                AttributeSchema {
                    name: "args",
                    required: false,
                    doc: "The arguments of the main method.",
                },
                PARALLELISM,
                SETTINGS,
            ],
            blocks: &[],
        },
    },
    NestedBlockSchema {
        keyword: "flink_sql",
        labels: 0,
        repeatable: false,
        body: BlockSchema {
            attributes: &[
                AttributeSchema {
                    name: "statements",
                    required: false,
                    doc: "SQL: declarations and settings, then one INSERT or one STATEMENT SET.",
                },
                AttributeSchema {
                    name: "files",
                    required: false,
                    doc: "Files of the project with SQL, in the place of statements; run in their order.",
                },
                PARALLELISM,
                SETTINGS,
            ],
            blocks: &[],
        },
    },
];
