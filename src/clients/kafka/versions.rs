//! Which version of each request a broker and we have in common. Pure.

use std::collections::BTreeMap;

use kafka_protocol::messages::ApiVersionsResponse;
use kafka_protocol::protocol::{Message, Request};

use super::error::KafkaError;
use super::settings::Address;
use super::wire::api_name;

/// The versions that a broker offers, as it answered to `ApiVersions`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Versions(BTreeMap<i16, (i16, i16)>);

impl Versions {
    /// Returns the table of a broker's answer.
    pub(super) fn from_response(response: &ApiVersionsResponse) -> Self {
        Self(
            response
                .api_keys
                .iter()
                .map(|api| (api.api_key, (api.min_version, api.max_version)))
                .collect(),
        )
    }

    /// Returns the newest version of a request that both sides know and that is at least `least`.
    pub(super) fn choose<R: Request>(
        &self,
        least: i16,
        broker: &Address,
    ) -> Result<i16, KafkaError> {
        let ours = <R as Message>::VERSIONS;
        let theirs = self.0.get(&R::KEY).copied();
        let unsupported = || KafkaError::UnsupportedApi {
            broker: broker.clone(),
            api: api_name::<R>(),
            ours: (ours.min.max(least), ours.max),
            theirs,
        };
        let (min, max) = theirs.ok_or_else(unsupported)?;
        let version = ours.max.min(max);
        if version < ours.min.max(min).max(least) {
            return Err(unsupported());
        }
        Ok(version)
    }
}

#[cfg(test)]
mod tests {
    use kafka_protocol::messages::MetadataRequest;

    use super::*;

    fn metadata(range: (i16, i16)) -> Result<i16, KafkaError> {
        Versions([(MetadataRequest::KEY, range)].into())
            .choose::<MetadataRequest>(4, &Address::new("b", 1))
    }

    #[test]
    fn the_newest_common_version_is_chosen() {
        assert_eq!(metadata((0, 8)), Ok(8));
        assert_eq!(metadata((0, 99)), Ok(MetadataRequest::VERSIONS.max));
    }

    #[test]
    fn too_old_and_too_new_brokers_are_named() {
        insta::assert_snapshot!(metadata((0, 3)).expect_err("too old"), @"b:1 cannot do Metadata: we speak versions 4 to 13, it speaks 0 to 3");
        insta::assert_snapshot!(metadata((50, 60)).expect_err("too new"), @"b:1 cannot do Metadata: we speak versions 4 to 13, it speaks 50 to 60");
    }
}
