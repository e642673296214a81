//! Any bytes as a state file and as a journal: read or refused, and what was read is written and read again.

#![no_main]

use libfuzzer_sys::fuzz_target;
use streamform::state::State;
use streamform::state::format::{decode, encode};
use streamform::state::journal::{Record, fold};

fuzz_target!(|bytes: &[u8]| {
    if let Ok(state) = decode(bytes) {
        assert_eq!(decode(&encode(&state)).expect("our own"), state);
    }
    // The hash stops most of the above; a body without one goes further.
    if let Ok(state) = serde_json::from_slice::<State>(bytes) {
        let written = encode(&state);
        assert_eq!(decode(&written).expect("our own"), state);
        assert_eq!(encode(&decode(&written).expect("our own")), written);
    }
    if let Ok(records) = serde_json::from_slice::<Vec<Record>>(bytes) {
        let empty = State::empty("dev".parse().expect("a name"));
        if let Ok(state) = fold(empty, &records) {
            assert_eq!(decode(&encode(&state)).expect("our own"), state);
        }
    }
});
