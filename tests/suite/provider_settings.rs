//! What is told about a `provider "kafka"` block that cannot be used: before anything is contacted.

use std::fmt::Write as _;
use std::io::ErrorKind;
use std::net::TcpListener;

use streamform::clients::connect;
use streamform::clients::kafka::SETTINGS;

use crate::support::program::Program;
use crate::support::project::Project;
use crate::support::redact::redact;

const PASSWORD: &str = "hunter2";
const JAAS: &str = "com.example.Login required password='hunter2';";

/// A port where nobody may knock.
struct Door(TcpListener);

impl Door {
    fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        Self(listener)
    }

    fn address(&self) -> String {
        self.0.local_addr().unwrap().to_string()
    }

    #[track_caller]
    fn expect_nobody(&self) {
        let came = self.0.accept().map(|(_, from)| from);
        assert!(
            came.as_ref()
                .is_err_and(|error| error.kind() == ErrorKind::WouldBlock),
            "{came:?}"
        );
    }
}

/// Plans a topic through a provider with these settings besides the broker's address, and returns what is
/// told.
fn told(settings: &str, prepare: impl FnOnce(&Project, Program) -> Program) -> String {
    told_of(
        |address| {
            format!(
                "provider \"kafka\" {{\n  bootstrap_servers = \"{address}\"\n{settings}}}\n\ntopic \"a\" {{}}\n"
            )
        },
        prepare,
    )
}

/// Plans a connector through a provider with these settings besides the workers' address, in a project with more
/// blocks, and returns what is told.
fn told_of_connect(settings: &str, more: &str) -> String {
    let project = |address: &str| {
        format!(
            "provider \"connect\" {{\n  url = \"http://{address}\"\n{settings}}}\n\n\
             connector \"a\" {{ class = \"S\" }}\n{more}"
        )
    };
    told_of(project, |_, program| program)
}

fn told_of(
    text: impl FnOnce(&str) -> String,
    prepare: impl FnOnce(&Project, Program) -> Program,
) -> String {
    let door = Door::new();
    let text = text(&door.address());
    let project = Project::new().file("main.hcl", &text);
    let program = prepare(&project, project.program(&["plan"]));
    let run = program.run().expect(1);
    door.expect_nobody();
    assert_eq!(run.stdout, "");
    redact(&run.stderr, project.folder())
}

/// Returns what is told about each of some settings.
fn each(cases: impl IntoIterator<Item = String>) -> String {
    let mut text = String::new();
    for case in cases {
        let answer = told(&case, |_, program| {
            program.env("PASSWORD", PASSWORD).env("JAAS", JAAS)
        });
        writeln!(text, "{answer}").unwrap();
    }
    text
}

#[test]
fn every_setting_is_refused_when_it_is_of_the_wrong_type() {
    let cases = SETTINGS
        .iter()
        .filter(|setting| setting.name != "bootstrap_servers")
        .map(|setting| format!("  {} = {{ a = 1 }}\n", setting.name));
    insta::assert_snapshot!("wrong_types", each(cases));
}

#[test]
fn every_setting_of_the_workers_is_refused_when_it_is_of_the_wrong_type() {
    let names = connect::SETTINGS.iter().map(|setting| setting.name);
    let cases = names
        .filter(|name| *name != "url")
        .map(|name| told_of_connect(&format!("  {name} = {{ a = 1 }}\n"), ""));
    insta::assert_snapshot!("workers_wrong_types", cases.collect::<Vec<_>>().join("\n"));
}

#[test]
fn where_the_workers_topics_are_is_a_cluster_of_the_project() {
    const TOPIC: &str = "  offset_storage_topic = \"connect-offsets\"\n";
    let kafka = |alias: &str| {
        format!(
            "provider \"kafka\" {{\n  alias = \"{alias}\"\n  bootstrap_servers = \"localhost:1\"\n}}\n"
        )
    };
    let both = kafka("east") + &kafka("west");
    let cases = [
        told_of_connect("  kafka_provider = \"kafka\"\n", ""),
        told_of_connect("  kafka_provider = \"kafka.north\"\n", &both),
        told_of_connect("  kafka_provider = \"connect\"\n", ""),
        told_of_connect("  kafka_provider = \"kafka.\"\n", ""),
        told_of_connect("  offset_storage_topic = \"\"\n", ""),
        told_of_connect(TOPIC, ""),
        told_of_connect(TOPIC, &both),
        told_of_connect("  offset_topic = \"connect-offsets\"\n", ""),
    ];
    insta::assert_snapshot!("workers_topics", cases.join("\n"));
}

#[test]
fn every_misspelt_setting_is_proposed_the_right_one() {
    let cases = SETTINGS.iter().map(|setting| {
        let name = setting.name;
        format!("  {}x{} = 1\n", &name[..3], &name[3..])
    });
    insta::assert_snapshot!("misspelt_names", each(cases));
}

#[test]
fn values_that_mean_nothing_and_settings_that_contradict_are_told() {
    const LOGIN: &str = "  security_protocol = \"SASL_SSL\"\n  sasl_mechanism = \"PLAIN\"\n";
    let with_login = |more: &str| format!("{LOGIN}{more}\n");
    let cases = [
        "  request_timeout_ms = \"soon\"\n".into(),
        "  request_timeout_ms = -1\n".into(),
        "  default_api_timeout_ms = 0\n".into(),
        "  retries = 1.5\n".into(),
        "  retry_backoff_ms = 2000\n  retry_backoff_max_ms = 1000\n".into(),
        "  security_protocol = \"TLS\"\n".into(),
        "  sasl_username = \"u\"\n  sasl_password = secret(\"env:PASSWORD\")\n".into(),
        "  ssl_ca_location = \"ca.pem\"\n".into(),
        "  ssl_endpoint_identification_algorithm = \"ldap\"\n  security_protocol = \"SSL\"\n".into(),
        "  security_protocol = \"SSL\"\n  ssl_ca_location = \"absent.pem\"\n".into(),
        "  security_protocol = \"SSL\"\n  ssl_key_location = \"key.pem\"\n".into(),
        "  security_protocol = \"SSL\"\n  ssl_truststore_location = \"t.jks\"\n  ssl_truststore_type = \"JKS\"\n".into(),
        with_login("  sasl_username = \"u\""),
        with_login("  sasl_username = \"u\"\n  sasl_password = secret(\"env:PASSWORD\")\n  sasl_mechanisms = \"SCRAM-SHA-256\""),
        with_login("  sasl_jaas_config = secret(\"env:JAAS\")"),
        "  security_protocol = \"SASL_PLAINTEXT\"\n  sasl_mechanism = \"GSSAPI\"\n".into(),
    ];
    let text = each(cases);
    assert_eq!(
        text.matches(PASSWORD).count(),
        0,
        "a password is shown:\n{text}"
    );
    insta::assert_snapshot!("contradictions", text);
}

#[test]
fn a_secret_that_cannot_be_read_is_named() {
    let login = |secret: &str| {
        format!(
            "  security_protocol = \"SASL_PLAINTEXT\"\n  sasl_mechanism = \"PLAIN\"\n  \
             sasl_username = \"u\"\n  sasl_password = secret(\"{secret}\")\n"
        )
    };
    let mut text = told(&login("env:ABSENT_PASSWORD"), |_, program| program);
    text += &told(&login("file:absent"), |_, program| program);
    text += &told(&login("file:folder"), |project, program| {
        project.write("folder/file", "");
        program
    });
    text += &told(&login("file:binary"), |project, program| {
        std::fs::write(project.path("binary"), [0xff, 0xfe, b'h', b'u', b'n', b't']).unwrap();
        program
    });
    text += &told(&login("env:EMPTY"), |_, program| program.env("EMPTY", ""));
    text += &told(&login("vault:x"), |_, program| program);
    insta::assert_snapshot!("secrets", text);
}

#[test]
fn the_certificates_of_the_system_are_for_tls_only() {
    let told = |scheme: &str| {
        let nobody = Door::new().address();
        let project = Project::new().file(
            "main.hcl",
            &format!(
                "provider \"connect\" {{ url = \"{scheme}://{nobody}\" }}\nconnector \"a\" {{ class = \"S\" }}\n"
            ),
        );
        let program = project.program(&["plan"]);
        let program = program
            .env("SSL_CERT_FILE", "/nowhere")
            .env("SSL_CERT_DIR", "/nowhere");
        program.run().expect(1).stderr
    };
    let plain = told("http");
    assert!(plain.contains("annot reach"), "{plain}");
    let secure = told("https");
    assert!(
        secure.contains("the system has no trusted certificates"),
        "{secure}"
    );
}
