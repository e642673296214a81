//! The text of the files that brokers read: server properties and logging. Pure.

use std::fmt::Write as _;

use serde::Serialize;

use super::record::{BrokerRecord, Record};

/// A user of every secured sandbox. These are no secrets: the sandbox listens on loopback only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Credential {
    /// The SASL mechanism.
    pub mechanism: &'static str,
    /// The user's name.
    pub username: &'static str,
    /// The user's password.
    pub password: &'static str,
}

/// The users: `admin` may do everything, and so may the client certificate; the others nothing that no ACL allows.
pub const USERS: &[Credential] = &[
    Credential {
        mechanism: "SCRAM-SHA-512",
        username: "admin",
        password: "admin-secret",
    },
    Credential {
        mechanism: "SCRAM-SHA-256",
        username: "admin",
        password: "admin-secret",
    },
    Credential {
        mechanism: "SCRAM-SHA-256",
        username: "alice",
        password: "alice-secret",
    },
    Credential {
        mechanism: "PLAIN",
        username: "admin",
        password: "admin-secret",
    },
    Credential {
        mechanism: "PLAIN",
        username: "plainuser",
        password: "plain-secret",
    },
];

/// The broker's log4j 2 configuration: everything to standard output, which is the log file.
pub(super) const LOGGING: &str = "\
status=warn
name=sandbox
appender.console.type=Console
appender.console.name=STDOUT
appender.console.layout.type=PatternLayout
appender.console.layout.pattern=[%d] %p %m (%c)%n
rootLogger.level=info
rootLogger.appenderRef.stdout.ref=STDOUT
";

/// The tools' log4j 2 configuration: only errors, so that results on standard output stay clean.
pub(super) const TOOL_LOGGING: &str = "\
status=error
name=sandbox-tool
appender.console.type=Console
appender.console.name=STDERR
appender.console.target=SYSTEM_ERR
appender.console.layout.type=PatternLayout
appender.console.layout.pattern=[%d] %p %m (%c)%n
rootLogger.level=error
rootLogger.appenderRef.stderr.ref=STDERR
";

/// What holds for every sandbox: small, quick, and every administration call usable.
const COMMON: &str = "\
auto.create.topics.enable=false
delete.topic.enable=true
num.partitions=1
# No waiting for further members of a consumer group, and few partitions of internal topics: the defaults
# are a wait of 3 s and 50 partitions each.
group.initial.rebalance.delay.ms=0
offsets.topic.num.partitions=5
transaction.state.log.num.partitions=2
share.coordinator.state.topic.num.partitions=2
authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer
super.users=User:ANONYMOUS;User:admin;User:tls-user
num.network.threads=2
num.io.threads=4
background.threads=4
num.recovery.threads.per.data.dir=2
log.cleaner.threads=1
log.cleaner.dedupe.buffer.size=16777216
log.index.size.max.bytes=1048576
";

/// Added where there are several brokers: one that was killed is noticed within about 4 s, not 30.
const CLUSTER: &str = "\
num.replica.fetchers=1
broker.session.timeout.ms=4000
broker.heartbeat.interval.ms=1000
replica.lag.time.max.ms=5000
";

/// Added to a secured sandbox. Certificates in PEM need Kafka 2.7 (KIP-651).
const SECURE: &str = "\
allow.everyone.if.no.acl.found=false
sasl.enabled.mechanisms=SCRAM-SHA-512,SCRAM-SHA-256,PLAIN
ssl.keystore.type=PEM
ssl.keystore.location=../certificates/broker.pem
ssl.truststore.type=PEM
ssl.truststore.location=../certificates/ca.pem
listener.name.ssl.ssl.client.auth=required
listener.name.sasl_ssl.ssl.client.auth=none
ssl.principal.mapping.rules=RULE:^CN=([^,]+).*$/$1/,DEFAULT
";

/// Returns the `server.properties` of a broker, whose working folder is its own.
pub(super) fn server_properties(record: &Record, broker: &BrokerRecord) -> String {
    let mut out = String::new();
    let mut set = |key: &str, value: String| {
        // Writing to a String cannot fail.
        let _ = writeln!(out, "{key}={value}");
    };
    set("process.roles", "broker,controller".to_owned());
    set("node.id", broker.id.to_string());
    set("broker.rack", format!("rack{}", broker.id));
    set("controller.quorum.voters", voters(record));
    set("listeners", listeners(record, broker, true));
    set("advertised.listeners", listeners(record, broker, false));
    let map = "PLAINTEXT:PLAINTEXT,SASL_PLAINTEXT:SASL_PLAINTEXT,SSL:SSL,SASL_SSL:SASL_SSL,CONTROLLER:PLAINTEXT";
    set("listener.security.protocol.map", map.to_owned());
    set("inter.broker.listener.name", "PLAINTEXT".to_owned());
    set("controller.listener.names", "CONTROLLER".to_owned());
    // Relative, so that neither a comma nor a backslash in the path can be misread.
    set("log.dirs", "data".to_owned());

    let (replicas, in_sync) = if record.brokers.len() >= 3 {
        (3, 2)
    } else {
        (1, 1)
    };
    set("default.replication.factor", replicas.to_string());
    set("min.insync.replicas", in_sync.to_string());
    set("offsets.topic.replication.factor", replicas.to_string());
    set(
        "transaction.state.log.replication.factor",
        replicas.to_string(),
    );
    set("transaction.state.log.min.isr", in_sync.to_string());
    set(
        "share.coordinator.state.topic.replication.factor",
        replicas.to_string(),
    );
    set("share.coordinator.state.topic.min.isr", in_sync.to_string());
    out.push_str(COMMON);
    if record.brokers.len() > 1 {
        out.push_str(CLUSTER);
    }
    if record.secure {
        out.push_str(SECURE);
        out.push_str(&login_modules());
    } else {
        out.push_str("allow.everyone.if.no.acl.found=true\n");
    }
    out
}

/// Returns the controllers. Named one by one, they may move to other ports between two starts.
fn voters(record: &Record) -> String {
    let each = record
        .brokers
        .iter()
        .map(|b| format!("{}@127.0.0.1:{}", b.id, b.ports.controller));
    each.collect::<Vec<_>>().join(",")
}

fn listeners(record: &Record, broker: &BrokerRecord, with_controller: bool) -> String {
    let ports = &broker.ports;
    let secured = [
        ("SASL_PLAINTEXT", ports.sasl_plaintext),
        ("SSL", ports.ssl),
        ("SASL_SSL", ports.sasl_ssl),
    ];
    let mut listeners = vec![("PLAINTEXT", ports.plaintext)];
    listeners.extend(secured.into_iter().filter(|_| record.secure));
    listeners.extend(with_controller.then_some(("CONTROLLER", ports.controller)));
    let each = listeners
        .iter()
        .map(|(name, port)| format!("{name}://127.0.0.1:{port}"));
    each.collect::<Vec<_>>().join(",")
}

/// Returns the JAAS lines of both SASL listeners. SCRAM's users are in the cluster, PLAIN's are here.
fn login_modules() -> String {
    let scram = "org.apache.kafka.common.security.scram.ScramLoginModule required";
    let mut plain = "org.apache.kafka.common.security.plain.PlainLoginModule required".to_owned();
    for user in USERS.iter().filter(|user| user.mechanism == "PLAIN") {
        // Writing to a String cannot fail.
        let _ = write!(plain, " user_{}=\"{}\"", user.username, user.password);
    }
    let mut out = String::new();
    for listener in ["sasl_plaintext", "sasl_ssl"] {
        for (mechanism, module) in [
            ("scram-sha-512", scram),
            ("scram-sha-256", scram),
            ("plain", &plain),
        ] {
            let _ = writeln!(
                out,
                "listener.name.{listener}.{mechanism}.sasl.jaas.config={module};"
            );
        }
    }
    out
}

/// Returns the options of Kafka's storage tool that make the SCRAM users when a broker is formatted (KIP-900).
pub(super) fn scram_options() -> Vec<String> {
    let scram = USERS
        .iter()
        .filter(|user| user.mechanism.starts_with("SCRAM-"));
    scram
        .flat_map(|user| {
            let Credential {
                mechanism,
                username,
                password,
            } = user;
            [
                "--add-scram".to_owned(),
                format!("{mechanism}=[name={username},password={password}]"),
            ]
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    fn properties(brokers: u16, secure: bool, id: usize) -> BTreeMap<String, String> {
        let mut record = Record::new(brokers, secure);
        let ports = record
            .brokers
            .iter_mut()
            .flat_map(|broker| broker.ports.all_mut());
        for (number, port) in (1000..).zip(ports) {
            *port = number;
        }
        let text = server_properties(&record, &record.brokers[id - 1]);
        let mut out = BTreeMap::new();
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            let (key, value) = line
                .split_once('=')
                .unwrap_or_else(|| unreachable!("no key in {line:?}"));
            let before = out.insert(key.to_owned(), value.to_owned());
            assert_eq!(before, None, "{key} is set twice");
        }
        out
    }

    #[test]
    fn one_broker_listens_without_encryption_only() {
        let one = properties(1, false, 1);
        assert_eq!(
            one["listeners"],
            "PLAINTEXT://127.0.0.1:1000,CONTROLLER://127.0.0.1:1001"
        );
        assert_eq!(one["advertised.listeners"], "PLAINTEXT://127.0.0.1:1000");
        assert_eq!(one["controller.quorum.voters"], "1@127.0.0.1:1001");
        assert_eq!(one["default.replication.factor"], "1");
        assert_eq!(one["allow.everyone.if.no.acl.found"], "true");
        assert!(
            !one.keys()
                .any(|key| key.starts_with("ssl.") || key.starts_with("sasl."))
        );
    }

    #[test]
    fn three_secured_brokers_name_each_other_and_refuse_strangers() {
        let second = properties(3, true, 2);
        assert_eq!(
            second["listeners"],
            "PLAINTEXT://127.0.0.1:1005,SASL_PLAINTEXT://127.0.0.1:1007,SSL://127.0.0.1:1008,\
             SASL_SSL://127.0.0.1:1009,CONTROLLER://127.0.0.1:1006"
        );
        assert_eq!(
            second["controller.quorum.voters"],
            "1@127.0.0.1:1001,2@127.0.0.1:1006,3@127.0.0.1:1011"
        );
        assert_eq!(second["broker.rack"], "rack2");
        assert_eq!(second["min.insync.replicas"], "2");
        assert_eq!(second["allow.everyone.if.no.acl.found"], "false");
        assert!(
            second["listener.name.sasl_ssl.plain.sasl.jaas.config"].ends_with("\"plain-secret\";")
        );
    }
}
