//! How often the client goes to the brokers and back, counted and timed by a proxy that delays.

use std::time::{Duration, Instant};

use streamform::clients::kafka::{Extras, Keys, Resource, TopicSelection};

use super::{client, create, delete, names, run, topic};
use crate::support::kafka::unique_prefix;
use crate::support::proxy::Proxy;
use crate::support::servers;

const METADATA: i16 = 3;
const API_VERSIONS: i16 = 18;
const DESCRIBE_CONFIGS: i16 = 32;

#[test]
fn a_thousand_topics_are_read_in_a_handful_of_requests() {
    let Some(bootstrap) = servers::kafka() else {
        return;
    };
    let names = names(&unique_prefix("far"), 1_000);
    run(async {
        let near = client(&bootstrap);
        create(&near, names.iter().map(|name| topic(name, 1)).collect()).await;
        // 20 ms there and back.
        let proxy = Proxy::start(&bootstrap, Duration::from_millis(10)).unwrap();
        let far = client(proxy.bootstrap());
        let started = Instant::now();
        far.metadata(TopicSelection::Named(&names)).await.unwrap();
        let keys = ["retention.ms", "cleanup.policy", "min.insync.replicas"].map(Into::into);
        let keys = Keys::Only(keys.into());
        let questions: Vec<_> = names
            .iter()
            .map(|name| (Resource::Topic(name.clone()), keys.clone()))
            .collect();
        let described = far
            .describe_configs(&questions, Extras::default())
            .await
            .unwrap();
        let took = started.elapsed();
        assert!(described.iter().all(Result::is_ok));
        // One question about the versions; four connections read the configurations side by side.
        let requests = proxy.requests();
        assert_eq!(requests.get(&API_VERSIONS), Some(&1), "{requests:?}");
        assert_eq!(requests.get(&METADATA), Some(&1), "{requests:?}");
        assert_eq!(requests.get(&DESCRIBE_CONFIGS), Some(&4), "{requests:?}");
        // Connect, versions, metadata, configurations: each one trip, and the broker's own time.
        assert!(took < Duration::from_secs(1), "{took:?}");

        // Broken connections are opened again.
        proxy.cut();
        let again = far.metadata(TopicSelection::Named(&names)).await.unwrap();
        assert_eq!(again.topics.len(), 1_000);
        delete(&near, &names).await;
    });
}
