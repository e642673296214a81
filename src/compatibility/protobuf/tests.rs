//! What is parsed, what comparisons say, and that nothing makes them panic.

#![expect(clippy::unwrap_used, reason = "a test's set-up may stop it")]

use std::fmt::Write as _;

use proptest::prelude::{ProptestConfig, Strategy, any, prop, proptest};

use super::*;
use crate::compatibility::{Definition, Direction, Lint, Mismatch, ParseError};

fn definition(text: &str, references: &[(&str, &str)]) -> Definition {
    Definition {
        text: text.to_owned(),
        references: references
            .iter()
            .map(|(name, text)| ((*name).to_owned(), (*text).to_owned()))
            .collect(),
    }
}

fn schema(text: &str) -> Schema {
    parse(&definition(text, &[])).unwrap()
}

fn proto3(body: &str) -> Schema {
    schema(&format!("syntax = \"proto3\";\npackage shop;\n{body}"))
}

fn proto2(body: &str) -> Schema {
    schema(&format!("syntax = \"proto2\";\npackage shop;\n{body}"))
}

fn failure(text: &str, references: &[(&str, &str)]) -> String {
    let ParseError {
        message,
        reference,
        position,
        ..
    } = parse(&definition(text, references)).unwrap_err();
    let place = position.map_or_else(
        || "?".to_owned(),
        |(line, column)| format!("{line}:{column}"),
    );
    format!(
        "{}{place}: {message}",
        reference.map_or_else(String::new, |name| format!("{name} "))
    )
}

fn shown(mismatches: &[Mismatch]) -> String {
    let mut text = String::new();
    for mismatch in mismatches {
        writeln!(text, "{}", mismatch.rule).unwrap();
        writeln!(
            text,
            "  reader {}, writer {}",
            mismatch.reader, mismatch.writer
        )
        .unwrap();
        writeln!(text, "  {}", mismatch.message).unwrap();
        writeln!(text, "  {}", mismatch.advice).unwrap();
    }
    text
}

fn backward(old: &Schema, new: &Schema) -> String {
    shown(&compare(new, old, Direction::Backward))
}

fn forward(old: &Schema, new: &Schema) -> String {
    shown(&compare(old, new, Direction::Forward))
}

fn listed(lints: &[Lint]) -> String {
    let mut text = String::new();
    for lint in lints {
        writeln!(
            text,
            "{} {}: {}; {}",
            lint.rule, lint.path, lint.message, lint.advice
        )
        .unwrap();
    }
    text
}

mod parsing {
    use super::*;

    #[test]
    fn errors_say_where() {
        insta::assert_snapshot!(failure("syntax = \"proto3\";\nmessage é M {\n}", &[]), @"2:9: invalid token");
        insta::assert_snapshot!(failure("syntax = \"proto3\";\n/* é */ message M { int32 x = 0; }", &[]), @"2:31: message numbers must be between 1 and 536870911");
        insta::assert_snapshot!(failure("syntax = \"proto3\";\nmessage M {\n  Unknown x = 1;\n}", &[]), @"3:3: name 'Unknown' is not defined");
        insta::assert_snapshot!(failure("syntax = \"proto3\";\nmessage M { int32 a = 1; int32 b = 1; }", &[]), @"2:36: field number '1' is already used");
        insta::assert_snapshot!(failure("edition = \"2099\";", &[]), @r#"1:11: the edition "2099" is not known: use 2023, or proto3"#);
        insta::assert_snapshot!(failure("edition = \"2023\"; message M { reserved foo; int32 a = ; }", &[]), @"1:55: expected an integer, but found ';'");
        insta::assert_snapshot!(failure("message M { optional int32 a = 1 [(nope) = 1]; }", &[]), @"1:35: name 'nope' is not defined");
        insta::assert_snapshot!(failure(&"message M { ".repeat(40), &[]), @"1:373: reached maximum recursion limit for nested messages");
        insta::assert_snapshot!(failure(&format!("option (x) = {}", "{ a: ".repeat(1_000_000)), &[]), @"1:334: brackets nest more than 64 deep");
    }

    #[test]
    fn a_missing_import_is_named_with_what_to_do() {
        let text = "syntax = \"proto3\";\nimport \"comon/money.proto\";\n";
        insta::assert_snapshot!(failure(text, &[("common/money.proto", "")]), @r#"2:1: nothing is known of the import "comon/money.proto": add a reference of that name with the file's text; did you mean "common/money.proto"?"#);
        insta::assert_snapshot!(failure("import \"google/protobuf/timestmp.proto\";", &[]), @r#"1:1: nothing is known of the import "google/protobuf/timestmp.proto": add a reference of that name with the file's text; did you mean "google/protobuf/timestamp.proto"?"#);
    }

    #[test]
    fn an_error_in_an_import_names_the_import() {
        let text = "syntax = \"proto3\"; import \"a.proto\";";
        insta::assert_snapshot!(failure(text, &[("a.proto", "import \"b.proto\";"), ("b.proto", "message {}")]), @"b.proto 1:9: expected an identifier, but found '{'");
        insta::assert_snapshot!(failure(text, &[("a.proto", "import \"b.proto\";"), ("b.proto", "import \"a.proto\";")]), @r#"b.proto 1:1: the import "a.proto" leads back to this file"#);
        insta::assert_snapshot!(failure(text, &[("a.proto", "message M { optional N n = 1; }")]), @"a.proto 1:22: name 'N' is not defined");
    }

    #[test]
    fn what_every_registry_knows_can_be_imported() {
        let schema = schema(
            r#"syntax = "proto3";
            import "google/protobuf/timestamp.proto";
            import "confluent/meta.proto";
            import "confluent/type/decimal.proto";
            message Payment {
              option (confluent.message_meta) = { doc: "A payment" tags: ["PII", "x"] };
              google.protobuf.Timestamp at = 1;
              confluent.type.Decimal amount = 2 [(confluent.field_meta).params = { key: "scale" value: "2" }];
            }"#,
        );
        insta::assert_snapshot!(canonical(&schema), @r#"
        syntax = "proto3";
        import "confluent/meta.proto";
        import "confluent/type/decimal.proto";
        import "google/protobuf/timestamp.proto";
        message Payment {
          option (confluent.message_meta) = { doc : "A payment" tags : [ "PII" , "x" ] };
          .google.protobuf.Timestamp at = 1;
          .confluent.type.Decimal amount = 2 [(confluent.field_meta).params = { key : "scale" value : "2" }];
        }
        "#);
    }

    #[test]
    fn an_edition_is_read_with_its_features() {
        let schema = schema(
            r#"edition = "2023";
            message Order {
              reserved old_name, older; reserved 7 to 9;
              string id = 1 [features.field_presence = LEGACY_REQUIRED];
              int32 count = 2 [default = 5];
              Order parent = 3 [features.message_encoding = DELIMITED];
            }"#,
        );
        let order = schema.file.messages().next().unwrap();
        assert!(order.get_field(1).unwrap().is_required());
        assert!(!order.get_field(2).unwrap().is_required());
        assert!(schema.features.is_delimited("Order.parent"));
        insta::assert_snapshot!(canonical(&schema), @r#"
        edition = "2023";
        message Order {
          reserved 7 to 9;
          reserved old_name;
          reserved older;
          string id = 1 [features.field_presence = LEGACY_REQUIRED];
          int32 count = 2 [default = 5];
          .Order parent = 3 [features.message_encoding = DELIMITED];
        }
        "#);
    }

    #[test]
    fn long_comments_take_no_stack() {
        let text = format!(
            "// {}\nmessage M {{}} /* {} */",
            "é".repeat(500_000),
            "é\n".repeat(500_000)
        );
        assert_eq!(schema(&text).file.messages().count(), 1);
    }
}

mod comparing {
    use super::*;

    const ORDER: &str = "message Order {
          message Item { string sku = 1; int64 price = 3; }
          string id = 1;
          repeated Item items = 2;
          map<string, int64> totals = 4;
        }";

    #[test]
    fn fields_may_come_go_and_be_renamed() {
        let new = proto3(
            "message Order {
              message Item { string code = 1; repeated string tags = 9; }
              string key = 1;
              Item items = 2;
              bytes note = 8;
            }
            message Added {}",
        );
        assert_eq!(backward(&proto3(ORDER), &new), "");
    }

    #[test]
    fn every_change_of_type_is_found_at_once() {
        let new = proto3(
            "message Order {
              message Item { string sku = 1; string price = 3; }
              Item id = 1;
              repeated Part items = 2;
              map<string, double> totals = 4;
            }
            message Part {}",
        );
        insta::assert_snapshot!(backward(&proto3(ORDER), &new), @r"
        protobuf-field-kind-changed
          reader Order[1] (id), writer Order[1] (id)
          the reader takes a message (Order.Item) for what the writer wrote as a scalar (string)
          keep the field as it was and mark it deprecated, and add a field with a new number; readers take whichever is set
        protobuf-field-named-type-changed
          reader Order[2] (items), writer Order[2] (items)
          the reader takes message Part for what the writer wrote as Order.Item
          keep the field as it was and mark it deprecated, and add a field with a new number; readers take whichever is set
        protobuf-field-scalar-kind-changed
          reader Order[4] (totals) value, writer Order[4] (totals) value
          the reader takes double for what the writer wrote as int64, which goes with int32, int64, uint32, uint64, bool and enums
          keep the field as it was and mark it deprecated, and add a field with a new number; readers take whichever is set
        protobuf-field-scalar-kind-changed
          reader Order.Item[3] (price), writer Order.Item[3] (price)
          the reader takes string for what the writer wrote as int64, which goes with int32, int64, uint32, uint64, bool and enums
          keep the field as it was and mark it deprecated, and add a field with a new number; readers take whichever is set
        ");
    }

    #[test]
    fn types_of_one_encoding_take_each_others_place() {
        let old = proto3(
            "enum E { E_UNSPECIFIED = 0; }
            message M { int32 a = 1; bool b = 2; E c = 3; sint32 d = 4; string e = 5; fixed32 f = 6; sfixed64 g = 7; }",
        );
        let new = proto3(
            "message M { uint64 a = 1; int64 b = 2; int32 c = 3; sint64 d = 4; bytes e = 5; sfixed32 f = 6; fixed64 g = 7; }",
        );
        assert_eq!(backward(&old, &new), "");
        assert_eq!(forward(&new, &old), "");
        let zigzag = proto3("message M { sint32 a = 1; }");
        insta::assert_snapshot!(backward(&old, &zigzag), @r"
        protobuf-field-scalar-kind-changed
          reader M[1] (a), writer M[1] (a)
          the reader takes sint32 for what the writer wrote as int32, which goes with int32, int64, uint32, uint64, bool and enums
          keep the field as it was and mark it deprecated, and add a field with a new number; readers take whichever is set
        ");
    }

    #[test]
    fn the_package_and_removed_messages_count() {
        let old = schema("syntax = \"proto3\"; package a; message M { message N {} } message O {}");
        let new = schema("syntax = \"proto3\"; package b; message M {}");
        insta::assert_snapshot!(backward(&old, &new), @r"
        protobuf-package-changed
          reader package b, writer package a
          the reader's schema has package b, the writer's package a
          keep the package, or register the schema under a subject of its own
        protobuf-message-removed
          reader M.N, writer M.N
          the reader's schema has no message M.N
          keep the message and mark it deprecated
        protobuf-message-removed
          reader O, writer O
          the reader's schema has no message O
          keep the message and mark it deprecated
        ");
    }

    #[test]
    fn an_added_message_is_not_forward_compatible() {
        let (old, new) = (proto3("message M {}"), proto3("message M {} message N {}"));
        assert_eq!(backward(&old, &new), "");
        insta::assert_snapshot!(forward(&old, &new), @r"
        protobuf-message-removed
          reader N, writer N
          the reader's schema has no message N
          leave the new message out, or declare it in a file of its own and import it, or take the level BACKWARD_TRANSITIVE: for Protobuf no new message is forward compatible
        ");
    }

    #[test]
    fn required_fields_stay() {
        let old = proto2(
            "message M { required string a = 1; optional string b = 2; required string c = 3; }",
        );
        let new = proto2(
            "message M { optional string a = 1; required string b = 2; required int32 d = 4; }",
        );
        insta::assert_snapshot!(backward(&old, &new), @r"
        protobuf-required-field-added
          reader M[2] (b), writer M[2] (b)
          the reader requires the field, which is singular to the writer
          declare the field optional: what is written already does not have it
        protobuf-required-field-removed
          reader M, writer M[3] (c)
          the writer's required field 3 is missing from the reader's schema
          keep the field: the registry holds every required field to be one for ever
        protobuf-required-field-added
          reader M[4] (d), writer M
          the reader requires field 4, which the writer's schema does not have
          declare the field optional: what is written already does not have it
        ");
        insta::assert_snapshot!(forward(&old, &new), @r"
        protobuf-required-field-added
          reader M[1] (a), writer M[1] (a)
          the reader requires the field, which is singular to the writer
          keep the field required: readers that run the old schema refuse a message without it
        protobuf-required-field-removed
          reader M, writer M[4] (d)
          the writer's required field 4 is missing from the reader's schema
          declare the new field optional
        protobuf-required-field-added
          reader M[3] (c), writer M
          the reader requires field 3, which the writer's schema does not have
          keep the field required: readers that run the old schema refuse a message without it
        ");
    }

    #[test]
    fn numbers_neither_start_nor_stop_to_repeat() {
        let old =
            proto3("message M { int32 a = 1; repeated double b = 2; string c = 3; M d = 4; }");
        let new = proto3(
            "message M { repeated int32 a = 1; double b = 2; repeated string c = 3; repeated M d = 4; }",
        );
        insta::assert_snapshot!(backward(&old, &new), @r"
        protobuf-field-numeric-label-changed
          reader M[1] (a), writer M[1] (a)
          the field is repeated to the reader and singular to the writer, which numbers cannot be (int32)
          keep the field as it was and mark it deprecated, and add a field with a new number; readers take whichever is set
        protobuf-field-numeric-label-changed
          reader M[2] (b), writer M[2] (b)
          the field is singular to the reader and repeated to the writer, which numbers cannot be (double)
          keep the field as it was and mark it deprecated, and add a field with a new number; readers take whichever is set
        ");
    }

    #[test]
    fn a_lone_field_may_enter_a_new_oneof_and_leave_it() {
        let alone = proto3("message M { string a = 1; }");
        let grouped = proto3("message M { oneof o { string a = 1; string b = 2; } }");
        assert_eq!(backward(&alone, &grouped), "");
        let left = proto3("message M { string a = 1; oneof p { string b = 2; } }");
        assert_eq!(backward(&grouped, &left), "");
        assert_eq!(backward(&grouped, &proto3("message M {}")), "");
        let optional = proto3("message M { optional string a = 1; }");
        assert_eq!(backward(&alone, &optional), "");
        assert_eq!(backward(&optional, &alone), "");
    }

    #[test]
    fn independent_fields_do_not_become_exclusive() {
        let old = proto3(
            "message M { string a = 1; string b = 2; oneof o { string c = 3; string d = 4; } }",
        );
        let new = proto3(
            "message M { oneof n { string a = 1; string b = 2; } oneof o { string c = 3; } }",
        );
        insta::assert_snapshot!(backward(&old, &new), @r"
        protobuf-multiple-fields-moved-to-oneof
          reader M oneof n, writer M
          the reader takes one of the fields 1 (a) and 2 (b), which the writer may all set
          leave the fields where they are: where several are set, the reader keeps the last alone; or add a oneof of new fields with new numbers
        protobuf-oneof-field-removed
          reader M, writer M[4] (d)
          the reader's schema has no field 4, a member of the writer's oneof o
          keep the member and mark it deprecated: to a reader without it the oneof seems unset
        ");
        insta::assert_snapshot!(forward(&new, &old), @r"
        protobuf-multiple-fields-moved-to-oneof
          reader M oneof n, writer M
          the reader takes one of the fields 1 (a) and 2 (b), which the writer may all set
          leave the fields in their oneof: of several that are set, readers that run the old schema keep the last alone
        protobuf-oneof-field-removed
          reader M, writer M[4] (d)
          the reader's schema has no field 4, a member of the writer's oneof o
          add the field outside of the oneof: to readers that run the old schema the oneof would seem unset
        ");
        let moved = proto3(
            "message M { string b = 2; oneof o { string a = 1; string c = 3; string d = 4; } }",
        );
        insta::assert_snapshot!(backward(&old, &moved), @r"
        protobuf-field-moved-to-existing-oneof
          reader M oneof o, writer M
          the reader takes one of what the writer may set together: oneof o and field 1 (a)
          leave the field where it is, and add a member with a new number to the oneof: where the field and a member are set, the reader keeps the last alone
        ");
    }

    #[test]
    fn imported_messages_are_compared_where_they_are_used() {
        let text = "syntax = \"proto3\"; import \"money.proto\"; message M { repeated shop.Money price = 1; }";
        let parsed = |money: &str| {
            let money = format!("syntax = \"proto3\"; package shop; {money}");
            parse(&definition(text, &[("money.proto", &money)])).unwrap()
        };
        let old = parsed(
            "message Money { int64 units = 1; Money parent = 2; } message Unused { int32 a = 1; }",
        );
        let new = parsed("message Money { string units = 1; Money parent = 2; }");
        insta::assert_snapshot!(backward(&old, &new), @r"
        protobuf-field-scalar-kind-changed
          reader shop.Money[1] (units), writer shop.Money[1] (units)
          the reader takes string for what the writer wrote as int64, which goes with int32, int64, uint32, uint64, bool and enums
          keep the field as it was and mark it deprecated, and add a field with a new number; readers take whichever is set
        ");
    }

    #[test]
    fn groups_and_extensions_are_fields_too() {
        let old = proto2(
            "message M { extensions 100 to 200; optional group G = 1 { optional int32 a = 1; } }
             extend M { optional int32 x = 100; optional int32 y = 101; }",
        );
        let new = proto2(
            "message M { extensions 100 to 200; optional G g = 1; message G { optional int32 a = 1; } }
             extend M { optional string x = 100; }",
        );
        insta::assert_snapshot!(backward(&old, &new), @r"
        protobuf-field-kind-changed
          reader M[1] (g), writer M[1] (g)
          the reader takes a message (M.G) for what the writer wrote as a group (group M.G)
          keep the field as it was and mark it deprecated, and add a field with a new number; readers take whichever is set
        protobuf-field-scalar-kind-changed
          reader M[100] (shop.x), writer M[100] (shop.x)
          the reader takes string for what the writer wrote as int32, which goes with int32, int64, uint32, uint64, bool and enums
          keep the field as it was and mark it deprecated, and add a field with a new number; readers take whichever is set
        ");
    }

    #[test]
    fn a_map_is_no_repeated_message() {
        let old = proto3("message M { map<string, M> m = 1; }");
        let new = proto3(
            "message M { repeated MEntry m = 1; message MEntry { string key = 1; M value = 2; } }",
        );
        insta::assert_snapshot!(backward(&old, &new), @r"
        protobuf-field-kind-changed
          reader M[1] (m), writer M[1] (m)
          the reader takes a message (M.MEntry) for what the writer wrote as a map (map<string, M>)
          keep the field as it was and mark it deprecated, and add a field with a new number; readers take whichever is set
        ");
    }
}

mod cautioning {
    use super::*;

    #[test]
    fn a_field_that_no_longer_knows_absence_is_told() {
        let presence = |label: &str| proto3(&format!("message M {{ {label} int32 a = 1; }}"));
        let told = |new: &str, old: &str| listed(&cautions(&presence(new), &presence(old)));
        assert_eq!(told("optional", "optional"), "");
        insta::assert_snapshot!(told("", "optional"), @"protobuf-presence-changed M[1] (a): an absent value was told from the default and is no longer: readers of the other version take one for the other; keep the presence, or add a field with a new number");
        insta::assert_snapshot!(told("optional", ""), @"protobuf-presence-changed M[1] (a): an absent value was the default and is now told from it: readers of the other version take one for the other; keep the presence, or add a field with a new number");
    }

    #[test]
    fn what_the_registry_lets_through_is_told() {
        let old = proto2(
            "enum E { reserved 5 to 7, 9; reserved \"OLD\"; A = 0; B = 1; C = 2; }
            message M {
              reserved 50 to 60;
              optional string gone = 1; optional int32 renamed = 2; optional int64 narrowed = 3;
              optional E value = 4; optional bytes raw = 5; repeated string tags = 6;
              optional int32 level = 7 [default = 3]; optional string json = 8 [json_name = \"j\"];
              oneof o { string in_o = 9; }
            }
            service S { rpc Get(M) returns (M); }",
        );
        let new = proto2(
            "enum E { reserved 5 to 6; A = 0; BETA = 1; }
            message M {
              optional int32 name = 2; optional int32 narrowed = 3;
              optional int32 value = 4; optional string raw = 5; optional string tags = 6;
              optional int32 level = 7 [default = 4]; optional string json = 8;
              optional string in_o = 9;
            }
            service S { rpc Get(M) returns (stream M); }",
        );
        assert_eq!(backward(&old, &new), "");
        insta::assert_snapshot!(listed(&cautions(&new, &old)), @r#"
        protobuf-field-number-not-reserved M[1] (gone): the field is removed and its number 1 is free to be used again; add reserved 1; to the message
        protobuf-field-name-not-reserved M[1] (gone): the field is removed and its name gone is free to be used again; add reserved "gone"; to the message
        protobuf-field-renamed M[2] (name): the field was called renamed: JSON and generated code change; keep the name, or add a field with a new number
        protobuf-number-type-changed M[3] (narrowed): the field was int64 and is now int32: numbers may be cut, and JSON may change; keep the type, or add a field with a new number
        protobuf-enum-exchanged M[4] (value): the field was E and is now int32: not every number is a value of the enum; keep the type, or add a field with a new number
        protobuf-bytes-became-string M[5] (raw): bytes that are no UTF-8 cannot be read as a string; keep the type, or add a field with a new number
        protobuf-cardinality-changed M[6] (tags): the field was repeated and is now singular: a reader of one value keeps the last alone; keep the label, or add a field with a new number
        protobuf-default-changed M[7] (level): the default was 3 and is now 4: a field that is not set changes its value; keep the default
        protobuf-json-name-changed M[8] (json): in JSON the field was called j and is now json; keep the json_name
        protobuf-oneof-changed M[9] (in_o): the field was in oneof o and is now in no oneof: generated code changes; leave the field where it is
        protobuf-message-reservation-dropped M: 50 to 60 is no longer reserved, all or in part; keep every reservation: data may still hold the number or the name
        protobuf-enum-value-renamed E: value 1 was called B: JSON and generated code change; keep the name, or add an alias (option allow_alias = true)
        protobuf-enum-number-not-reserved E: value C is removed and its number 2 is free to be used again; add reserved 2; to the enum
        protobuf-enum-name-not-reserved E: value C is removed and its name is free to be used again; add reserved "C"; to the enum
        protobuf-enum-reservation-dropped E: 5 to 7, 9, "OLD" is no longer reserved, all or in part; keep every reservation: data may still hold the number or the name
        protobuf-rpc-changed S.Get: the method was (M) returns (M) and is now (M) returns (stream M); keep the method, and add another
        "#);
        assert_eq!(listed(&cautions(&old, &old)), "");
    }

    #[test]
    fn what_takes_another_number_is_told_with_both() {
        let old = proto3("enum E { A = 0; B = 1; } message M { string a = 1; E e = 2; }");
        let new = proto3("enum E { A = 0; B = 2; } message M { string a = 3; E e = 2; }");
        assert_eq!(backward(&old, &new), "");
        insta::assert_snapshot!(listed(&cautions(&new, &old)), @r"
        protobuf-field-number-not-reserved M[1] (a): the field is removed and its number 1 is free to be used again; add reserved 1; to the message
        protobuf-field-renumbered M[1] (a): the field was number 1 and is now 3: no reader of the one version finds what the other wrote; keep the number 1, or give the field of the number 3 a name of its own
        protobuf-enum-number-not-reserved E: value B is removed and its number 1 is free to be used again; add reserved 1; to the enum
        protobuf-enum-value-renumbered E: value B was number 1 and is now 2: readers of the other version take it for another value, or for none; keep the number 1, or give the value of the number 2 a name of its own
        ");
    }

    #[test]
    fn an_edition_reserves_names_without_quotes() {
        let edition = |body: &str| schema(&format!("edition = \"2023\"; package shop; {body}"));
        let old = edition("message M { string gone = 1; }");
        let new = edition("message M { reserved 1; }");
        insta::assert_snapshot!(listed(&cautions(&new, &old)), @"protobuf-field-name-not-reserved M[1] (gone): the field is removed and its name gone is free to be used again; add reserved gone; to the message");
        let followed = edition("message M { reserved 1; reserved gone; }");
        assert_eq!(listed(&cautions(&followed, &old)), "");
    }

    #[test]
    fn an_extension_is_told_of_as_a_field_is() {
        let old = proto2(
            "message M { extensions 100 to 200; }
            extend M { optional string note = 100; optional bytes raw = 101; optional int32 top = 102 [default = 1]; }",
        );
        let new = proto2(
            "message M { extensions 100 to 200; }
            extend M { optional string remark = 100; repeated string raw = 101; optional int32 top = 102; }",
        );
        assert_eq!(backward(&old, &new), "");
        insta::assert_snapshot!(listed(&cautions(&new, &old)), @r"
        protobuf-field-renamed M[100] (shop.remark): the extension was called note: JSON and generated code change; keep the name and the place, or add an extension with a new number
        protobuf-cardinality-changed M[101] (shop.raw): the field was singular and is now repeated: a reader of one value keeps the last alone; keep the label, or add a field with a new number
        protobuf-bytes-became-string M[101] (shop.raw): bytes that are no UTF-8 cannot be read as a string; keep the type, or add a field with a new number
        protobuf-default-changed M[102] (shop.top): the default was 1 and is now its type's zero: a field that is not set changes its value; keep the default
        ");
        assert_eq!(listed(&cautions(&old, &old)), "");
    }

    #[test]
    fn the_default_of_an_enum_is_a_value() {
        let default = |name: &str| {
            proto2(&format!(
                "enum E {{ A = 0; B = 1; }} message M {{ optional E e = 1 [default = {name}]; }}"
            ))
        };
        assert_eq!(listed(&cautions(&default("B"), &default("B"))), "");
        insta::assert_snapshot!(listed(&cautions(&default("A"), &default("B"))), @"protobuf-default-changed M[1] (e): the default was B and is now A: a field that is not set changes its value; keep the default");
    }
}

mod linting {
    use super::*;

    #[test]
    fn what_will_hurt_later_is_found() {
        let text = "syntax = \"proto2\";
            import \"google/protobuf/timestamp.proto\";
            import \"google/protobuf/any.proto\";
            import \"confluent/meta.proto\";
            message Order {
              required string orderId = 1;
              optional google.protobuf.Any any = 2 [(confluent.field_meta).doc = \"x\"];
              map<string, string> labels = 3; // free text
              enum State { OPEN = 0; }
            }";
        let schema = parse(&definition(text, &[("unused.proto", "")])).unwrap();
        insta::assert_snapshot!(listed(&lint(&schema)), @r"
        protobuf-missing-package : the file has no package: its names clash with those of any other such file; add a package, with a version such as orders.v1
        protobuf-unused-import google/protobuf/timestamp.proto: nothing of the import is used; remove the import
        protobuf-unused-reference unused.proto: no file imports the reference; remove the reference
        protobuf-missing-comment Order: the message has no comment; say what a message stands for, and when it is written
        protobuf-missing-comment Order[1] (orderId): the field has no comment; say what the field holds, its unit and what it means that it is not set
        protobuf-field-name Order[1] (orderId): the field's name is not lower_snake_case: generated code and JSON differ by language; rename the field before it is registered; later the name is in JSON and in code
        protobuf-required-field Order[1] (orderId): a required field can never be removed, nor be read by what does not know of it; declare it optional, and check it where it is used
        protobuf-missing-comment Order[2] (any): the field has no comment; say what the field holds, its unit and what it means that it is not set
        protobuf-enum-without-unspecified Order.State: the enum has no value 0 named *_UNSPECIFIED: a field that is not set seems to say something; add a value 0 whose name ends with _UNSPECIFIED
        ");
    }

    #[test]
    fn a_schema_that_says_all_has_none() {
        let text = "syntax = \"proto3\"; package shop.v1;
            // An order.
            message Order {
              // Unique.
              string id = 1;
              State state = 2; // where it stands
              // Where an order can stand.
              enum State { STATE_UNSPECIFIED = 0; }
            }";
        assert_eq!(listed(&lint(&schema(text))), "");
    }
}

mod canonical_form {
    use super::*;

    const SAMPLE: &str = r#"
        syntax = "proto2";
        package a.b;
        import "google/protobuf/descriptor.proto";
        option java_package = "x";
        // A comment.
        message M {
          repeated N n = 2; optional bytes raw = 9 [default = "\x00\"\\é"];
          optional string a = 1 [deprecated = true, (note) = { text: "hi" n: [1, 2] }, default = "a\"\\\né", json_name = "Q"];
          map<string, N> m = 3;
          optional group G = 4 { optional double z = 1 [default = -1.5]; }
          extensions 20, 10 to 15;
          reserved "q", "p"; reserved 30 to max; reserved 17;
          oneof o { string s = 7; group H = 6 { } }
          message N {}
          enum E { option allow_alias = true; A = 0; C = 2; B = 1; D = 2; reserved -5 to -2; }
        }
        message Note { optional string text = 1; repeated int32 n = 2; }
        extend google.protobuf.FieldOptions { optional Note note = 50000; }
        service S { rpc R(M) returns (stream M.N) { option deprecated = true; } rpc Q(M) returns (M); }
        message N {}
    "#;

    #[test]
    fn it_keeps_what_matters() {
        insta::assert_snapshot!(canonical(&schema(SAMPLE)), @r#"
        syntax = "proto2";
        package a.b;
        import "google/protobuf/descriptor.proto";
        option java_package = "x";
        message M {
          reserved 17;
          reserved 30 to max;
          reserved "p";
          reserved "q";
          optional string a = 1 [default = "a\"\\\n\303\251", (note) = { text : "hi" n : [ 1 , 2 ] }, deprecated = true, json_name = "Q"];
          repeated .a.b.M.N n = 2;
          map<string, .a.b.M.N> m = 3;
          optional group G = 4 {
            optional double z = 1 [default = -1.5];
          }
          optional bytes raw = 9 [default = "\000\"\\\303\251"];
          oneof o {
            group H = 6 {
            }
            string s = 7;
          }
          extensions 10 to 15;
          extensions 20 to 20;
          message N {
          }
          enum E {
            option allow_alias = true;
            reserved -5 to -2;
            A = 0;
            B = 1;
            C = 2;
            D = 2;
          }
        }
        message Note {
          optional string text = 1;
          repeated int32 n = 2;
        }
        message N {
        }
        extend .google.protobuf.FieldOptions {
          optional .a.b.Note note = 50000;
        }
        service S {
          rpc R(.a.b.M) returns (stream .a.b.M.N) {
            option deprecated = true;
          }
          rpc Q(.a.b.M) returns (.a.b.M);
        }
        "#);
    }

    #[test]
    fn it_reads_back_as_itself() {
        let printed = canonical(&schema(SAMPLE));
        let read = schema(&printed);
        assert_eq!(canonical(&read), printed);
        assert_eq!(backward(&schema(SAMPLE), &read), "");
        assert_eq!(listed(&cautions(&read, &schema(SAMPLE))), "");
    }

    #[test]
    fn order_comments_and_short_names_do_not_matter() {
        let one = proto3("message M { string a = 1; N n = 2; message N {} } // end");
        let other =
            proto3("/* start */ message M { message N {}  .shop.M.N n = 2;\n string a = 1; }");
        assert_eq!(canonical(&one), canonical(&other));
        let indexes = proto3("message A {} message B {}");
        assert_ne!(
            canonical(&indexes),
            canonical(&proto3("message B {} message A {}"))
        );
    }
}

/// A file of random messages, enums, oneofs and maps.
fn files() -> impl Strategy<Value = String> {
    let field = (0..12_usize, 1..30_u32).prop_map(|(kind, number)| {
        let kind = [
            "int32",
            "repeated int64",
            "optional string",
            "bytes",
            "M0",
            "repeated M1",
            "E",
            "map<string, M0>",
            "map<int32, E>",
            "sfixed32",
            "double",
            "sint64",
        ][kind];
        (number, kind)
    });
    let message = (
        prop::collection::btree_map(1..30_u32, field, 0..8),
        any::<bool>(),
    );
    prop::collection::vec(message, 2..5).prop_map(|messages| {
        let mut text = "syntax = \"proto3\"; package p; enum E { E_UNSPECIFIED = 0; }\n".to_owned();
        for (index, (fields, grouped)) in messages.into_iter().enumerate() {
            write!(text, "message M{index} {{ ").unwrap();
            for (number, (_, kind)) in fields {
                if grouped && !kind.contains(' ') {
                    write!(text, "oneof o{number} {{ {kind} f{number} = {number}; }} ").unwrap();
                } else {
                    write!(text, "{kind} f{number} = {number}; ").unwrap();
                }
            }
            text.push_str("}\n");
        }
        text
    })
}

/// Everything that is done with a text; it must come back.
fn exercise(text: &str, other: &Schema) {
    let Ok(schema) = parse(&definition(text, &[("b.proto", text)])) else {
        return;
    };
    assert_eq!(compare(&schema, &schema, Direction::Backward), []);
    assert_eq!(cautions(&schema, &schema), []);
    compare(&schema, other, Direction::Backward);
    compare(other, &schema, Direction::Forward);
    cautions(&schema, other);
    lint(&schema);
    let printed = canonical(&schema);
    let read = parse(&definition(&printed, &[("b.proto", text)]));
    assert_eq!(read.as_ref().map(canonical), Ok(printed));
}

/// What mutations are made of.
const PIECES: [&str; 60] = [
    "syntax = \"proto2\";",
    "edition = \"2023\";",
    "message",
    "enum",
    "oneof",
    "extend",
    "extensions",
    "reserved",
    "option",
    "import",
    "public",
    "package",
    "service",
    "rpc",
    "returns",
    "stream",
    "repeated",
    "optional",
    "required",
    "group",
    "map<",
    "int32",
    "string",
    "bytes",
    "M",
    "N",
    "o",
    "x",
    "\"b.proto\"",
    "\"google/protobuf/descriptor.proto\"",
    "google.protobuf.FieldOptions",
    "=",
    ";",
    "{",
    "}",
    "[",
    "]",
    "(",
    ")",
    ".",
    ",",
    "<",
    ">",
    "-",
    "1",
    "0",
    "536870911",
    "19000",
    "max",
    "to",
    "0x7fffffffffffffff",
    "1e400",
    "\"\\xff\\u{0}\"",
    "'",
    "/*",
    "//",
    "é",
    "default",
    "features.field_presence = LEGACY_REQUIRED",
    "json_name",
];

const BASE: &str = r#"syntax = "proto2"; package p; import "google/protobuf/descriptor.proto";
message M { optional int32 a = 1 [default = -5, deprecated = true]; repeated M m = 2; map<string, M> n = 3;
optional group G = 4 { optional bytes z = 1 [default = "\001"]; } extensions 10 to 20 [verification = UNVERIFIED];
reserved 30 to 35; reserved "q"; oneof o { string s = 7; float f = 8; } enum E { A = 0; B = 1; reserved -5 to -2; } }
extend M { optional int32 k = 11; } extend google.protobuf.FieldOptions { optional M x = 50000; }
message N { optional M.E e = 1 [(x) = { a: 1 m { a: 2 } }, (x).s = "t"]; } service S { rpc R(M) returns (stream N) {} }
"#;

/// The base, or the same as an edition, with some pieces put over or between its bytes.
fn mutated() -> impl Strategy<Value = String> {
    let edit = (
        any::<prop::sample::Index>(),
        0..20_usize,
        prop::sample::select(&PIECES[..]),
    );
    (any::<bool>(), prop::collection::vec(edit, 1..6)).prop_map(|(edition, edits)| {
        let mut text = BASE.to_owned();
        if edition {
            text = text
                .replace("syntax = \"proto2\"", "edition = \"2023\"")
                .replace("optional ", "");
        }
        for (index, length, piece) in edits {
            let start = text.floor_char_boundary(index.index(text.len()));
            let end = text.floor_char_boundary((start + length).min(text.len()));
            text.replace_range(start..end.max(start), &format!(" {piece} "));
        }
        text
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn a_schema_gets_along_with_itself(text in files()) {
        let schema = schema(&text);
        assert_eq!(backward(&schema, &schema), "");
        assert_eq!(forward(&schema, &schema), "");
        exercise(&text, &schema);
    }

    #[test]
    fn no_text_makes_it_panic(text in mutated()) {
        exercise(&text, &schema(BASE));
    }

    #[test]
    fn no_soup_of_tokens_makes_it_panic(pieces in prop::collection::vec(prop::sample::select(&PIECES[..]), 0..60)) {
        exercise(&pieces.join(" "), &schema(BASE));
    }
}
