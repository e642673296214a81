use super::*;

#[test]
fn a_subject_follows_its_topic_by_its_name() {
    for (subject, topic) in [
        ("orders-value", Some("orders")),
        ("orders-key", Some("orders")),
        (":.eu:orders-value", Some("orders")),
        ("orders", None),
        ("-value", None),
        (":.eu", None),
    ] {
        assert_eq!(topic_of(subject), topic, "{subject}");
    }
}

#[test]
fn all_texts_that_a_content_leads_to_are_collected() {
    let content = |definition: &str, references| Content {
        format: Format::Avro,
        definition: definition.into(),
        references,
        normalize: false,
    };
    let to = |subject: &str, which| Referenced {
        subject: subject.into(),
        which,
    };
    let inner = content(
        "inner",
        BTreeMap::from([("far".into(), to("far", Which::Version(3)))]),
    );
    let outer = content(
        "outer",
        BTreeMap::from([("inner".into(), to("inner", Which::Content(Box::new(inner))))]),
    );
    assert_eq!(outer.unknown_reference(&BTreeMap::new()), Some("far"));
    let texts = BTreeMap::from([("far".to_owned(), "text".to_owned())]);
    assert_eq!(outer.unknown_reference(&texts), None);
    let found = outer.definition(&texts).references;
    let expected = [("far", "text"), ("inner", "inner")];
    let expected = expected.map(|(name, text)| (name.to_owned(), text.to_owned()));
    assert_eq!(found, BTreeMap::from(expected));
}
