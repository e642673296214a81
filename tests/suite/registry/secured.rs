//! A registry over HTTPS with an authority of its own, which asks for a client certificate.

use crate::support::registry::StandIn;
use crate::support::tls::TlsFront;

use super::{Office, record, schema};

/// A registry behind TLS, and a project that reaches it.
struct Secured {
    /// Goes first, since it cleans up.
    office: Office,
    stand_in: StandIn,
    front: TlsFront,
}

impl Secured {
    fn new(test: &str) -> Self {
        let stand_in = StandIn::start();
        let front = TlsFront::start(stand_in.url().strip_prefix("http://").unwrap());
        let office = Office::at(&stand_in.url(), test);
        office.project.write("a.avsc", &record(&[("id", None)]));
        Self {
            office,
            stand_in,
            front,
        }
    }

    /// Declares a subject, with these settings of the provider: name and one of the front's files.
    fn declare(&self, settings: &[(&str, &str)]) {
        let settings = settings.iter().map(|(name, file)| {
            let path = self.front.file(file);
            format!("  {name} = \"{}\"\n", path.display())
        });
        let text = format!(
            "provider \"schema_registry\" {{\n  url = \"{}\"\n  retries = 0\n{}}}\nenvironment \"dev\" {{}}\n{}",
            self.front.url(),
            settings.collect::<String>(),
            schema("a", "").replace("\"P.", &format!("\"{}", self.office.prefix))
        );
        self.office.project.write("main.hcl", &text);
    }

    /// Returns what a plan says that fails.
    #[track_caller]
    fn refusal(&self, settings: &[(&str, &str)]) -> String {
        self.declare(settings);
        self.stand_in.requests();
        let said = self.office.run("plan", &[]).expect(1).stderr;
        assert_eq!(self.stand_in.requests(), [""; 0], "nothing came through");
        said
    }
}

const CA: (&str, &str) = ("ssl_ca_location", "ca.pem");
const CERTIFICATE: (&str, &str) = ("ssl_certificate_location", "client.pem");
const KEY: (&str, &str) = ("ssl_key_location", "client.key");

#[test]
fn a_client_certificate_opens_a_registry() {
    let secured = Secured::new("mtls");
    secured.declare(&[CA, CERTIFICATE, KEY]);
    secured.office.apply(&[]).expect(0);
    secured.office.expect_empty_plan();
    let subject = secured.office.name("a");
    assert_eq!(secured.office.registry.versions(&subject), [1]);
}

#[test]
fn who_is_not_trusted_is_told_which_setting_helps() {
    let secured = Secured::new("distrust");
    let unknown_server =
        secured.refusal(&[("ssl_ca_location", "stranger-ca.pem"), CERTIFICATE, KEY]);
    assert!(
        unknown_server.contains("certificate is not trusted"),
        "{unknown_server}"
    );
    let no_certificate = secured.refusal(&[CA]);
    assert!(
        no_certificate.contains("asks for a client certificate"),
        "{no_certificate}"
    );
    let stranger = [
        CA,
        ("ssl_certificate_location", "stranger.pem"),
        ("ssl_key_location", "stranger.key"),
    ];
    let stranger = secured.refusal(&stranger);
    assert!(
        stranger.contains("does not accept our certificate"),
        "{stranger}"
    );
    for said in [unknown_server, no_certificate, stranger] {
        assert!(!said.contains("UNKNOWN"), "it is not away: {said}");
    }
}

#[test]
fn a_file_that_cannot_be_used_is_told_with_its_line() {
    let secured = Secured::new("files");
    for (settings, line, words) in [
        (&[("ssl_ca_location", "none.pem")][..], 4, "cannot be read"),
        (
            &[("ssl_ca_location", "client.key")],
            4,
            "holds no certificate in PEM",
        ),
        (
            &[CA, CERTIFICATE, ("ssl_key_location", "ca.pem")],
            6,
            "holds no private key in PEM",
        ),
        (
            &[CA, CERTIFICATE],
            5,
            "ssl_key_location must be set with it",
        ),
    ] {
        let said = secured.refusal(settings);
        assert!(said.contains(&format!("main.hcl:{line}:")), "{said}");
        assert!(said.contains(words), "{said}");
    }
}
