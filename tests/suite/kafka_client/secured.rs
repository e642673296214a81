//! A real broker's secured listeners: who gets in, and what those are told who do not.

use streamform::clients::kafka::{Client, KafkaError, Mode, Settings, TopicSelection};

use super::{create, delete, error_name, run, topic};
use crate::support::kafka::unique_prefix;
use crate::support::servers::{self, SecureKafka};

/// Returns settings by name; `None` takes one out of those before it.
fn settings(pairs: &[(&str, &str)]) -> Settings {
    Settings::from_pairs(pairs.iter().copied()).unwrap()
}

fn login(address: &str, mechanism: &str, user: &str, password: &str) -> Settings {
    settings(&[
        ("bootstrap.servers", address),
        ("security.protocol", "SASL_PLAINTEXT"),
        ("sasl.mechanism", mechanism),
        ("sasl.username", user),
        ("sasl.password", password),
    ])
}

/// Connects and returns the error's text with the address taken out.
async fn refusal(settings: Settings) -> String {
    let address = settings.bootstrap[0].to_string();
    let error = Client::connect(settings).await.unwrap_err();
    assert!(!error.leaves_doubt());
    error.to_string().replace(&address, "[ADDRESS]")
}

#[test]
fn every_mechanism_logs_in() {
    let Some(SecureKafka { secure, .. }) = servers::secure() else {
        return;
    };
    run(async {
        let address = &secure.sasl_plaintext;
        for (mechanism, user, password) in [
            ("SCRAM-SHA-512", "admin", "admin-secret"),
            ("SCRAM-SHA-256", "admin", "admin-secret"),
            ("PLAIN", "admin", "admin-secret"),
        ] {
            let client = Client::connect(login(address, mechanism, user, password))
                .await
                .unwrap();
            let name = format!("{}t", unique_prefix("login"));
            create(&client, vec![topic(&name, 1)]).await;
            let sample = client
                .sample_keys(&name, &[0], 1, std::time::Duration::from_secs(20))
                .await;
            assert_eq!(
                sample.unwrap().records,
                0,
                "librdkafka logs in with {mechanism} too"
            );
            delete(&client, &[name.as_str().into()]).await;
        }
        let alice = login(address, "SCRAM-SHA-256", "alice", "alice-secret");
        let alice = Client::connect(alice).await.unwrap();
        let outcome = alice
            .create_topics(vec![topic("not-hers", 1)], Mode::Validate)
            .await
            .unwrap();
        assert_eq!(error_name(&outcome[0]), "TOPIC_AUTHORIZATION_FAILED");
    });
}

#[test]
fn tls_connects_with_a_certificate_and_with_a_password() {
    let Some(SecureKafka { secure, .. }) = servers::secure() else {
        return;
    };
    let ca = secure.ca.to_str().unwrap();
    let mutual = settings(&[
        ("bootstrap.servers", &secure.ssl),
        ("security.protocol", "SSL"),
        ("ssl.ca.location", ca),
        (
            "ssl.certificate.location",
            secure.client_certificate.to_str().unwrap(),
        ),
        ("ssl.key.location", secure.client_key.to_str().unwrap()),
    ]);
    let password = settings(&[
        ("bootstrap.servers", &secure.sasl_ssl),
        ("security.protocol", "SASL_SSL"),
        ("sasl.mechanism", "SCRAM-SHA-512"),
        (
            "sasl.jaas.config",
            "org.apache.kafka.common.security.scram.ScramLoginModule required username=\"admin\" password=\"admin-secret\";",
        ),
        ("ssl.truststore.location", ca),
        ("ssl.truststore.type", "PEM"),
    ]);
    run(async {
        for settings in [mutual, password] {
            let client = Client::connect(settings).await.unwrap();
            let name = format!("{}t", unique_prefix("tls"));
            create(&client, vec![topic(&name, 1)]).await;
            let metadata = client.metadata(TopicSelection::All).await.unwrap();
            assert!(metadata.topics.iter().any(|topic| *topic.name == *name));
            let sample = client
                .sample_keys(&name, &[0], 1, std::time::Duration::from_secs(20))
                .await;
            assert_eq!(sample.unwrap().records, 0);
            delete(&client, &[name.as_str().into()]).await;
        }
    });
}

#[test]
fn wrong_settings_are_told_apart() {
    let Some(SecureKafka { bootstrap, secure }) = servers::secure() else {
        return;
    };
    let (login_port, tls_port) = (&secure.sasl_plaintext, &secure.ssl);
    let ca = secure.ca.to_str().unwrap();
    let plaintext = |address: &str| settings(&[("bootstrap.servers", address)]);
    let tls = |address: &str| {
        settings(&[
            ("bootstrap.servers", address),
            ("security.protocol", "SSL"),
            ("ssl.ca.location", ca),
        ])
    };
    run(async {
        let text = refusal(login(login_port, "SCRAM-SHA-256", "alice", "hunter2")).await;
        insta::assert_snapshot!(text, @"[ADDRESS] refused the login: Authentication failed during authentication due to invalid credentials with SASL mechanism SCRAM-SHA-256");
        let text = refusal(login(login_port, "PLAIN", "plainuser", "hunter2")).await;
        insta::assert_snapshot!(text, @"[ADDRESS] refused the login: Authentication failed: Invalid username or password");
        let text = refusal(login(&bootstrap, "PLAIN", "plainuser", "plain-secret")).await;
        insta::assert_snapshot!(text, @"[ADDRESS] refused the login: this port takes no login: is security.protocol right?");
        let text = refusal(plaintext(login_port)).await;
        insta::assert_snapshot!(text, @"cannot reach the Kafka broker at [ADDRESS]: the broker closed the connection during Metadata: is security.protocol right for this port?");
        let text = refusal(plaintext(tls_port)).await;
        insta::assert_snapshot!(text, @"cannot reach the Kafka broker at [ADDRESS]: the port speaks TLS: set security.protocol to SSL or SASL_SSL");
        let text = refusal(tls(&bootstrap)).await;
        insta::assert_snapshot!(text, @"cannot reach the Kafka broker at [ADDRESS]: the broker closed the connection during the TLS handshake: is security.protocol right for this port?");
        let text = refusal(tls(tls_port)).await;
        // Which alert comes depends on the broker's Java: 17.0.15 says that the certificate is bad,
        // 17.0.19 that one is required.
        let told = "ssl.certificate.location and ssl.key.location";
        assert!(
            text.contains("certificate") && text.ends_with(told),
            "{text}"
        );
    });
}

#[test]
fn a_broker_of_an_unknown_authority_is_not_trusted() {
    let Some(SecureKafka { secure, .. }) = servers::secure() else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let other = folder.path().join("other.pem");
    let made = rcgen::generate_simple_self_signed(["other".to_owned()]).unwrap();
    std::fs::write(&other, made.cert.pem()).unwrap();
    let untrusting = settings(&[
        ("bootstrap.servers", &secure.ssl),
        ("security.protocol", "SSL"),
        ("ssl.ca.location", other.to_str().unwrap()),
    ]);
    let text = run(refusal(untrusting));
    insta::assert_snapshot!(text, @"cannot reach the Kafka broker at [ADDRESS]: the broker's certificate is not trusted: set ssl.ca.location to the certificate of the authority that issued it");
    let absent = settings(&[
        ("bootstrap.servers", &secure.ssl),
        ("security.protocol", "SSL"),
        ("ssl.ca.location", "absent.pem"),
    ]);
    let error = Client::new(absent).unwrap_err();
    assert!(matches!(error, KafkaError::Security { .. }));
    insta::assert_snapshot!(error, @"ssl.ca.location: absent.pem cannot be read: No such file or directory (os error 2)");
}
