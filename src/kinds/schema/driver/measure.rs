//! Finds out what the checks must know about changes: earlier versions, the registry's own verdict, who
//! refers to a subject, what its topic holds (I/O).

use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::Arc;

use tokio::sync::OnceCell;

use crate::clients::kafka::{self, OffsetSpec, TopicPartition, TopicSelection};
use crate::clients::registry::{Client, Reference, RegistryError};
use crate::compatibility::Level;
use crate::kinds::Action;
use crate::kinds::driver::{Question, at_once};
use crate::kinds::schema::recall::DEFAULT;
use crate::kinds::schema::spec::{SchemaSpec, Which, topic_of};
use crate::kinds::schema::{Known, Opinion, Schema, SchemaFacts};

use super::resolve::{self, Resolver};
use super::{SchemaDriver, format};

/// Measures all changes of a plan.
pub(super) async fn measure(
    driver: &SchemaDriver,
    questions: Vec<Question<Schema>>,
) -> Result<Vec<SchemaFacts>, RegistryError> {
    let own = Arc::new(OwnLevel::default());
    let facts = at_once(questions.into_iter().map(|question| {
        let (driver, own) = (driver.clone(), own.clone());
        async move {
            match (question.action, &question.spec) {
                (Action::Delete, _) => deletion(&driver, &question.remote_id).await,
                (_, Some(spec)) => change(&driver, &own, &question, spec).await,
                (_, None) => Ok(SchemaFacts::default()),
            }
        }
    }))
    .await;
    facts.into_iter().collect()
}

/// The registry's own level, which is asked for once for all subjects.
#[derive(Default)]
struct OwnLevel(OnceCell<Option<String>>);

impl OwnLevel {
    async fn get(&self, client: &Client) -> Result<Option<Level>, RegistryError> {
        let level = self.0.get_or_try_init(|| client.level(None)).await?;
        Ok(level.as_ref().and_then(|level| level.parse().ok()))
    }
}

fn changes(question: &Question<Schema>, path: &str) -> bool {
    question.deltas.iter().any(|delta| delta.path == path)
}

async fn change(
    driver: &SchemaDriver,
    own: &OwnLevel,
    question: &Question<Schema>,
    spec: &SchemaSpec,
) -> Result<SchemaFacts, RegistryError> {
    let client = &driver.client;
    let subject = question.remote_id.as_str();
    let mut facts = SchemaFacts::default();
    let in_force = match client.level(Some(subject)).await? {
        Some(level) => level.parse().ok(),
        None => own.get(client).await?,
    };
    let level = match spec.compatibility {
        Some(level) => level,
        None => inherited(driver, own, question, in_force).await?,
    };
    facts.level = Some(level);
    let mode = match driver.own_mode {
        // The registry's own is set first.
        Some(own) if client.mode(Some(subject), false).await?.is_none() => Some(own.name().into()),
        _ => client.mode(Some(subject), true).await?,
    };
    facts.read_only = mode.filter(|mode| mode != "READWRITE");
    let is_held = question
        .live
        .as_ref()
        .is_some_and(|live| live.holds.is_some());
    if question.live.is_none() || (is_held && !changes(question, "compatibility")) {
        return Ok(facts);
    }
    facts.versions = versions(client, subject, level).await?;
    facts.texts = texts(client, spec).await?;
    if !is_held && in_force == Some(level) {
        opinion(client, spec, level, &mut facts).await?;
    }
    Ok(facts)
}

/// Returns the level that will be in force on a subject for which the block sets none. What the project says of the
/// registry itself is applied first.
async fn inherited(
    driver: &SchemaDriver,
    own: &OwnLevel,
    question: &Question<Schema>,
    in_force: Option<Level>,
) -> Result<Level, RegistryError> {
    let goes_back = changes(question, "compatibility");
    if !goes_back && driver.own_level.is_none() {
        return Ok(in_force.unwrap_or(DEFAULT));
    }
    let now = own.get(&driver.client).await?;
    // Some registries answer with their own level where a subject has none.
    let is_own = goes_back || in_force.is_none() || in_force == now;
    let level = if is_own {
        driver.own_level.or(now)
    } else {
        in_force
    };
    Ok(level.unwrap_or(DEFAULT))
}

/// Returns the versions that a level compares with.
async fn versions(
    client: &Client,
    subject: &str,
    level: Level,
) -> Result<Vec<Known>, RegistryError> {
    let mut numbers = client.versions(subject, false).await?;
    numbers.sort_unstable();
    if !level.is_transitive() {
        numbers = numbers.split_off(numbers.len().saturating_sub(1));
    }
    let mut known = Vec::new();
    for number in numbers {
        let Some(version) = client.version(subject, number).await? else {
            continue;
        };
        let mut references = BTreeMap::new();
        collect(client, &version.references, &mut references).await?;
        known.push(Known {
            version: number,
            format: format(version.schema_type.as_deref()),
            schema: version.schema,
            references,
        });
    }
    Ok(known)
}

/// Adds the texts of references, and of what they refer to.
fn collect<'a>(
    client: &'a Client,
    references: &'a [Reference],
    texts: &'a mut BTreeMap<String, String>,
) -> Pin<Box<dyn Future<Output = Result<(), RegistryError>> + Send + 'a>> {
    Box::pin(async move {
        for reference in references {
            if texts.contains_key(&reference.name) {
                continue;
            }
            let Ok(number) = u32::try_from(reference.version) else {
                continue;
            };
            if let Some(version) = client.version(&reference.subject, number).await? {
                texts.insert(reference.name.clone(), version.schema);
                collect(client, &version.references, texts).await?;
            }
        }
        Ok(())
    })
}

/// Returns the texts of the versions that a content refers to by number.
async fn texts(
    client: &Client,
    spec: &SchemaSpec,
) -> Result<BTreeMap<String, String>, RegistryError> {
    let mut found = Vec::new();
    let mut open = vec![spec.content()];
    while let Some(content) = open.pop() {
        for (name, referenced) in content.references {
            match referenced.which {
                Which::Version(version) => found.push(Reference {
                    name,
                    subject: referenced.subject,
                    version: i64::from(version),
                }),
                Which::Content(inner) => open.push(*inner),
            }
        }
    }
    let mut texts = BTreeMap::new();
    collect(client, &found, &mut texts).await?;
    Ok(texts)
}

/// Asks the registry itself. It judges by the level that is in force there, so only where that one stays.
async fn opinion(
    client: &Client,
    spec: &SchemaSpec,
    level: Level,
    facts: &mut SchemaFacts,
) -> Result<(), RegistryError> {
    let versions = Resolver::new(client).versions(&spec.content()).await?;
    let Some(schema) = resolve::new_schema(spec, &versions) else {
        facts.unmeasured.push(
            "the registry cannot be asked before what the schema refers to is registered".into(),
        );
        return Ok(());
    };
    let every = level.is_transitive();
    match client
        .check(&spec.subject, &schema, spec.normalize, every)
        .await
    {
        Ok(verdict) => {
            facts.verdict = Some(Opinion {
                compatible: verdict.is_compatible,
                messages: verdict.messages,
            });
        }
        Err(error) if error.is_conflict() => {
            facts.verdict = Some(Opinion {
                compatible: false,
                messages: vec![error.words()],
            });
        }
        Err(
            error @ RegistryError::Refused {
                status: 400..=499, ..
            },
        ) => {
            facts.refused = Some(error.words());
        }
        Err(error) => return Err(error),
    }
    Ok(())
}

async fn deletion(driver: &SchemaDriver, subject: &str) -> Result<SchemaFacts, RegistryError> {
    let client = &driver.client;
    let mut facts = SchemaFacts::default();
    let mut holders = Vec::new();
    for version in client.versions(subject, false).await? {
        for id in client.referenced_by(subject, version).await? {
            holders.extend(client.holders(id).await?);
        }
        facts.count += 1;
    }
    facts.referenced_by = holders.into_iter().map(|(subject, _)| subject).collect();
    facts.referenced_by.sort_unstable();
    facts.referenced_by.dedup();
    if let Some(topic) = topic_of(subject) {
        for cluster in driver.connections.clusters() {
            match cluster {
                Ok(cluster) => match records(&cluster, topic).await {
                    Ok(None) => {}
                    Ok(Some(records)) => *facts.records.get_or_insert(0) += records,
                    Err(error) => facts.unmeasured.push(error.to_string()),
                },
                Err(reason) => facts.unmeasured.push(reason),
            }
        }
    }
    Ok(facts)
}

/// Returns how many records a topic holds; `None` where there is no such topic.
async fn records(cluster: &kafka::Client, topic: &str) -> Result<Option<u64>, kafka::KafkaError> {
    let name: Arc<str> = topic.into();
    let names = [name.clone()];
    let metadata = cluster.metadata(TopicSelection::Named(&names)).await?;
    let Some(found) = metadata.topics.iter().find(|found| found.name == name) else {
        return Ok(None);
    };
    if found.is_missing() {
        return Ok(None);
    }
    let asked = found.partitions.iter().flat_map(|partition| {
        [OffsetSpec::Earliest, OffsetSpec::Latest]
            .map(|spec| (TopicPartition::new(name.clone(), partition.index), spec))
    });
    let offsets = cluster.list_offsets(asked.collect()).await?;
    let mut records = 0;
    for pair in offsets.chunks(2) {
        let [Ok(first), Ok(next)] = pair else {
            continue;
        };
        let held = next.offset.unwrap_or(0) - first.offset.unwrap_or(0);
        records += u64::try_from(held).unwrap_or(0);
    }
    Ok(Some(records))
}
