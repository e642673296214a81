//! The settings by name: those we take, and those of Kafka's clients that we know and refuse. Pure.

use crate::config::schema::AttributeSchema;

/// The settings of `provider "kafka"`. Kafka's own names, with underscores for dots; the same names
/// with dots are taken in its `config` map.
pub const SETTINGS: &[AttributeSchema] = &AttributeSchema::all_optional([
    (
        "bootstrap_servers",
        "The brokers to begin with: `host:port`, several separated by commas, or a list.",
    ),
    (
        "client_id",
        "The name that brokers show in their logs and quotas; `streamform` where it is not set.",
    ),
    (
        "connections_max_idle_ms",
        "How long an unused connection is kept, in milliseconds.",
    ),
    (
        "default_api_timeout_ms",
        "How long a call may take with all its attempts, in milliseconds.",
    ),
    (
        "request_timeout_ms",
        "How long a broker may take for one answer, in milliseconds.",
    ),
    (
        "retries",
        "How often a call is tried again; until its time is up where it is not set.",
    ),
    (
        "retry_backoff_max_ms",
        "The longest pause between two attempts, in milliseconds.",
    ),
    (
        "retry_backoff_ms",
        "The first pause between two attempts, in milliseconds.",
    ),
    (
        "sasl_jaas_config",
        "The login as Java clients write it; the plain and the SCRAM login modules are understood.",
    ),
    (
        "sasl_mechanism",
        "`PLAIN`, `SCRAM-SHA-256` or `SCRAM-SHA-512`.",
    ),
    (
        "sasl_mechanisms",
        "The same as `sasl_mechanism`, as librdkafka calls it.",
    ),
    ("sasl_password", "The password of the login."),
    ("sasl_username", "The user of the login."),
    (
        "security_protocol",
        "`PLAINTEXT`, `SSL`, `SASL_PLAINTEXT` or `SASL_SSL`.",
    ),
    (
        "socket_connection_setup_timeout_ms",
        "How long it may take to reach a broker, in milliseconds.",
    ),
    (
        "ssl_ca_location",
        "A PEM file of the certificates that brokers' certificates are checked against.",
    ),
    (
        "ssl_certificate_location",
        "A PEM file of our certificate and its chain.",
    ),
    (
        "ssl_endpoint_identification_algorithm",
        "`https`, or an empty text, which stops host names from being checked.",
    ),
    (
        "ssl_key_location",
        "A PEM file of our certificate's private key, not encrypted.",
    ),
    (
        "ssl_keystore_location",
        "A PEM file of our private key and certificate, as Java clients call it.",
    ),
    ("ssl_keystore_type", "Must be `PEM`."),
    (
        "ssl_truststore_location",
        "The same as `ssl_ca_location`, as Java clients call it.",
    ),
    ("ssl_truststore_type", "Must be `PEM`."),
]);

/// Settings of Kafka's clients that have no meaning here or are not supported, by their names' beginnings.
/// The text says why.
const REFUSED: &[(&str, &str)] = &[
    ("sasl.kerberos.", "Kerberos is not supported"),
    ("sasl.oauthbearer.", "OAUTHBEARER is not supported"),
    (
        "sasl.login.",
        "login plugins cannot be loaded here; set sasl.username and sasl.password",
    ),
    (
        "sasl.client.callback.handler.class",
        "login plugins cannot be loaded here; set sasl.username and sasl.password",
    ),
    (
        "ssl.truststore.password",
        "only PEM files are supported, which need no password",
    ),
    (
        "ssl.keystore.password",
        "only PEM files are supported, which need no password",
    ),
    (
        "ssl.key.password",
        "encrypted private keys are not supported; decrypt it with `openssl pkey`",
    ),
    (
        "ssl.truststore.certificates",
        "certificates are read from files; set ssl.ca.location",
    ),
    (
        "ssl.keystore.certificate.chain",
        "certificates are read from files; set ssl.certificate.location",
    ),
    (
        "ssl.keystore.key",
        "keys are read from files; set ssl.key.location",
    ),
    (
        "ssl.ca.pem",
        "certificates are read from files; set ssl.ca.location",
    ),
    (
        "ssl.certificate.pem",
        "certificates are read from files; set ssl.certificate.location",
    ),
    (
        "ssl.key.pem",
        "keys are read from files; set ssl.key.location",
    ),
    (
        "enable.ssl.certificate.verification",
        "certificates are always verified; set ssl.ca.location",
    ),
    (
        "ssl.cipher.suites",
        "TLS 1.2 and 1.3 are used with their safe cipher suites",
    ),
    ("ssl.enabled.protocols", "TLS 1.2 and 1.3 are used"),
    ("ssl.protocol", "TLS 1.2 and 1.3 are used"),
    ("ssl.", "this TLS setting is not supported"),
    (
        "socket.connection.setup.timeout.max.ms",
        "set socket.connection.setup.timeout.ms",
    ),
    ("client.dns.lookup", "all addresses of a name are tried"),
    ("metadata.broker.list", "set bootstrap.servers"),
    (
        "bootstrap.controllers",
        "set bootstrap.servers; requests reach controllers through brokers",
    ),
    ("acks", "it is a setting of producers"),
    ("compression.", "it is a setting of producers"),
    ("linger.ms", "it is a setting of producers"),
    ("batch.", "it is a setting of producers"),
    ("enable.idempotence", "it is a setting of producers"),
    ("transactional.id", "it is a setting of producers"),
    ("key.serializer", "it is a setting of producers"),
    ("value.serializer", "it is a setting of producers"),
    ("group.", "it is a setting of consumers"),
    ("auto.", "it is a setting of consumers"),
    ("enable.auto.commit", "it is a setting of consumers"),
    ("fetch.", "it is a setting of consumers"),
    ("max.poll.", "it is a setting of consumers"),
    ("isolation.level", "it is a setting of consumers"),
    ("session.timeout.ms", "it is a setting of consumers"),
    ("heartbeat.interval.ms", "it is a setting of consumers"),
    ("key.deserializer", "it is a setting of consumers"),
    ("value.deserializer", "it is a setting of consumers"),
    ("metadata.", "it is not supported"),
    ("metric", "it is not supported"),
    ("interceptor.classes", "plugins cannot be loaded here"),
    (
        "reconnect.backoff.",
        "set retry.backoff.ms and retry.backoff.max.ms",
    ),
    ("receive.buffer.bytes", "it is not supported"),
    ("send.buffer.bytes", "it is not supported"),
    ("socket.", "it is not supported"),
    ("security.providers", "plugins cannot be loaded here"),
    ("enable.metrics.push", "nothing is pushed"),
];

/// Returns why a setting of Kafka's clients is refused, if it is one that we know.
pub(super) fn refusal(dotted: &str) -> Option<&'static str> {
    REFUSED
        .iter()
        .find(|(beginning, _)| {
            if beginning.ends_with('.') {
                dotted.starts_with(beginning)
            } else {
                dotted == *beginning || (*beginning == "metric" && dotted.starts_with("metric"))
            }
        })
        .map(|(_, why)| *why)
}

/// Whether we take a setting.
pub(super) fn is_known(dotted: &str) -> bool {
    let underscored = dotted.replace('.', "_");
    SETTINGS.iter().any(|setting| setting.name == underscored)
}
