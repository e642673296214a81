//! How a `connector` block is written.

use crate::config::schema::{AttributeSchema, BlockSchema, KindSchema, NestedBlockSchema};
use crate::kinds::health::criteria;

const fn optional(name: &'static str, doc: &'static str) -> AttributeSchema {
    AttributeSchema {
        name,
        required: false,
        doc,
    }
}

const fn required(name: &'static str, doc: &'static str) -> AttributeSchema {
    AttributeSchema {
        name,
        required: true,
        doc,
    }
}

const fn nested(keyword: &'static str, body: BlockSchema) -> NestedBlockSchema {
    NestedBlockSchema {
        keyword,
        labels: 0,
        repeatable: false,
        body,
    }
}

pub(super) const SCHEMA: KindSchema = KindSchema {
    keyword: "connector",
    provider: "connect",
    name_attribute: Some("name"),
    files: &[],
    body: BlockSchema {
        attributes: &[
            optional(
                "name",
                "The connector's name; the block's label where it is not set.",
            ),
            required(
                "class",
                "The plugin's class, or its short name, as \"FileStreamSink\".",
            ),
            optional(
                "tasks_max",
                "The most tasks (\"tasks.max\"); Kafka Connect's 1 where it is not set.",
            ),
            optional(
                "config",
                "What is set, by the plugin's own names: texts, numbers, booleans, lists of texts, topic \
                 blocks and secret(\"…\"). Kafka Connect's own ${provider:path:key} is written with $${. Keys \
                 that are not set are not managed.",
            ),
            optional(
                "state",
                "\"running\", the default, \"paused\" or \"stopped\".",
            ),
        ],
        blocks: &[
            nested("restart", RESTART),
            nested("dead_letter", DEAD_LETTER),
            nested("offsets", OFFSETS),
            criteria::WITH_LAG,
        ],
    },
};

const RESTART: BlockSchema = BlockSchema {
    attributes: &[
        optional(
            "max_attempts",
            "How often an apply restarts what failed of the connector, and only that; once where it is not set.",
        ),
        optional(
            "backoff",
            "The pause before each attempt but the first, which doubles, as \"30s\"; ten seconds where it is \
             not set.",
        ),
    ],
    blocks: &[],
};

const DEAD_LETTER: BlockSchema = BlockSchema {
    attributes: &[
        required(
            "topic",
            "Where records go that cannot be converted, transformed or written: a topic block, or a name \
             (\"errors.deadletterqueue.topic.name\").",
        ),
        optional(
            "tolerance",
            "\"all\", the default: the connector goes on; \"none\": it fails (\"errors.tolerance\").",
        ),
        optional(
            "context_headers",
            "Whether headers tell what went wrong; true where it is not set \
             (\"errors.deadletterqueue.context.headers.enable\").",
        ),
        optional(
            "replication_factor",
            "How many replicas the topic gets where Kafka Connect makes it, which takes 3 otherwise \
             (\"errors.deadletterqueue.topic.replication.factor\").",
        ),
    ],
    blocks: &[],
};

const OFFSETS: BlockSchema = BlockSchema {
    attributes: &[optional(
        "reset",
        "Whether the connector forgets how far it has come, and begins anew; done once.",
    )],
    blocks: &[NestedBlockSchema {
        keyword: "position",
        labels: 0,
        repeatable: true,
        body: BlockSchema {
            attributes: &[
                required(
                    "partition",
                    "The place, as the plugin names it; of a sink { kafka_topic, kafka_partition }.",
                ),
                optional(
                    "offset",
                    "Where to go on from there, as the plugin counts; of a sink { kafka_offset }; null forgets \
                     the place.",
                ),
            ],
            blocks: &[],
        },
    }],
};
