//! Finds the versions of subjects that hold contents: what references lead to (I/O).
//!
//! A reference to another block means the version that holds that block's content, whatever its number
//! is in this registry. What was seen of the batch's own subjects answers without a request.

use std::collections::BTreeMap;
use std::pin::Pin;

use crate::clients::registry::{Client, Metadata, NewSchema, Reference, RegistryError, RuleSet};
use crate::kinds::driver::at_once;
use crate::kinds::schema::spec::{Content, SchemaSpec, Which};
use crate::kinds::schema::{SchemaLive, content};

/// The versions that the references of a content lead to, by name; `None` where there is none yet.
pub(super) type Versions = BTreeMap<String, Option<u32>>;

/// The versions that are known to hold contents.
pub(super) struct Resolver<'a> {
    client: &'a Client,
    /// Subject → contents and the version that holds each.
    known: BTreeMap<String, Vec<(Content, Option<u32>)>>,
}

impl<'a> Resolver<'a> {
    pub(super) fn new(client: &'a Client) -> Self {
        Self {
            client,
            known: BTreeMap::new(),
        }
    }

    /// Returns for each subject the version that holds what is wanted of it.
    pub(super) async fn hold(
        mut self,
        specs: &[Option<&SchemaSpec>],
        lives: &[Option<SchemaLive>],
    ) -> Result<Vec<Option<u32>>, RegistryError> {
        let mut held = vec![None; specs.len()];
        let referred: Vec<&str> = specs
            .iter()
            .flatten()
            .flat_map(|spec| spec.references.values())
            .map(|referenced| referenced.subject.as_str())
            .collect();
        // What is referred to comes first, so that its versions are known.
        let mut by_depth: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        for (index, spec) in specs.iter().enumerate() {
            if let Some(spec) = spec {
                by_depth
                    .entry(depth(&spec.references))
                    .or_default()
                    .push(index);
            }
        }
        for indexes in by_depth.into_values() {
            let mut asked = Vec::new();
            for index in indexes {
                let Some(spec) = specs[index] else { continue };
                let Some(latest) = lives[index].as_ref().and_then(|live| live.latest.as_ref())
                else {
                    self.know(&referred, spec, None);
                    continue;
                };
                let content = spec.content();
                let versions = self.versions(&content).await?;
                if content::is_held(&content, &versions, latest) {
                    held[index] = Some(latest.version);
                    self.know(&referred, spec, held[index]);
                } else if let Some(schema) = new_schema(spec, &versions) {
                    asked.push((index, schema));
                } else {
                    self.know(&referred, spec, None);
                }
            }
            let answers = at_once(asked.iter().map(|(index, schema)| {
                let client = self.client.clone();
                let spec = specs[*index].expect("only wanted contents are asked for");
                let (subject, normalize) = (spec.subject.clone(), spec.normalize);
                let schema = schema.clone();
                async move { find(&client, &subject, &schema, normalize).await }
            }))
            .await;
            for ((index, _), answer) in asked.into_iter().zip(answers) {
                held[index] = answer?;
                if let Some(spec) = specs[index] {
                    self.know(&referred, spec, held[index]);
                }
            }
        }
        Ok(held)
    }

    fn know(&mut self, referred: &[&str], spec: &SchemaSpec, version: Option<u32>) {
        if referred.contains(&spec.subject.as_str()) {
            self.known
                .entry(spec.subject.clone())
                .or_default()
                .push((spec.content(), version));
        }
    }

    /// Returns the versions that the references of a content lead to.
    pub(super) async fn versions(&mut self, content: &Content) -> Result<Versions, RegistryError> {
        let mut versions = Versions::new();
        for (name, referenced) in &content.references {
            let version = match &referenced.which {
                Which::Version(version) => Some(*version),
                Which::Content(inner) => self.version(&referenced.subject, inner).await?,
            };
            versions.insert(name.clone(), version);
        }
        Ok(versions)
    }

    /// Returns the version of a subject that holds a content.
    fn version<'s>(
        &'s mut self,
        subject: &'s str,
        wanted: &'s Content,
    ) -> Pin<Box<dyn Future<Output = Result<Option<u32>, RegistryError>> + Send + 's>> {
        Box::pin(async move {
            let known = self.known.get(subject).into_iter().flatten();
            for (known, version) in known {
                if content::same(known, wanted) {
                    return Ok(*version);
                }
            }
            let versions = self.versions(wanted).await?;
            let version = match references(wanted, &versions) {
                Some(references) => {
                    let schema = NewSchema {
                        schema: wanted.definition.clone(),
                        schema_type: wanted.format.registry_name(),
                        references,
                        metadata: None,
                        rule_set: None,
                    };
                    find(self.client, subject, &schema, wanted.normalize).await?
                }
                None => None,
            };
            self.known
                .entry(subject.to_owned())
                .or_default()
                .push((wanted.clone(), version));
            Ok(version)
        })
    }
}

/// Returns the version of a subject that holds a content. One that the registry cannot read is held by
/// none.
async fn find(
    client: &Client,
    subject: &str,
    schema: &NewSchema,
    normalize: bool,
) -> Result<Option<u32>, RegistryError> {
    match client.lookup(subject, schema, normalize).await {
        Ok(found) => Ok(found.map(|found| found.version)),
        Err(RegistryError::Refused {
            status: 400 | 409 | 422,
            ..
        }) => Ok(None),
        Err(error) => Err(error),
    }
}

fn depth(references: &BTreeMap<String, crate::kinds::schema::spec::Referenced>) -> usize {
    references
        .values()
        .map(|referenced| match &referenced.which {
            Which::Version(_) => 1,
            Which::Content(content) => 1 + depth(&content.references),
        })
        .max()
        .unwrap_or(0)
}

/// Returns the references of a content as the registry wants them; `None` where one leads nowhere yet.
fn references(content: &Content, versions: &Versions) -> Option<Vec<Reference>> {
    content
        .references
        .iter()
        .map(|(name, referenced)| {
            let version = (*versions.get(name)?)?;
            Some(Reference {
                name: name.clone(),
                subject: referenced.subject.clone(),
                version: i64::from(version),
            })
        })
        .collect()
}

/// Returns what is sent for a wanted content; `None` where a reference leads nowhere yet.
pub(super) fn new_schema(spec: &SchemaSpec, versions: &Versions) -> Option<NewSchema> {
    Some(NewSchema {
        schema: spec.definition.clone(),
        schema_type: spec.format.registry_name(),
        references: references(&spec.content(), versions)?,
        metadata: spec.metadata.clone().map(|wanted| Metadata {
            tags: wanted.tags,
            properties: wanted.properties,
            sensitive: wanted.sensitive,
        }),
        rule_set: spec.rule_set.clone().map(|wanted| RuleSet {
            migration_rules: wanted.migration_rules,
            domain_rules: wanted.domain_rules,
        }),
    })
}
