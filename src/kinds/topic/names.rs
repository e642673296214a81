//! What a topic's name says: whether Kafka takes it, whose topic it is, and what it collides with. Pure.

/// The longest name that Kafka allows, in bytes (`Topic.MAX_NAME_LENGTH`).
const MAX_LENGTH: usize = 249;

/// Returns why Kafka takes no topic of this name: its own rules
/// (`org.apache.kafka.common.internals.Topic.validate`).
pub(super) fn problem(name: &str) -> Option<String> {
    if name.is_empty() {
        return Some("It is empty.".to_owned());
    }
    if name == "." || name == ".." {
        return Some("It may not be \".\" or \"..\".".to_owned());
    }
    if name.len() > MAX_LENGTH {
        return Some(format!(
            "It has {} characters, Kafka allows {MAX_LENGTH}.",
            name.len()
        ));
    }
    let allowed = |c: &char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    let wrong = name.chars().find(|c| !allowed(c))?;
    Some(format!(
        "It holds {wrong:?}; Kafka allows letters, digits, \".\", \"_\" and \"-\"."
    ))
}

/// Returns why a topic may never be touched: those of Kafka itself (`__consumer_offsets`,
/// `__transaction_state`, `__share_group_state`, …) start with two underscores.
pub(super) fn reserved(name: &str) -> Option<&'static str> {
    name.starts_with("__").then_some(
        "Names that start with \"__\" belong to Kafka itself: changing such a topic can stop the cluster.",
    )
}

/// Why two topics may not have one name [`in_metrics`].
pub(super) const COLLIDES: &str =
    "Both have one name in metrics, where \".\" and \"_\" are the same: Kafka refuses that.";

/// Returns a name as metrics show it, where `.` and `_` are one: Kafka refuses a new topic that has this
/// in common with another one (`Topic.hasCollision`).
pub(super) fn in_metrics(name: &str) -> String {
    name.replace('.', "_")
}

/// Returns which program a topic seems to belong to, as one of its internal topics.
///
/// - Kafka Connect: the names of its sample configuration (`config.storage.topic=connect-configs`, …).
///   Others cannot be known, and every Connect cluster may choose its own.
/// - `MirrorMaker`: `mm2-….internal` and `….checkpoints.internal` (KIP-382).
/// - Kafka Streams: `<application.id>-<store or operator>-changelog` or `-repartition`, and the topics of
///   foreign-key joins, `…-SUBSCRIPTION-REGISTRATION-<number>-topic` (and `-RESPONSE-`; KIP-213). That is
///   all that Kafka's own application reset tool knows as well. A name with fewer than two parts in front,
///   as `orders-changelog`, cannot be one of them.
/// - Schema Registry: `_schemas`, its `kafkastore.topic` where nothing else is set.
///
/// A name is a hint and no proof: teams call topics of their own `…-changelog` too (KAFKA-7930), and both
/// Connect's documentation and KIP-698 tell administrators to make internal topics by hand. So this
/// decides nothing; where it finds somebody, the block has to say whether the topic is `internal`.
pub(super) fn apparent_owner(name: &str) -> Option<&'static str> {
    if matches!(
        name,
        "connect-configs" | "connect-offsets" | "connect-status"
    ) {
        return Some("Kafka Connect");
    }
    if name == "_schemas" {
        return Some("Schema Registry");
    }
    let is_mirrored = name.starts_with("mm2-") || name.ends_with(".checkpoints.internal");
    if is_mirrored && name.ends_with(".internal") {
        return Some("MirrorMaker");
    }
    is_of_streams(name).then_some("Kafka Streams")
}

/// Whether a topic is an internal one of the Kafka Streams application with this id.
pub(in crate::kinds) fn is_of_application(name: &str, application: &str) -> bool {
    let rest = name.strip_prefix(application);
    rest.is_some_and(|rest| rest.starts_with('-')) && is_of_streams(name)
}

fn is_of_streams(name: &str) -> bool {
    let derived = ["-changelog", "-repartition"]
        .iter()
        .find_map(|suffix| name.strip_suffix(suffix));
    if let Some(front) = derived {
        // Application and store, neither of them empty.
        return front
            .split_once('-')
            .is_some_and(|(application, store)| !application.is_empty() && !store.is_empty());
    }
    let Some(front) = name.strip_suffix("-topic") else {
        return false;
    };
    let front = front.trim_end_matches(|c: char| c.is_ascii_digit());
    front.ends_with("-SUBSCRIPTION-REGISTRATION-") || front.ends_with("-SUBSCRIPTION-RESPONSE-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn internal_topics_are_known_by_their_names() {
        for (name, owner) in [
            ("connect-configs", Some("Kafka Connect")),
            ("connect-configs-old", None),
            ("_schemas", Some("Schema Registry")),
            ("mm2-offset-syncs.west.internal", Some("MirrorMaker")),
            ("west.checkpoints.internal", Some("MirrorMaker")),
            ("shop.internal", None),
            (
                "fraud-KSTREAM-AGGREGATE-STATE-STORE-0000000003-changelog",
                Some("Kafka Streams"),
            ),
            (
                "fraud-KSTREAM-KEY-SELECT-0000000003-repartition",
                Some("Kafka Streams"),
            ),
            ("fraud-by-user-changelog", Some("Kafka Streams")),
            (
                "fraud-KTABLE-FK-JOIN-SUBSCRIPTION-REGISTRATION-0000000006-topic",
                Some("Kafka Streams"),
            ),
            ("orders-changelog", None),
            ("-orders-changelog", None),
            ("orders--changelog", None),
            ("changelog", None),
            ("orders-topic", None),
            ("orders", None),
        ] {
            assert_eq!(apparent_owner(name), owner, "{name}");
        }
    }
}
