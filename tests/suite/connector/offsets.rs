//! Offsets on a real worker: set once, resumed by name.

use super::{PIPE, Plant};

const SOURCE: &str = "class     = \"FileStreamSource\"";

#[test]
fn a_source_goes_on_from_where_a_step_put_it_once() {
    let Some(plant) = Plant::real("source_step") else {
        return;
    };
    plant.declare(PIPE);
    plant.write_lines("in", &["one", "two", "three"]);
    plant.apply().expect(0);
    plant.expect_lines("out", &["one", "two", "three"]);
    plant.connect.wait_for_offsets(&plant.name("in"));

    let step = PIPE.replace(
        SOURCE,
        &format!(
            "{SOURCE}\n  offsets {{\n    position {{\n      partition = {{ filename = \"@/in\" }}\n      \
             offset    = {{ position = 8 }}\n    }}\n  }}"
        ),
    );
    plant.declare(&step);
    let plan = plant.run("plan", &[]).expect(0);
    assert!(plan.stdout.contains("Before: filename"), "{}", plan.stdout);
    let apply = plant.apply().expect(0);
    let told = format!("{}{}", apply.stdout, apply.stderr);
    assert!(told.contains("offsets before:"), "{told}");
    plant.expect_lines("out", &["one", "two", "three", "three"]);
    plant.expect_empty_plan();

    // Another content is another step; none is none.
    plant.declare(&PIPE.replace(SOURCE, &format!("{SOURCE}\n  offsets {{ reset = true }}")));
    plant.apply().expect(0);
    let lines = ["one", "two", "three", "three", "one", "two", "three"];
    plant.expect_lines("out", &lines);
    plant.expect_empty_plan();
    plant.declare(PIPE);
    plant.apply().expect(0);
    plant.expect_empty_plan();
    plant.expect_lines("out", &lines);
}

#[test]
fn a_name_that_was_used_goes_on_where_it_ended_and_the_plan_says_so() {
    let Some(plant) = Plant::real("resumed") else {
        return;
    };
    plant.declare(PIPE);
    plant.write_lines("in", &["one", "two"]);
    plant.apply().expect(0);
    plant.expect_lines("out", &["one", "two"]);
    plant.connect.wait_for_offsets(&plant.name("in"));
    plant.connect.wait_for_offsets(&plant.name("out"));
    let topic = PIPE.split("connector").next().unwrap();
    plant.declare(topic);
    plant.apply().expect(0);

    plant.declare(PIPE);
    let plan = plant.run("plan", &[]).expect(0);
    let group = format!("connect-{}", plant.name("out"));
    assert!(plan.stdout.contains(&group), "{}", plan.stdout);
    let apply = plant.apply().expect(0);
    let told = format!("{}{}", apply.stdout, apply.stderr);
    assert!(told.contains("goes on from the offsets"), "{told}");
    plant.write_lines("in", &["three"]);
    plant.expect_lines("out", &["one", "two", "three"]);

    // Made again and begun anew: a sink reads all once more.
    plant.declare(topic);
    plant.apply().expect(0);
    plant.declare(&PIPE.replace(
        "\"org.apache.kafka.connect.file.FileStreamSinkConnector\"",
        "\"FileStreamSink\"\n  offsets { reset = true }",
    ));
    plant.apply().expect(0);
    plant.expect_lines("out", &["one", "two", "three", "one", "two", "three"]);
    plant.expect_empty_plan();
}
