//! How a `connector` block is written.

use crate::config::schema::{AttributeSchema, BlockSchema, KindSchema, NestedBlockSchema};
use crate::kinds::health::criteria;

pub(super) const SCHEMA: KindSchema = KindSchema {
    keyword: "connector",
    provider: "connect",
    name_attribute: Some("name"),
    files: &[],
    body: BlockSchema {
        attributes: &[
            AttributeSchema::optional(
                "name",
                "The connector's name; the block's label where it is not set.",
            ),
            AttributeSchema::required(
                "class",
                "The plugin's class, or its short name, as \"FileStreamSink\".",
            ),
            AttributeSchema::optional(
                "tasks_max",
                "The most tasks (\"tasks.max\"); Kafka Connect's 1 where it is not set.",
            ),
            AttributeSchema::optional(
                "config",
                "What is set, by the plugin's own names: texts, numbers, booleans, lists of texts, topic \
                 blocks and secret(\"…\"). Kafka Connect's own ${provider:path:key} is written with $${. Keys \
                 that are not set are not managed.",
            ),
            AttributeSchema::optional(
                "state",
                "\"running\", the default, \"paused\" or \"stopped\".",
            ),
        ],
        blocks: &[
            NestedBlockSchema::once("restart", RESTART),
            NestedBlockSchema::once("dead_letter", DEAD_LETTER),
            NestedBlockSchema::once("offsets", OFFSETS),
            criteria::WITH_LAG,
        ],
    },
};

const RESTART: BlockSchema = BlockSchema::flat(&[
    AttributeSchema::optional(
        "max_attempts",
        "How often an apply restarts what failed of the connector, and only that; once where it is not set.",
    ),
    AttributeSchema::optional(
        "backoff",
        "The pause before each attempt but the first, which doubles, as \"30s\"; ten seconds where it is \
             not set.",
    ),
]);

const DEAD_LETTER: BlockSchema = BlockSchema::flat(&[
    AttributeSchema::required(
        "topic",
        "Where records go that cannot be converted, transformed or written: a topic block, or a name \
             (\"errors.deadletterqueue.topic.name\").",
    ),
    AttributeSchema::optional(
        "tolerance",
        "\"all\", the default: the connector goes on; \"none\": it fails (\"errors.tolerance\").",
    ),
    AttributeSchema::optional(
        "context_headers",
        "Whether headers tell what went wrong; true where it is not set \
             (\"errors.deadletterqueue.context.headers.enable\").",
    ),
    AttributeSchema::optional(
        "replication_factor",
        "How many replicas the topic gets where Kafka Connect makes it, which takes 3 otherwise \
             (\"errors.deadletterqueue.topic.replication.factor\").",
    ),
]);

const OFFSETS: BlockSchema = BlockSchema {
    attributes: &[AttributeSchema::optional(
        "reset",
        "Whether the connector forgets how far it has come, and begins anew; done once.",
    )],
    blocks: &[NestedBlockSchema {
        keyword: "position",
        labels: 0,
        repeatable: true,
        body: BlockSchema::flat(&[
            AttributeSchema::required(
                "partition",
                "The place, as the plugin names it; of a sink { kafka_topic, kafka_partition }.",
            ),
            AttributeSchema::optional(
                "offset",
                "Where to go on from there, as the plugin counts; of a sink { kafka_offset }; null forgets \
                     the place.",
            ),
        ]),
    }],
};
