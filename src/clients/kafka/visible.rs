//! Waits until changes can be seen: the controller answers before the brokers have carried them out. Does I/O.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::Client;
use super::configs::{Described, Extras, Keys, Resource};
use super::error::KafkaError;
use super::metadata::{Topic, TopicSelection};

/// The shortest and the longest pause between two looks. Looking costs the brokers more than waiting: they make
/// the folders of new partitions with the same threads.
const PAUSE: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(1));

/// Returns how long to wait before the next look: so long that what happens meanwhile is noticed late by a
/// tenth of the whole wait at most.
fn pause_after(waited: Duration) -> Duration {
    (waited / 10).clamp(PAUSE.0, PAUSE.1)
}

impl Client {
    /// Waits until each topic has so many partitions, and all of them leaders.
    ///
    /// `progress` is told how many topics are still awaited, after every look.
    #[tracing::instrument(level = "debug", skip_all, fields(topics = topics.len()))]
    pub async fn await_topics_visible(
        &self,
        topics: &BTreeMap<Arc<str>, usize>,
        within: Duration,
        progress: impl FnMut(usize) + Send,
    ) -> Result<(), KafkaError> {
        let there = |topic: &Topic| {
            let least = topics.get(&topic.name).copied().unwrap_or(1);
            topic.error.is_none()
                && topic.partitions.len() >= least.max(1)
                && topic
                    .partitions
                    .iter()
                    .all(|partition| partition.leader.is_some())
        };
        let names = topics.keys().cloned().collect();
        self.await_topics(names, within, "leaders of", there, progress)
            .await
    }

    /// Waits until no topic of these names is left.
    #[tracing::instrument(level = "debug", skip_all, fields(topics = names.len()))]
    pub async fn await_topics_gone(
        &self,
        names: Vec<Arc<str>>,
        within: Duration,
        progress: impl FnMut(usize) + Send,
    ) -> Result<(), KafkaError> {
        self.await_topics(names, within, "the end of", Topic::is_missing, progress)
            .await
    }

    /// Waits until the configuration of each resource is as it should be, and returns the last answers in the order
    /// of the questions. Answers that never became so are among them: time running out is no error here.
    #[tracing::instrument(level = "debug", skip_all, fields(resources = questions.len()))]
    pub async fn await_configs(
        &self,
        questions: &[(Resource, Keys)],
        within: Duration,
        done: impl Fn(usize, &Described) -> bool + Send,
    ) -> Result<Vec<Described>, KafkaError> {
        let started = Instant::now();
        let mut answers = self.describe_configs(questions, Extras::default()).await?;
        loop {
            let left = answers.iter().enumerate();
            let left = left.filter(|(index, answer)| !done(*index, answer));
            let left: Vec<usize> = left.map(|(index, _)| index).collect();
            let pause = pause_after(started.elapsed());
            if left.is_empty() || started.elapsed() + pause > within {
                return Ok(answers);
            }
            tokio::time::sleep(pause).await;
            let again: Vec<_> = left.iter().map(|&index| questions[index].clone()).collect();
            let fresh = self.describe_configs(&again, Extras::default()).await?;
            for (index, answer) in left.into_iter().zip(fresh) {
                answers[index] = answer;
            }
        }
    }

    async fn await_topics(
        &self,
        mut names: Vec<Arc<str>>,
        within: Duration,
        what: &str,
        done: impl Fn(&Topic) -> bool + Send,
        mut progress: impl FnMut(usize) + Send,
    ) -> Result<(), KafkaError> {
        let started = Instant::now();
        while !names.is_empty() {
            let metadata = self.metadata(TopicSelection::Named(&names)).await?;
            names = metadata
                .topics
                .into_iter()
                .filter(|topic| !done(topic))
                .map(|topic| topic.name)
                .collect();
            progress(names.len());
            if !names.is_empty() {
                let pause = pause_after(started.elapsed());
                if started.elapsed() + pause > within {
                    return Err(not_in_time(what, &names, within));
                }
                tokio::time::sleep(pause).await;
            }
        }
        Ok(())
    }
}

fn not_in_time(what: &str, names: &[Arc<str>], after: Duration) -> KafkaError {
    let shown: Vec<&str> = names.iter().take(3).map(|name| &**name).collect();
    let more = match names.len().saturating_sub(shown.len()) {
        0 => String::new(),
        more => format!(" and {more} more topics"),
    };
    KafkaError::NotInTime {
        what: format!("{what} {}{more}", shown.join(", ")).into(),
        after,
    }
}
