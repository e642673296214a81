//! Finds out what the checks must know about changes: what the plugin thinks of a configuration, whether the
//! topics are there, how far the connector has come (I/O).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::clients::connect::{Config, ConnectError, Plugin, Validation};
use crate::clients::kafka::{self, TopicSelection};
use crate::diagnostic::did_you_mean;
use crate::kinds::connector::spec::{ConnectorSpec, key};
use crate::kinds::connector::{
    Connector, ConnectorFacts, FieldErrors, NoPlugin, Position, Way, relations,
};
use crate::kinds::driver::{Question, at_once};
use crate::kinds::{Action, Role};

use super::change::positions;
use super::{ConnectorDriver, Known, Resolved, resume};

/// Measures all changes of a plan.
pub(super) async fn measure(
    driver: &ConnectorDriver,
    questions: Vec<Question<Connector>>,
) -> Result<Vec<ConnectorFacts>, ConnectError> {
    let plugins = if questions.iter().any(is_configured) {
        driver.client.plugins().await?
    } else {
        Vec::new()
    };
    let (topics, resumed) =
        tokio::join!(topics(driver, &questions), resume::read(driver, &questions));
    let (topics, resumed) = (Arc::new(topics), Arc::new(resumed));
    let plugins = Arc::new(plugins);
    let facts = at_once(questions.into_iter().map(|question| {
        let (driver, plugins) = (driver.clone(), plugins.clone());
        let (topics, resumed) = (topics.clone(), resumed.clone());
        async move {
            let mut facts = ConnectorFacts::default();
            if let Some(spec) = question.spec.as_ref().filter(|_| is_configured(&question)) {
                validated(&driver, &plugins, &question, spec, &mut facts).await?;
                topics.tell(spec, &mut facts);
            }
            offsets(&driver, &question, &mut facts).await;
            resumed.tell(&question.remote_id, &mut facts);
            Ok(facts)
        }
    }))
    .await;
    facts.into_iter().collect()
}

/// Whether a change sends a configuration.
fn is_configured(question: &Question<Connector>) -> bool {
    let Some(spec) = &question.spec else {
        return false;
    };
    let settings = spec.settings();
    let paths: BTreeSet<String> = settings.keys().map(|key| spec.path(key)).collect();
    question.action == Action::Create
        || question.deltas.iter().any(|delta| {
            paths.contains(&delta.path)
                || delta.path.starts_with("config[")
                || delta.path.starts_with("dead_letter.")
        })
}

/// Asks the plugin what it thinks of a change.
async fn validated(
    driver: &ConnectorDriver,
    plugins: &[Plugin],
    question: &Question<Connector>,
    spec: &ConnectorSpec,
    facts: &mut ConnectorFacts,
) -> Result<(), ConnectError> {
    let Some(plugin) = plugin(plugins, &spec.class) else {
        let known: BTreeSet<&str> = plugins.iter().map(|plugin| plugin.class.as_str()).collect();
        let names = known.iter().flat_map(|class| names_of(class));
        facts.no_plugin = Some(NoPlugin {
            similar: did_you_mean(&spec.class, names),
            known: known.iter().map(ToString::to_string).collect(),
        });
        return Ok(());
    };
    facts.way = Way::of(&plugin.r#type);
    facts.other_class = other_class(plugins, plugin, question);
    let (resolved, unread) = Resolved::of(spec, &mut Known::new(&driver.secrets));
    if !unread.is_empty() {
        facts.no_secret = unread;
        return Ok(());
    }
    let mut config = kept(driver, question, spec).await?;
    config.extend(resolved.config.clone());
    config.insert("name".to_owned(), question.remote_id.clone());
    match driver.client.validate(&spec.class, &config).await {
        Ok(validation) => judged(spec, &resolved, &validation, facts),
        // The plugin fails, or waits for its own system for longer than anybody waits for it.
        Err(error) if error.is_inner() || !error.is_away() => {
            facts.unvalidated = Some(resolved.redacted(&error.to_string()));
        }
        Err(ConnectError::Http(error)) if !error.is_unsent() => {
            facts.unvalidated = Some(resolved.redacted(&error.to_string()));
        }
        Err(error) => return Err(error),
    }
    Ok(())
}

/// Returns the class of the plugin that a connector was, where a change makes it another one: two names may be
/// those of one plugin.
fn other_class(plugins: &[Plugin], now: &Plugin, question: &Question<Connector>) -> Option<String> {
    question.live.as_ref()?;
    let delta = question.deltas.iter().find(|delta| delta.path == "class")?;
    let before = delta.before.as_str()?;
    let before = plugin(plugins, before).map_or(before, |plugin| &plugin.class);
    (before != now.class).then(|| before.to_owned())
}

/// Returns what is set outside and stays.
async fn kept(
    driver: &ConnectorDriver,
    question: &Question<Connector>,
    spec: &ConnectorSpec,
) -> Result<Config, ConnectError> {
    if question.live.is_none() {
        return Ok(Config::new());
    }
    let info = driver.client.info(&question.remote_id).await?;
    let mut config: Config = info
        .into_iter()
        .flat_map(|info| info.config)
        .filter_map(|(key, value)| Some((key, value?)))
        .collect();
    let wanted = spec.settings();
    for key in question.prior.iter().flat_map(ConnectorSpec::settings) {
        if !wanted.contains_key(key.0) {
            config.remove(key.0);
        }
    }
    Ok(config)
}

/// Returns the plugin of a class: its whole name, its own without the package, or that without `Connector`
/// (as `PluginUtils.simpleName` and `prunedName` make them).
fn plugin<'a>(plugins: &'a [Plugin], class: &str) -> Option<&'a Plugin> {
    plugins
        .iter()
        .find(|plugin| names_of(&plugin.class).any(|name| name == class))
}

fn names_of(class: &str) -> impl Iterator<Item = &str> {
    let own = class.rsplit('.').next().unwrap_or(class);
    let short = own.strip_suffix("Connector").unwrap_or(own);
    [class, own, short].into_iter()
}

fn judged(
    spec: &ConnectorSpec,
    resolved: &Resolved,
    validation: &Validation,
    facts: &mut ConnectorFacts,
) {
    let mut known = BTreeMap::new();
    for config in &validation.configs {
        if let Some(definition) = &config.definition {
            known.insert(definition.name.as_str(), definition.r#type.as_str());
        }
        let Some(value) = config
            .value
            .as_ref()
            .filter(|value| !value.errors.is_empty())
        else {
            continue;
        };
        let mut messages: Vec<String> = Vec::new();
        for message in &value.errors {
            let message = resolved.redacted(message);
            if !messages.contains(&message) {
                messages.push(message);
            }
        }
        let permitted = value.recommended_values.iter().map(|value| match value {
            serde_json::Value::String(text) => text.clone(),
            value => value.to_string(),
        });
        facts.errors.insert(
            value.name.clone(),
            FieldErrors {
                messages,
                permitted: permitted.take(20).collect(),
            },
        );
    }
    for (key, setting) in &spec.config {
        match known.get(key.as_str()) {
            Some(&"PASSWORD") => {
                let text = setting.text();
                if text.is_some_and(is_plain) {
                    facts.plain_passwords.push(key.clone());
                }
            }
            Some(_) => {}
            None if PASSWORDS.iter().any(|password| is_of_client(key, password)) => {
                if setting.text().is_some_and(is_plain) {
                    facts.plain_passwords.push(key.clone());
                }
            }
            None => {
                let unset = known
                    .keys()
                    .filter(|known| !spec.config.contains_key(**known));
                if let Some(similar) = did_you_mean(key, unset.copied()) {
                    facts.unknown.insert(key.clone(), similar);
                }
            }
        }
    }
    // The name of the class is one of those of an existing plugin.
    facts.errors.remove(key::CLASS);
}

/// The passwords of Kafka's clients (`SaslConfigs`, `SslConfigs`). Plugins that make clients of their own take these
/// settings with something in front, such as `source.cluster.`, and so do the workers: `consumer.override.`. No
/// plugin's definition has those.
const PASSWORDS: [&str; 5] = [
    "sasl.jaas.config",
    "ssl.key.password",
    "ssl.keystore.key",
    "ssl.keystore.password",
    "ssl.truststore.password",
];

fn is_of_client(key: &str, setting: &str) -> bool {
    let front = key.strip_suffix(setting);
    front.is_some_and(|front| front.ends_with('.'))
}

/// Whether a password is one itself, and no reference to where the workers find it.
fn is_plain(text: &str) -> bool {
    !text.is_empty() && !text.contains("${")
}

/// The topics of all clusters, as far as they could be asked.
struct Topics {
    /// Those that were asked for and are there.
    there: BTreeSet<String>,
    /// Whether every cluster gave an answer, and there is one.
    is_known: bool,
    /// Why one gave none.
    unmeasured: Vec<String>,
}

impl Topics {
    fn tell(&self, spec: &ConnectorSpec, facts: &mut ConnectorFacts) {
        facts.unmeasured.extend(self.unmeasured.iter().cloned());
        if !self.is_known {
            return;
        }
        facts.no_topic = reads(spec)
            .filter(|topic| !self.there.contains(topic))
            .collect();
    }
}

/// Returns the topics that a connector reads in a cluster of the project. `MirrorMaker` may read in another one.
fn reads(spec: &ConnectorSpec) -> impl Iterator<Item = String> {
    let relations = relations::of(spec).into_iter();
    let reads = relations.filter(|relation| relation.role == Role::Reads && !spec.is_mirror());
    reads.map(|relation| relation.name)
}

async fn topics(driver: &ConnectorDriver, questions: &[Question<Connector>]) -> Topics {
    let asked: BTreeSet<Arc<str>> = questions
        .iter()
        .filter(|question| is_configured(question))
        .filter_map(|question| question.spec.as_ref())
        .flat_map(reads)
        .map(Arc::from)
        .collect();
    let asked: Vec<Arc<str>> = asked.into_iter().collect();
    let mut topics = Topics {
        there: BTreeSet::new(),
        is_known: false,
        unmeasured: Vec::new(),
    };
    if asked.is_empty() {
        return topics;
    }
    let clusters = driver.connections.clusters();
    topics.is_known = !clusters.is_empty();
    for cluster in clusters {
        let found = match cluster {
            Ok(cluster) => cluster
                .metadata(TopicSelection::Named(&asked))
                .await
                .map_err(|error| error.to_string()),
            Err(why) => Err(why),
        };
        match found {
            Ok(found) => {
                let there = found.topics.iter().filter(|topic| !topic.is_missing());
                topics
                    .there
                    .extend(there.map(|topic| topic.name.to_string()));
            }
            Err(why) => {
                topics.is_known = false;
                topics.unmeasured.push(why);
            }
        }
    }
    topics
}

/// Reads how far a connector has come, where a change makes that count.
async fn offsets(
    driver: &ConnectorDriver,
    question: &Question<Connector>,
    facts: &mut ConnectorFacts,
) {
    let is_step = question.deltas.iter().any(|delta| delta.path == "offsets");
    let read = match (question.action, &question.spec) {
        (Action::Create, Some(spec)) => match spec.group() {
            Some(group) => committed(driver, &group).await,
            None => Ok(None),
        },
        (Action::Delete, _) => kept_offsets(driver, &question.remote_id).await,
        _ if (is_step || facts.other_class.is_some()) && question.live.is_some() => {
            kept_offsets(driver, &question.remote_id).await
        }
        _ => Ok(None),
    };
    match read {
        Ok(found) => facts.offsets = found,
        Err(why) => facts.unmeasured.push(why),
    }
}

async fn kept_offsets(
    driver: &ConnectorDriver,
    name: &str,
) -> Result<Option<Vec<Position>>, String> {
    let offsets = driver.client.offsets(name).await;
    match offsets {
        Ok(offsets) => Ok(offsets.map(positions)),
        // Workers before Kafka 3.6 do not show them.
        Err(error) if error.is_unknown_call() => Ok(None),
        Err(error) => Err(format!("its offsets cannot be read: {error}")),
    }
}

/// Returns what a group committed in any of the clusters that may be the workers'; `None` where none can be asked.
async fn committed(driver: &ConnectorDriver, group: &str) -> Result<Option<Vec<Position>>, String> {
    let mut found = None;
    for cluster in driver.homes() {
        let of_group = of_group(&cluster?, group).await;
        let of_group = of_group.map_err(|error| error.to_string())?;
        found.get_or_insert_with(Vec::new).extend(of_group);
    }
    Ok(found)
}

async fn of_group(
    cluster: &kafka::Client,
    group: &str,
) -> Result<Vec<Position>, kafka::KafkaError> {
    let mut groups = cluster.list_groups().await?;
    groups.retain(|listed| &*listed.id == group);
    let mut all = Vec::new();
    for committed in cluster.committed_offsets(&groups).await? {
        all.extend(committed?.into_iter().map(|(at, offset)| {
            let partition = [
                ("kafka_topic".to_owned(), at.topic.to_string().into()),
                ("kafka_partition".to_owned(), at.index.into()),
            ];
            let offset = [("kafka_offset".to_owned(), offset.into())];
            Position {
                partition: partition.into_iter().collect(),
                offset: Some(offset.into_iter().collect()),
            }
        }));
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plugin_has_three_names() {
        let plugins = [Plugin {
            class: "org.apache.kafka.connect.file.FileStreamSinkConnector".into(),
            r#type: "sink".into(),
            version: None,
        }];
        for name in [
            "org.apache.kafka.connect.file.FileStreamSinkConnector",
            "FileStreamSinkConnector",
            "FileStreamSink",
        ] {
            assert!(plugin(&plugins, name).is_some(), "{name}");
        }
        assert!(plugin(&plugins, "FileStream").is_none());
    }
}
