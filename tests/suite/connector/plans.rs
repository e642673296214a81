//! What a plan tells before anything changes, on a real worker.

use super::{PIPE, Plant};

#[test]
fn the_plugins_errors_stand_at_their_attributes() {
    let Some(plant) = Plant::real("invalid") else {
        return;
    };
    plant.declare(
        &PIPE
            .replace(
                "    \"file\"            = \"@/in\"\n    \"topic\"           = topic.lines.name\n",
                "    \"file\"            = \"@/in\"\n    \"batch.size\"      = \"many\"\n",
            )
            .replace(
                "\"FileStreamSource\"",
                "\"FileStreamSource\"\n  depends_on = [topic.lines]",
            ),
    );
    let plan = plant.run("plan", &[]).expect(1);
    let told = format!("{}{}", plan.stdout, plan.stderr);
    for part in [
        "config[\"batch.size\"]",
        "many",
        "config[\"topic\"]",
        "main.hcl",
    ] {
        assert!(told.contains(part), "{part}:\n{told}");
    }
    plant.apply().expect(1);
    assert!(
        !plant.connect.has(&plant.name("out")),
        "nothing is half-applied"
    );
}

#[test]
fn a_plugin_that_is_not_there_is_told_with_the_nearest_name() {
    let Some(plant) = Plant::real("no_plugin") else {
        return;
    };
    plant.declare(&PIPE.replace("\"FileStreamSource\"", "\"FileStreamSorce\""));
    let plan = plant.run("plan", &[]).expect(1);
    let told = format!("{}{}", plan.stdout, plan.stderr);
    assert!(told.contains("FileStreamSource"), "{told}");
    assert!(told.contains("have no plugin"), "{told}");
}

#[test]
fn a_topic_that_is_neither_there_nor_made_is_told() {
    let Some(plant) = Plant::real("no_topic") else {
        return;
    };
    let sink = r#"
connector "out" {
  name   = "P.out"
  class  = "FileStreamSink"
  config = { "file" = "@/out", "topics" = "P.lines" }
}
"#;
    plant.declare(sink);
    let plan = plant.run("plan", &[]).expect(0);
    assert!(plan.stdout.contains("There is no topic"), "{}", plan.stdout);
    let topic = PIPE.split("connector").next().unwrap();
    plant.declare(&format!("{topic}{sink}"));
    let plan = plant.run("plan", &[]).expect(0);
    assert!(
        !plan.stdout.contains("There is no topic"),
        "{}",
        plan.stdout
    );
    // The name alone makes the edge.
    let graph = plant.run("graph", &[]).expect(0);
    assert!(graph.stdout.contains("connector.out"), "{}", graph.stdout);
    plant.apply().expect(0);
    plant.expect_empty_plan();
}

#[test]
fn a_secret_that_is_not_there_stops_a_change_and_no_other_plan() {
    let Some(plant) = Plant::real("no_secret") else {
        return;
    };
    let without = |command: &[&str]| plant.project.run(command);
    plant.declare(PIPE);
    let plan = without(&["plan", "--env", "dev"]).expect(1);
    let told = format!("{}{}", plan.stdout, plan.stderr);
    assert!(told.contains("set TEST_CONNECT_SECRET"), "{told}");
    plant.apply().expect(0);
    without(&["plan", "--env", "dev", "--detailed-exitcode"]).expect(0);
}
