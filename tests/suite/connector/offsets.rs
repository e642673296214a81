//! Offsets on a real worker: set once, resumed by name.

use std::thread;
use std::time::Duration;

use rustix::process::Signal;

use crate::support::gate::{Gate, Side};

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

    plant.declare(&moved_to(8));
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

/// Returns the pipe with its source set to another place, once.
fn moved_to(position: usize) -> String {
    PIPE.replace(
        SOURCE,
        &format!(
            "{SOURCE}\n  offsets {{\n    position {{\n      partition = {{ filename = \"@/in\" }}\n      \
             offset    = {{ position = {position} }}\n    }}\n  }}"
        ),
    )
}

#[test]
fn a_step_that_is_killed_anywhere_is_finished_once() {
    let Some(plant) = Plant::real("step_killed") else {
        return;
    };
    plant.declare(PIPE);
    plant.write_lines("in", &["one", "two", "three"]);
    plant.apply().expect(0);
    let mut lines = vec!["one", "two", "three"];
    plant.expect_lines("out", &lines);
    plant.connect.wait_for_offsets(&plant.name("in"));
    // What has an effect: the stop, the offsets, the way back.
    for (cut, side, request, position, again) in [
        (0, Side::After, "/stop", 8, &["three"][..]),
        (1, Side::After, "/offsets", 4, &["two", "three"]),
        (2, Side::Before, "/resume", 8, &["three"]),
        (2, Side::After, "/resume", 4, &["two", "three"]),
    ] {
        let gate = Gate::open(plant.connect.url(), (cut, side));
        plant.declare_at(gate.url(), &moved_to(position));
        let mut apply = plant.program("apply", &["--auto-approve"]).start();
        let held = loop {
            assert!(!apply.has_ended(), "{request}: {}", apply.said());
            match gate.held() {
                Some(held) => break held,
                None => thread::sleep(Duration::from_millis(20)),
            }
        };
        assert!(held.contains(request), "{held}");
        apply.signal(Signal::KILL);
        apply.wait();
        if side == Side::After && cut == 2 {
            // It runs again, and has read on.
            lines.extend(again);
            plant.expect_lines("out", &lines);
        }
        plant.declare(&moved_to(position));
        let run = plant.apply().expect(0);
        let is_done = run.stdout.contains("were set by an earlier run");
        assert_eq!(is_done, cut == 2, "{}", run.stdout);
        if !(side == Side::After && cut == 2) {
            lines.extend(again);
        }
        plant.expect_lines("out", &lines);
        assert_eq!(
            plant.connect.state(&plant.name("in")),
            "RUNNING [RUNNING]",
            "{held}"
        );
        plant.expect_empty_plan();
    }
    plant.write_lines("in", &["four"]);
    lines.push("four");
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
    // Those of a source are known only where the workers' topic is.
    let setting = "sets offset_storage_topic";
    assert!(plan.stdout.contains(setting), "{}", plan.stdout);
    plant.declare_with("  offset_storage_topic = \"connect-offsets\"\n", PIPE);
    let plan = plant.run("plan", &[]).expect(0);
    let found = format!("filename {}: position 8", plant.file("in"));
    assert!(plan.stdout.contains(&found), "{}", plan.stdout);
    assert!(!plan.stdout.contains(setting), "{}", plan.stdout);
    let never = PIPE.replace("\"P.in\"", "\"P.never\"");
    plant.declare_with("  offset_storage_topic = \"connect-offsets\"\n", &never);
    let plan = plant.run("plan", &["--target", "connector.in"]).expect(0);
    let unsure = "goes on from its offsets";
    assert!(!plan.stdout.contains(unsure), "{}", plan.stdout);
    plant.declare_with("  offset_storage_topic = \"connect-ofsets\"\n", PIPE);
    let plan = plant.run("plan", &[]).expect(0);
    let missing = "there is no topic \"connect-ofsets\", which offset_storage_topic names";
    assert!(plan.stdout.contains(missing), "{}", plan.stdout);
    plant.declare(PIPE);
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
