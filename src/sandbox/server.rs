//! The names of a sandbox's servers, in the order in which they are started. Pure.

use std::fmt;

use super::process::Stop;

/// One server of a sandbox: a process of its own, with a log of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Server {
    /// The broker of an id, from 1.
    Broker(u16),
    /// The schema registry.
    Registry,
    /// `PostgreSQL`.
    Postgres,
    /// Flink's `JobManager`, which answers its REST API.
    JobManager,
    /// Flink's `TaskManager`, which runs the jobs.
    TaskManager,
    /// Flink's SQL gateway.
    SqlGateway,
    /// The Kafka Connect worker.
    Connect,
}

impl fmt::Display for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Broker(id) => return write!(f, "broker {id}"),
            Self::Registry => "the schema registry",
            Self::Postgres => "PostgreSQL",
            Self::JobManager => "Flink's JobManager",
            Self::TaskManager => "Flink's TaskManager",
            Self::SqlGateway => "Flink's SQL gateway",
            Self::Connect => "the Connect worker",
        })
    }
}

impl Server {
    /// Returns how it is stopped with the whole sandbox, whose data may be about to be deleted.
    pub(super) fn stopped_by(self, wipe: bool) -> Stop {
        match self {
            // One that is killed leaves processes behind which still use its data.
            Self::Postgres => Stop::Gracefully,
            Self::Broker(_) | Self::Connect if !wipe => Stop::Gracefully,
            // It keeps nothing that an orderly shutdown would save.
            _ => Stop::Kill,
        }
    }

    /// Returns whether it is one of Flink's.
    pub(super) fn is_flink(self) -> bool {
        matches!(
            self,
            Self::JobManager | Self::TaskManager | Self::SqlGateway
        )
    }
}

/// Names servers for people, those of one kind together; there is at least one.
pub(super) fn names(servers: &[Server]) -> String {
    let mut names: Vec<String> = Vec::new();
    let brokers = servers
        .iter()
        .filter(|server| matches!(server, Server::Broker(_)))
        .count();
    if brokers > 0 {
        names.push(self::brokers(brokers));
    }
    let flink = servers.iter().filter(|server| server.is_flink()).count();
    for server in servers {
        match server {
            Server::Broker(_) => {}
            // A whole Flink is one thing.
            Server::JobManager if flink == 3 => names.push("Flink".to_owned()),
            server if flink == 3 && server.is_flink() => {}
            server => names.push(server.to_string()),
        }
    }
    match names.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, others)) => format!("{} and {last}", others.join(", ")),
        None => String::new(),
    }
}

/// Names a number of brokers.
pub(super) fn brokers(count: usize) -> String {
    format!("{count} broker{}", if count == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_are_named_as_people_count_them() {
        use Server::{Broker, Connect, JobManager, Registry, SqlGateway, TaskManager};
        for (servers, expected) in [
            (&[Broker(1)][..], "1 broker"),
            (&[Registry], "the schema registry"),
            (
                &[Broker(1), Broker(2), Registry],
                "2 brokers and the schema registry",
            ),
            (
                &[
                    Broker(1),
                    Registry,
                    JobManager,
                    TaskManager,
                    SqlGateway,
                    Connect,
                ],
                "1 broker, the schema registry, Flink and the Connect worker",
            ),
            (&[TaskManager], "Flink's TaskManager"),
        ] {
            assert_eq!(names(servers), expected);
        }
    }
}
