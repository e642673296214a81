use proptest::prelude::*;
use serde_json::json;

use crate::address::Address;
use crate::document::Document;
use crate::state::ObjectState;

use super::*;

fn sample() -> State {
    let mut state = State::empty("dev".parse().expect("valid"));
    state.lineage = "6b1ad2b8-62c3-4bb9-8d2c-9f6a3f0c7a11".into();
    state.serial = 7;
    state.parent = Some(ContentHash::of(b"before"));
    state.commit = Some("8843d7f92416211de9ebb963ff4ce28125932878".into());
    state.release = Some(ContentHash::of(b"release"));
    for (address, needs) in [
        ("topic.audit[2]", None),
        ("topic.audit[10]", None),
        (
            "module.orders[\"refunds\"].topic.main",
            Some("topic.audit[2]"),
        ),
    ] {
        let object = ObjectState {
            provider: "kafka".parse().expect("valid"),
            remote_id: format!("name-of-{}", address.len()),
            spec: Document::from(
                json!({"partitions": 3, "config": {"retention.ms": "604800000", "ü": "\n"}}),
            ),
            protected: needs.is_some(),
            depends_on: needs
                .into_iter()
                .map(|a: &str| a.parse().expect("valid"))
                .collect(),
            outcome: None,
            pending: None,
        };
        state
            .objects
            .insert(address.parse().expect("valid"), object);
    }
    state
}

#[test]
fn version_1_reads_as_it_was_written() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/state/v1.json");
    let bytes = std::fs::read(path).expect("the fixture");
    assert_eq!(decode(&bytes).expect("whole"), sample());
}

#[test]
fn version_2_reads_as_it_was_written() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/state/v2.json");
    let bytes = std::fs::read(path).expect("the fixture");
    let mut expected = sample();
    let audit = expected
        .objects
        .get_mut(&"topic.audit[2]".parse().expect("valid"));
    audit.expect("it is there").outcome = Some(json!({"id": 7, "version": 3}).into());
    assert_eq!(decode(&bytes).expect("whole"), expected);
    assert_eq!(encode(&expected), bytes);
}

#[test]
fn a_state_without_outcomes_keeps_its_hash_from_version_to_version() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/state/v1.json");
    let bytes = std::fs::read(path).expect("the fixture");
    let (state, hash) = decode_with_hash(&bytes).expect("whole");
    let (again, same) = decode_with_hash(&encode(&state)).expect("whole");
    assert_eq!((again, same), (state, hash));
}

#[test]
fn one_object_stands_on_a_line() {
    let bytes = encode(&sample());
    let text = String::from_utf8(bytes).expect("UTF-8");
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), 2 + 3);
    insta::assert_snapshot!(lines[1], @r#""module.orders[\"refunds\"].topic.main":{"depends_on":["topic.audit[2]"],"protected":true,"provider":"kafka","remote_id":"name-of-35","spec":{"config":{"retention.ms":"604800000","ü":"\n"},"partitions":3}},"#);
    // By their texts, as canonical JSON wants it.
    assert!(lines[2].starts_with("\"topic.audit[10]\""));
}

#[test]
fn the_hash_is_that_of_the_canonical_body() {
    let state = sample();
    assert_eq!(state.content_hash(), Document::of(&state).hash());
    let empty = State::empty("dev".parse().expect("valid"));
    assert_eq!(empty.content_hash(), Document::of(&empty).hash());
    assert_eq!(decode(&encode(&empty)).expect("whole"), empty);
}

#[test]
fn every_changed_byte_is_refused() {
    let bytes = encode(&sample());
    for at in 0..bytes.len() {
        for flip in [0x01, 0x20, 0x80, 0xff] {
            let mut damaged = bytes.clone();
            damaged[at] ^= flip;
            assert!(
                decode(&damaged).is_err(),
                "byte {at} flipped by {flip:#x} was accepted"
            );
        }
    }
}

#[test]
fn every_bit_of_the_header_counts() {
    let bytes = encode(&State::empty("dev".parse().expect("valid")));
    for at in 0..bytes.len() {
        for bit in 0..8 {
            let mut damaged = bytes.clone();
            damaged[at] ^= 1 << bit;
            assert!(
                decode(&damaged).is_err(),
                "bit {bit} of byte {at} was accepted"
            );
        }
    }
}

#[test]
fn a_file_cut_or_lengthened_is_refused() {
    let bytes = encode(&sample());
    for length in 0..bytes.len() {
        assert!(
            decode(&bytes[..length]).is_err(),
            "{length} bytes were accepted"
        );
    }
    for more in [" ", "\n", "\0", "{}"] {
        assert!(
            decode(&[&bytes, more.as_bytes()].concat()).is_err(),
            "{more:?} was accepted"
        );
    }
}

#[test]
fn the_message_says_what_is_wrong() {
    let text = String::from_utf8(encode(&sample())).expect("UTF-8");
    let message = |from: &str, to: &str| {
        let changed = text.replacen(from, to, 1);
        assert_ne!(changed, text);
        decode(changed.as_bytes()).expect_err("changed").to_string()
    };
    insta::assert_snapshot!(message("\"partitions\":3", "\"partitions\":6"), @"damaged or edited by hand: the header says sha256:73655a5b0c4c2be0b71aa363513a54d636899ab1f5a71bc36a264fd9f3807667, the content hashes to sha256:e596ead0f967b250181bacc52a9152d2c4bbf1cf46f62db811711f68c9da072a");
    insta::assert_snapshot!(message("\"format\":2", "\"format\":3"), @"written by a newer Streamform: its format is 3, this one reads up to 2; upgrade Streamform");
    insta::assert_snapshot!(message("\"format\":2", "\"format\":0"), @"format 0 does not exist; the file is damaged");
    insta::assert_snapshot!(message("\"serial\":7", "\"serial\": 7"), @"edited by hand: the content hashes to sha256:73655a5b0c4c2be0b71aa363513a54d636899ab1f5a71bc36a264fd9f3807667 as the header says, but byte 900 is not as Streamform writes it");
    insta::assert_snapshot!(message("{\"format\"", "[\"format\""), @"not a state file, or a damaged one");
}

fn object() -> impl Strategy<Value = ObjectState> {
    ("[a-z]{1,6}", ".{0,8}", any::<bool>(), any::<i64>()).prop_map(
        |(id, text, protected, number)| ObjectState {
            provider: "kafka.east".parse().expect("valid"),
            remote_id: id,
            spec: Document::from(json!({ "number": number, "text": text })),
            protected,
            depends_on: [Address::root("topic", "x")].into(),
            outcome: None,
            pending: None,
        },
    )
}

proptest! {
    #[test]
    fn states_round_trip(
        serial in any::<u64>(),
        objects in prop::collection::btree_map("[a-z]{1,4}", object(), 0..6),
    ) {
        let mut state = State::empty("dev".parse().expect("valid"));
        state.serial = serial;
        state.objects = objects.into_iter().map(|(name, object)| (Address::root("topic", name), object)).collect();
        let bytes = encode(&state);
        prop_assert_eq!(decode(&bytes).expect("just written"), state.clone());
        prop_assert_eq!(state.content_hash(), Document::of(&state).hash());
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in any::<Vec<u8>>()) {
        prop_assert!(decode(&bytes).is_err());
    }
}
