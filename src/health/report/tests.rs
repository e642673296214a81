//! What people and programs are shown.

use super::*;

fn report() -> Report {
    let mut found = BTreeMap::new();
    for name in ["orders", "payments", "users"] {
        found.insert(Address::root("topic", name), Health::new());
    }
    let mut offline = Health::new();
    offline.unhealthy("2 of 12 partitions have no leader: 3, 7");
    found.insert(Address::root("topic", "audit"), offline);
    let mut billing = Health::new();
    billing.measure("state", "Stable", "Stable");
    billing.measure("lag", 0_u64, "0");
    found.insert(Address::root("consumer_group", "billing"), billing);
    let mut search = Health::new();
    search.measure("state", "Empty", "Empty");
    search.measure("lag", 12_000_u64, "12,000, falling");
    search
        .progressing("the group \"search|x\" is 12,000 records behind: it catches up in about 4 s");
    found.insert(Address::root("consumer_group", "search_index"), search);
    let away = "Connect cannot be reached (provider connect)";
    found.insert(Address::root("connector", "sink"), Health::unread(away));
    Report {
        environment: EnvironmentName::default_environment(),
        serial: 4,
        found,
        others: 5,
        unapplied: BTreeSet::from([Address::root("topic", "new")]),
        looks: 2,
        window: Duration::from_millis(2040),
    }
}

#[test]
fn people_see_what_is_of_concern_first() {
    insta::assert_snapshot!(text(&report(), false), @r#"
    connector.sink  unknown
        Connect cannot be reached (provider connect)

    consumer_group.search_index  progressing  state Empty   lag 12,000, falling
        the group "search|x" is 12,000 records behind: it catches up in about 4 s
    consumer_group.billing       healthy      state Stable  lag 0

    topic.audit  unhealthy
        2 of 12 partitions have no leader: 3, 7
    topic: 3 more healthy

    Not applied yet: 1 object of the project.
    default at serial 4: 1 unhealthy, 1 unknown, 1 progressing, 4 healthy, 5 more of other kinds (2 looks in 2.0 s).
    "#);
}

#[test]
fn a_pull_request_gets_a_table() {
    insta::assert_snapshot!(markdown(&report()), @r#"
    ### Streamform: health of `default`

    1 unhealthy, 1 unknown, 1 progressing, 4 healthy, 5 more of other kinds (2 looks in 2.0 s).

    | object | health | |
    |---|---|---|
    | `topic.audit` | **unhealthy** | 2 of 12 partitions have no leader: 3, 7 |
    | `connector.sink` | unknown | Connect cannot be reached (provider connect) |
    | `consumer_group.search_index` | progressing | state Empty<br>lag 12,000, falling<br>the group "search\|x" is 12,000 records behind: it catches up in about 4 s |
    | `consumer_group.billing` | healthy | state Stable<br>lag 0 |
    "#);
}

#[test]
fn programs_get_every_object() -> Result<(), serde_json::Error> {
    let document: serde_json::Value = serde_json::from_str(&json(&report()))?;
    assert_eq!(document["verdict"], "unhealthy");
    assert_eq!(
        document["objects"].as_object().map(serde_json::Map::len),
        Some(7)
    );
    let group = &document["objects"]["consumer_group.search_index"];
    assert_eq!(group["measures"]["lag"], 12_000);
    assert_eq!(group["symptoms"][0]["verdict"], "progressing");
    Ok(())
}

#[test]
fn an_environment_without_objects_has_no_verdict() {
    let empty = Report {
        found: BTreeMap::new(),
        others: 0,
        unapplied: BTreeSet::new(),
        looks: 1,
        ..report()
    };
    assert_eq!(empty.worst(), None);
    insta::assert_snapshot!(text(&empty, false), @"default at serial 4: nothing is applied (1 look).");
}

#[test]
fn a_table_keeps_within_its_limit() {
    let mut out = String::new();
    rows(&mut out, &report().found, 200);
    assert!(out.len() < 280, "{out}");
    assert!(out.contains("more: the comment"), "{out}");
}
