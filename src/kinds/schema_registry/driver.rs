//! Reaches what a schema registry itself is set to (I/O): one request for each setting that is managed.

use crate::address::ProviderAddress;
use crate::clients::Connections;
use crate::clients::registry::{Client, RegistryError};
use crate::kinds::Kind as _;
use crate::kinds::driver::{Context, Driver, DriverError, Failure, Operation, Question, Wanted};

use super::{RegistryFacts, RegistryLive, RegistrySpec, SchemaRegistry};

/// Reaches one registry.
#[derive(Debug, Clone)]
pub struct RegistryDriver {
    client: Client,
    provider: ProviderAddress,
}

impl Driver for RegistryDriver {
    type Kind = SchemaRegistry;

    fn connect(connections: &Connections, provider: &ProviderAddress) -> Result<Self, DriverError> {
        Ok(Self {
            client: connections.registry(provider).map_err(DriverError)?,
            provider: provider.clone(),
        })
    }

    async fn observe(
        &self,
        wanted: Vec<Wanted<SchemaRegistry>>,
    ) -> Result<Vec<Option<RegistryLive>>, DriverError> {
        let mut lives = Vec::new();
        for wanted in wanted {
            let live = self.look(&wanted.specs).await;
            let told = |error: RegistryError| DriverError::from(error.diagnostic(&self.provider));
            lives.push(Some(live.map_err(told)?));
        }
        Ok(lives)
    }

    async fn investigate(
        &self,
        questions: Vec<Question<SchemaRegistry>>,
    ) -> Result<Vec<RegistryFacts>, DriverError> {
        Ok(questions.iter().map(|_| RegistryFacts {}).collect())
    }

    async fn apply(
        &self,
        operations: Vec<Operation<SchemaRegistry>>,
        _context: &Context,
    ) -> Vec<Result<Option<RegistryLive>, Failure>> {
        let mut results = Vec::new();
        for operation in operations {
            let Some(spec) = operation.spec else {
                results.push(Ok(None));
                continue;
            };
            let changes = |path: &str| operation.deltas.iter().any(|delta| delta.path == path);
            let done = self.set(&spec, changes("compatibility"), changes("mode"));
            results.push(done.await.map(Some));
        }
        results
    }

    fn batch_limit(&self) -> usize {
        // A provider reaches one registry.
        1
    }
}

impl RegistryDriver {
    async fn look(&self, specs: &[RegistrySpec]) -> Result<RegistryLive, RegistryError> {
        let mut live = RegistryLive::default();
        if specs.iter().any(|spec| spec.compatibility.is_some()) {
            live.compatibility = self.client.level(None).await?;
        }
        if specs.iter().any(|spec| spec.mode.is_some()) {
            live.mode = self.client.mode(None, false).await?;
        }
        Ok(live)
    }

    /// Sets what differs, and reads it back: a success that changed nothing is a failure.
    async fn set(
        &self,
        spec: &RegistrySpec,
        level: bool,
        mode: bool,
    ) -> Result<RegistryLive, Failure> {
        let failed = |unchanged: bool| {
            move |error: RegistryError| Failure {
                unchanged: unchanged && error.is_harmless(),
                message: error.to_string(),
                outcome: None,
            }
        };
        let mut is_clean = true;
        if let Some(level) = spec.level_name().filter(|_| level) {
            let set = self.client.set_level(None, level).await;
            set.map_err(failed(is_clean))?;
            is_clean = false;
        }
        if let Some(mode) = spec.mode_name().filter(|_| mode) {
            let set = self.client.set_mode(None, mode).await;
            set.map_err(failed(is_clean))?;
            is_clean = false;
        }
        let live = self.look(std::slice::from_ref(spec)).await;
        let live = live.map_err(failed(is_clean))?;
        match SchemaRegistry::diff(spec, &[], &live).first() {
            None => Ok(live),
            Some(left) => Err(Failure {
                message: format!(
                    "the registry accepted the change, but its own {} is {}, not {}",
                    left.path, left.before, left.after
                ),
                unchanged: is_clean,
                outcome: None,
            }),
        }
    }
}
