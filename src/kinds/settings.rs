//! Objects that a provider's settings describe, as if each were a block. Pure.

use std::collections::BTreeSet;

use crate::address::{Address, ProviderAddress};
use crate::config::block::{Attributes, Block};
use crate::config::project::{Lifecycle, Project, Provider, Resource};

use super::{KINDS, KindEntry};

/// Returns the objects that a project's providers describe. Their kind's keyword and the provider's alias are the
/// address: `schema_registry.default` where there is none.
pub(super) fn resources(project: &Project) -> Vec<Resource> {
    let kinds = KINDS.iter().filter(|kind| !kind.settings.is_empty());
    kinds
        .flat_map(|kind| {
            let providers = project.providers.iter();
            let own = providers.filter(|(address, _)| *address.kind == *kind.schema.provider);
            own.filter_map(|(address, provider)| resource(kind, address, provider))
        })
        .collect()
}

fn resource(kind: &KindEntry, provider: &ProviderAddress, settings: &Provider) -> Option<Resource> {
    let attributes: Attributes = settings
        .settings
        .iter()
        .filter(|(name, given)| kind.settings.contains(&&***name) && !given.value.is_null())
        .map(|(name, given)| (name.clone(), given.clone()))
        .collect();
    attributes.values().next()?;
    let name = provider.alias.clone().unwrap_or_else(|| "default".into());
    Some(Resource {
        address: Address::root(kind.name, name.clone()),
        provider: provider.clone(),
        body: Block {
            keyword: kind.name.into(),
            labels: vec![name],
            attributes,
            blocks: Vec::new(),
            files: Vec::new(),
            span: settings.span.clone(),
        },
        depends_on: BTreeSet::new(),
        lifecycle: Lifecycle::default(),
    })
}
