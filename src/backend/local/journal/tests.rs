use crate::address::Address;

use super::*;

fn base() -> ContentHash {
    ContentHash::of(b"state")
}

fn records() -> Vec<Record> {
    let mut records = vec![Record::Begin {
        lineage: "l".into(),
        serial: 3,
        epoch: 1,
        plan: ContentHash::of(b"plan"),
    }];
    records.extend(["a", "b", "ü"].map(|name| Record::Applied {
        address: Address::root("topic", name),
        outcome: None,
    }));
    records
}

fn text() -> Vec<u8> {
    let mut chain = base();
    let mut text = String::new();
    for record in records() {
        let (line, next) = line(chain, &record);
        text.push_str(&line);
        chain = next;
    }
    text.into_bytes()
}

#[test]
fn a_journal_cut_at_any_byte_is_a_prefix() {
    let text = text();
    for length in 0..=text.len() {
        let cut = &text[..length];
        let whole = cut.split(|byte| *byte == b'\n').count() - 1;
        let parsed = parse(cut, base()).expect("a prefix");
        assert_eq!(parsed.records, records()[..whole], "at {length}");
        let behind = cut.rsplit(|byte| *byte == b'\n').next().unwrap_or_default();
        assert_eq!(parsed.torn_bytes, behind.len() as u64, "at {length}");
    }
}

#[test]
fn a_changed_byte_is_refused_or_shortens_the_journal_by_its_last_record() {
    let text = text();
    for at in 0..text.len() {
        for flip in [0x01, 0x20, 0x80] {
            let mut damaged = text.clone();
            damaged[at] ^= flip;
            match parse(&damaged, base()) {
                Err(_) => {}
                // Only the last line feed can be lost: that is how a torn record looks.
                Ok(parsed) => {
                    assert_eq!(at, text.len() - 1, "byte {at}");
                    assert_eq!(parsed.records, records()[..3]);
                    assert!(parsed.torn_bytes > 0);
                }
            }
        }
    }
}

#[test]
fn lines_lost_doubled_swapped_or_of_another_state_are_refused() {
    let text = String::from_utf8(text()).expect("UTF-8");
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    let refused = |order: &[usize]| {
        let text: String = order.iter().map(|index| lines[*index]).collect();
        parse(text.as_bytes(), base())
            .expect_err("not the order of writing")
            .line
    };
    assert_eq!(refused(&[1, 2, 3]), 1);
    assert_eq!(refused(&[0, 2, 3]), 2);
    assert_eq!(refused(&[0, 1, 1]), 3);
    assert_eq!(refused(&[0, 2, 1, 3]), 2);
    assert_eq!(
        parse(text.as_bytes(), ContentHash::of(b"other"))
            .expect_err("other state")
            .line,
        1
    );
}

#[test]
fn zeros_behind_the_last_line_are_a_torn_record() {
    let mut text = text();
    text.extend([0; 100]);
    assert_eq!(parse(&text, base()).expect("whole").torn_bytes, 100);
}
