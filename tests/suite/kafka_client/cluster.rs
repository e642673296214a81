//! Three real brokers: leaders, moves of replicas, and the loss of a broker.

use std::sync::Arc;
use std::time::Duration;

use streamform::clients::kafka::{
    Extras, Keys, Layout, Mode, NewTopic, OffsetSpec, Reassignment, Resource, TopicPartition,
    TopicSelection,
};
use streamform::sandbox::{Options, Sandbox, Server, Stop};

use super::{client, create, delete, error_name, run};
use crate::support::kafka::unique_prefix;
use crate::support::servers;

/// A topic whose partitions are led by brokers 1, 2 and 3.
fn spread(name: &str) -> NewTopic {
    NewTopic {
        name: name.into(),
        layout: Layout::Assigned(vec![vec![1, 2], vec![2, 3], vec![3, 1]]),
        configs: Vec::new(),
    }
}

#[test]
fn replicas_move_and_leaders_answer() {
    let Some(bootstrap) = servers::cluster() else {
        return;
    };
    let _running = servers::cluster_shared();
    run(async {
        let client = client(&bootstrap);
        let name: Arc<str> = format!("{}t", unique_prefix("moves")).into();
        create(&client, vec![spread(&name)]).await;
        let partition = |index| TopicPartition::new(name.clone(), index);

        let questions = (0..3).map(|index| (partition(index), OffsetSpec::Latest));
        let found = client.list_offsets(questions.collect()).await.unwrap();
        assert!(
            found.iter().all(|f| f.as_ref().unwrap().offset == Some(0)),
            "{found:?}"
        );

        let wishes = vec![
            Reassignment {
                partition: partition(0),
                replicas: Some(vec![3, 2, 1]),
            },
            Reassignment {
                partition: partition(1),
                replicas: Some(vec![9]),
            },
            Reassignment {
                partition: partition(2),
                replicas: None,
            },
        ];
        let outcomes = client.alter_partition_reassignments(wishes).await.unwrap();
        assert_eq!(outcomes[0].result, Ok(()));
        assert_eq!(error_name(&outcomes[1]), "INVALID_REPLICA_ASSIGNMENT");
        assert_eq!(error_name(&outcomes[2]), "NO_REASSIGNMENT_IN_PROGRESS");
        let asked = [partition(0), partition(1)];
        loop {
            let ongoing = client
                .list_partition_reassignments(Some(&asked))
                .await
                .unwrap();
            let selection = [name.clone()];
            let metadata = client
                .metadata(TopicSelection::Named(&selection))
                .await
                .unwrap();
            let moved = &metadata.topics[0].partitions[0];
            if ongoing.is_empty() && *moved.replicas == [3, 2, 1] && moved.isr.len() == 3 {
                break;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        assert!(client.list_partition_reassignments(None).await.is_ok());
        let dirs = client
            .describe_log_dirs(Some(&[partition(0)]))
            .await
            .unwrap();
        let mut holders: Vec<i32> = dirs
            .iter()
            .filter(|dir| !dir.replicas.is_empty())
            .map(|dir| dir.broker)
            .collect();
        holders.sort_unstable();
        assert_eq!(holders, [1, 2, 3]);
        delete(&client, &[name]).await;
    });
}

#[test]
fn the_loss_of_a_broker_is_survived() {
    let (Some(bootstrap), Some(folder)) = (servers::cluster(), servers::cluster_dir()) else {
        return;
    };
    let _alone = servers::cluster_alone();
    let mut killed = Killed {
        sandbox: Sandbox::open(&folder).unwrap().unwrap(),
        options: Options::new(&folder),
        id: None,
    };
    run(async {
        let client = client(&bootstrap);
        let name: Arc<str> = format!("{}t", unique_prefix("loss")).into();
        create(&client, vec![spread(&name)]).await;
        let controller = client.describe_cluster().await.unwrap().controller.unwrap();
        // The broker that the client's requests go to is the one that dies.
        let id = u16::try_from(controller).unwrap();
        killed.kill(id);

        let other: Arc<str> = format!("{name}-2").into();
        let created = client
            .create_topics(vec![spread_without(&other, controller)], Mode::Apply)
            .await;
        created.unwrap()[0].result.as_ref().unwrap();
        let questions =
            (0..3).map(|index| (TopicPartition::new(name.clone(), index), OffsetSpec::Latest));
        let found = client.list_offsets(questions.collect()).await.unwrap();
        assert!(found.iter().all(Result::is_ok), "{found:?}");
        let questions = [(Resource::Topic(name.clone()), Keys::All)];
        let described = client
            .describe_configs(&questions, Extras::default())
            .await
            .unwrap();
        assert!(described[0].is_ok());

        killed.start();
        let back = client.metadata(TopicSelection::Named(&[])).await.unwrap();
        assert_eq!(back.brokers.len(), 3, "{back:?}");
        delete(&client, &[name, other]).await;
    });
}

/// A broker that is started again when the test ends, however it ends.
struct Killed {
    sandbox: Sandbox,
    options: Options,
    id: Option<u16>,
}

impl Killed {
    fn kill(&mut self, id: u16) {
        self.id = Some(id);
        self.sandbox
            .stop_server(Server::Broker(id), Stop::Kill)
            .unwrap();
    }

    fn start(&mut self) {
        if let Some(id) = self.id.take() {
            self.sandbox
                .start_server(Server::Broker(id), &self.options)
                .unwrap();
        }
    }
}

impl Drop for Killed {
    fn drop(&mut self) {
        self.start();
    }
}

/// A topic that does not need one of the brokers.
fn spread_without(name: &str, id: i32) -> NewTopic {
    let others = [1, 2, 3].into_iter().filter(|other| *other != id).collect();
    NewTopic {
        layout: Layout::Assigned(vec![others]),
        ..spread(name)
    }
}
