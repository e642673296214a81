use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::state::format;

fn object(version: u64) -> ObjectState {
    ObjectState {
        provider: "kafka".parse().expect("valid"),
        remote_id: "orders".into(),
        spec: Document::from(json!({ "version": version })),
        protected: false,
        depends_on: std::collections::BTreeSet::default(),
        outcome: None,
        pending: None,
    }
}

fn empty() -> State {
    State::empty("dev".parse().expect("valid"))
}

fn topic(name: &str) -> Address {
    Address::root("topic", name)
}

fn intent(name: &str, operation: Operation, version: Option<u64>) -> Record {
    Record::Intent {
        address: topic(name),
        operation,
        object: version.map(|version| Box::new(object(version))),
        from: None,
    }
}

fn moved(from: &str, to: &str) -> Record {
    Record::Intent {
        address: topic(to),
        operation: Operation::Move,
        object: None,
        from: Some(topic(from)),
    }
}

fn applied(name: &str) -> Record {
    Record::Applied {
        address: topic(name),
        outcome: None,
    }
}

fn failed(name: &str) -> Record {
    Record::Failed {
        address: topic(name),
        message: "no".into(),
        outcome: None,
    }
}

fn note(name: &str, notes: serde_json::Value) -> Record {
    Record::Note {
        address: topic(name),
        notes: notes.into(),
    }
}

fn with(name: &str, version: u64) -> State {
    let mut state = empty();
    state.objects.insert(topic(name), object(version));
    state
}

fn specs(state: &State, name: &str) -> Vec<String> {
    state.objects[&topic(name)]
        .specs()
        .map(|spec| spec.canonical().to_owned())
        .collect()
}

#[test]
fn a_create_that_was_killed_is_known_as_ours() {
    let state = fold(empty(), &[intent("a", Operation::Create, Some(1))]).expect("valid");
    let pending = state.objects[&topic("a")]
        .pending
        .as_ref()
        .expect("pending");
    assert_eq!(
        (pending.action, &pending.previous),
        (Operation::Create, &None)
    );
}

#[test]
fn results_settle_what_was_begun() {
    let begun = [
        intent("a", Operation::Create, Some(1)),
        intent("b", Operation::Update, Some(2)),
        intent("c", Operation::Delete, None),
    ];
    let mut state = with("b", 1);
    state.objects.insert(topic("c"), object(1));
    let done = [applied("a"), applied("b"), applied("c")];
    let after = fold(state.clone(), &[begun.as_slice(), &done].concat()).expect("valid");
    let mut expected = with("a", 1);
    expected.objects.insert(topic("b"), object(2));
    assert_eq!(after, expected);
    let undone = [failed("a"), failed("b"), failed("c")];
    let after = fold(state.clone(), &[begun.as_slice(), &undone].concat()).expect("valid");
    assert_eq!(after, state);
}

#[test]
fn a_failure_keeps_what_was_given_out_on_the_way_back() {
    let back = Record::Failed {
        address: topic("a"),
        message: "the old one runs again".into(),
        outcome: Some(json!({ "id": 7 }).into()),
    };
    let update = intent("a", Operation::Update, Some(2));
    let after = fold(with("a", 1), &[update, back.clone()]).expect("valid");
    let mut expected = with("a", 1);
    expected
        .objects
        .get_mut(&topic("a"))
        .expect("there")
        .outcome = Some(json!({ "id": 7 }).into());
    assert_eq!(after, expected);
    let create = intent("a", Operation::Create, Some(1));
    let after = fold(empty(), &[create, back]).expect("valid");
    assert_eq!(after, empty(), "what was never made remembers nothing");
}

#[test]
fn an_update_that_was_killed_remembers_what_was_set_before() {
    let state = fold(with("a", 1), &[intent("a", Operation::Update, Some(2))]).expect("valid");
    assert_eq!(specs(&state, "a"), [r#"{"version":2}"#, r#"{"version":1}"#]);
    let state = fold(state, &[intent("a", Operation::Update, Some(3))]).expect("valid");
    assert_eq!(
        specs(&state, "a"),
        [r#"{"version":3}"#, r#"{"version":2}"#, r#"{"version":1}"#]
    );
    // The failure of the third says nothing about the second.
    let state = fold(state, &[failed("a")]).expect("valid");
    assert_eq!(specs(&state, "a"), [r#"{"version":2}"#, r#"{"version":1}"#]);
    assert!(state.objects[&topic("a")].pending.is_some());
}

#[test]
fn a_crash_loop_does_not_grow_the_state() {
    let once = fold(
        with("a", 1),
        &[
            intent("a", Operation::Update, Some(2)),
            intent("a", Operation::Update, Some(2)),
        ],
    );
    let records = vec![intent("a", Operation::Update, Some(2)); 500];
    assert_eq!(fold(with("a", 1), &records), once);
}

#[test]
fn notes_are_merged_and_outlive_a_second_attempt() {
    let records = [
        intent("a", Operation::Update, Some(2)),
        note("a", json!({"throttle": 1, "brokers": [1]})),
        note("a", json!({"throttle": 2, "brokers": null})),
        intent("a", Operation::Update, Some(3)),
    ];
    let state = fold(with("a", 1), &records).expect("valid");
    let pending = state.objects[&topic("a")]
        .pending
        .as_ref()
        .expect("pending");
    assert_eq!(
        pending.notes.as_ref().map(Document::canonical),
        Some(r#"{"throttle":2}"#)
    );
    let state = fold(state, &[applied("a")]).expect("valid");
    assert_eq!(state, with("a", 3));
}

#[test]
fn a_move_takes_references_along_and_keeps_what_was_pending() {
    let mut state = fold(empty(), &[intent("a", Operation::Create, Some(1))]).expect("valid");
    let mut user = object(1);
    user.depends_on.insert(topic("a"));
    state.objects.insert(topic("user"), user);
    let before = state.clone();

    let begun = fold(state, &[moved("a", "b")]).expect("valid");
    assert_eq!(
        begun.objects[&topic("b")]
            .pending
            .as_ref()
            .map(|p| p.action),
        Some(Operation::Move)
    );
    let after = fold(begun.clone(), &[applied("b")]).expect("valid");
    assert_eq!(
        after.objects[&topic("b")]
            .pending
            .as_ref()
            .map(|p| p.action),
        Some(Operation::Create)
    );
    assert!(
        after.objects[&topic("user")]
            .depends_on
            .contains(&topic("b"))
    );
    assert_eq!(fold(begun.clone(), &[failed("b")]), Ok(before));
    // Killed right after the move: the next operation takes it as done.
    let next = fold(begun, &[intent("b", Operation::Update, Some(2))]).expect("valid");
    let pending = next.objects[&topic("b")].pending.as_ref().expect("pending");
    assert_eq!(pending.earlier.len(), 1);
}

#[test]
fn records_that_do_not_follow_are_refused_and_change_nothing() {
    let begin = Record::Begin {
        lineage: "other".into(),
        serial: 0,
        epoch: 1,
        plan: ContentHash::of(b"plan"),
    };
    for (record, message) in [
        (
            begin,
            "the journal belongs to serial 0 of lineage other, the state is serial 0 of lineage ",
        ),
        (
            intent("a", Operation::Create, None),
            "the intent for topic.a lacks the object",
        ),
        (
            intent("x", Operation::Delete, None),
            "the state holds no topic.x",
        ),
        (moved("x", "y"), "the state holds no topic.x"),
        (moved("a", "a"), "topic.a exists already"),
        (applied("a"), "nothing was begun on topic.a"),
        (failed("x"), "the state holds no topic.x"),
        (note("a", json!({})), "nothing was begun on topic.a"),
    ] {
        let mut state = with("a", 1);
        let error = state.merge(&record).expect_err("does not follow");
        assert_eq!(error.to_string(), message);
        assert_eq!(state, with("a", 1));
    }
}

#[test]
fn the_serial_moves_only_with_the_content() {
    let state = with("a", 1);
    let base = state.content_hash();
    assert_eq!(state.clone().next(base), (state.clone(), base));
    let undone = fold(
        state.clone(),
        &[intent("a", Operation::Delete, None), failed("a")],
    )
    .expect("valid");
    assert_eq!(undone.next(base).0.serial, 0);
    let complete = Record::Complete {
        commit: Some("8843d7f".into()),
        release: None,
    };
    let next = fold(state.clone(), &[complete])
        .expect("valid")
        .next(base)
        .0;
    assert!(next.content_changed(&state));
    assert_eq!((next.serial, next.parent), (1, Some(base)));
}

/// Any record; only those that follow are kept, so that the list is a journal.
fn record() -> impl Strategy<Value = Record> {
    let name = || prop::sample::select(vec!["a", "b", "c"]);
    prop_oneof![
        (name(), 0..3_u64).prop_map(|(n, v)| intent(n, Operation::Create, Some(v))),
        (name(), 0..3_u64).prop_map(|(n, v)| intent(n, Operation::Update, Some(v))),
        (name(), 0..3_u64).prop_map(|(n, v)| intent(n, Operation::Adopt, Some(v))),
        name().prop_map(|n| intent(n, Operation::Delete, None)),
        name().prop_map(|n| intent(n, Operation::Forget, None)),
        (name(), name()).prop_map(|(from, to)| moved(from, to)),
        (name(), 0..3_u64).prop_map(|(n, v)| note(n, json!({ "n": v }))),
        name().prop_map(applied),
        name().prop_map(failed),
        any::<bool>().prop_map(|is_set| Record::Complete {
            commit: is_set.then(|| "c".into()),
            release: None,
        }),
    ]
}

fn journal() -> impl Strategy<Value = Vec<Record>> {
    prop::collection::vec(record(), 0..40).prop_map(|records| {
        let mut state = with("a", 0);
        let mut kept = records;
        kept.retain(|record| state.merge(record).is_ok());
        kept
    })
}

/// What [`Pending`] promises of what it keeps.
fn is_sound(object: &ObjectState) -> bool {
    object.pending.as_ref().is_none_or(|pending| {
        let is_move = pending.action == Operation::Move;
        let previous = pending.previous.as_deref();
        let behind = previous.and_then(|object| object.pending.as_ref());
        is_move == pending.from.is_some()
            && pending
                .earlier
                .iter()
                .all(|begun| begun.object.pending.is_none() && begun.action != Operation::Move)
            && behind.is_none_or(|inner| is_move && inner.action != Operation::Move)
            && previous.is_none_or(is_sound)
            && pending.earlier.len() <= 64
    })
}

proptest! {
    #[test]
    fn every_prefix_gives_a_sound_state_that_can_be_stored(records in journal()) {
        let mut state = with("a", 0);
        for record in &records {
            state.merge(record).expect("a journal");
            prop_assert!(state.objects.values().all(is_sound), "{state:?}");
        }
        prop_assert_eq!(format::decode(&format::encode(&state)).expect("just written"), state.clone());
        // What is pending is written in the order of its fields, too.
        prop_assert_eq!(state.content_hash(), Document::of(&state).hash());
    }

    #[test]
    fn folding_in_pieces_is_folding_at_once(records in journal(), at in any::<prop::sample::Index>()) {
        let (head, tail) = records.split_at(at.index(records.len() + 1));
        let pieces = fold(with("a", 0), head).and_then(|state| fold(state, tail));
        prop_assert_eq!(pieces, fold(with("a", 0), &records));
    }

    #[test]
    fn a_failure_undoes_its_intent(records in journal(), next in record()) {
        let state = fold(with("a", 0), &records).expect("a journal");
        if let Record::Intent { address, operation, .. } = &next
            && let Ok(begun) = fold(state.clone(), std::slice::from_ref(&next))
        {
            let undone = fold(begun, &[Record::Failed { address: address.clone(), message: String::new(), outcome: None }]).expect("begun");
            let known = |state: &State| state.objects.get(address).map(|object| {
                let mut specs: Vec<_> = object.specs().map(|spec| spec.canonical().to_owned()).collect();
                specs.sort();
                specs.dedup();
                specs
            });
            prop_assert_eq!(known(&undone), known(&state));
            if *operation != Operation::Move && state.objects.get(address).is_none_or(|object| object.pending.is_none()) {
                prop_assert_eq!(undone, state);
            }
        }
    }

    #[test]
    fn records_round_trip(record in record()) {
        let document = Document::of(&record);
        prop_assert_eq!(serde_json::from_str::<Record>(document.canonical()).expect("just written"), record);
    }
}
