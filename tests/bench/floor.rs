//! The floor that `run.sh` measures Streamform against: the least that asks a broker the same, one request after
//! the other over one connection, by the same codec. Does I/O.
//!
//! ```text
//! floor BROKER plan   PREFIX COUNT          reads what exists: topics by name, and the managed keys
//! floor BROKER create PREFIX COUNT          checks and creates topics, waits until they are seen, reads them back
//! floor BROKER alter  PREFIX COUNT VALUE    reads, checks and sets `retention.ms`, and reads it back
//! floor BROKER commit PREFIX COUNT TOPIC    prepares groups that committed in topics `TOPIC00` to `TOPIC99`
//! floor BROKER lag    PREFIX COUNT TOPIC    reads which groups there are, what they committed and the topics' ends
//! ```
//!
//! The check (`validateOnly`) is there because a bad value among a thousand must be found before the first of
//! them is set. Everything else that a tool does is not: no configuration is parsed, nothing is compared or
//! written down, nothing is read a second time before it is changed.
//!
//! Topics are called `PREFIX00000`, `PREFIX00001` and so on. Any error of the broker ends the program.

use std::error::Error;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::thread::sleep;
use std::time::{Duration, Instant};

use bytes::{BufMut as _, Bytes, BytesMut};
use kafka_protocol::messages::api_versions_response::ApiVersion;
use kafka_protocol::messages::create_topics_request::{CreatableTopic, CreatableTopicConfig};
use kafka_protocol::messages::describe_configs_request::DescribeConfigsResource;
use kafka_protocol::messages::describe_configs_response::DescribeConfigsResult;
use kafka_protocol::messages::incremental_alter_configs_request::{
    AlterConfigsResource, AlterableConfig,
};
use kafka_protocol::messages::list_offsets_request::{ListOffsetsPartition, ListOffsetsTopic};
use kafka_protocol::messages::metadata_request::MetadataRequestTopic;
use kafka_protocol::messages::metadata_response::MetadataResponseTopic;
use kafka_protocol::messages::offset_commit_request::{
    OffsetCommitRequestPartition, OffsetCommitRequestTopic,
};
use kafka_protocol::messages::offset_fetch_request::OffsetFetchRequestGroup;
use kafka_protocol::messages::{
    ApiVersionsRequest, BrokerId, CreateTopicsRequest, DescribeConfigsRequest,
    FindCoordinatorRequest, GroupId, IncrementalAlterConfigsRequest, ListGroupsRequest,
    ListOffsetsRequest, MetadataRequest, OffsetCommitRequest, OffsetFetchRequest, RequestHeader,
    ResponseHeader, TopicName,
};
use kafka_protocol::protocol::{
    Decodable as _, HeaderVersion as _, Message, Request, StrBytes,
    encode_request_header_into_buffer,
};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// The keys that the projects of `run.sh` set, and their values there.
const MANAGED: [(&str, &str); 3] = [
    ("cleanup.policy", "delete"),
    ("max.message.bytes", "1000000"),
    ("retention.ms", "604800000"),
];

/// The key that `alter` sets.
const ALTERED: &str = "retention.ms";

/// How many topics the groups read, and how many partitions each has.
const TOPICS: usize = 100;
const PARTITIONS: i32 = 10;

/// The newest versions that name topics rather than give their ids.
const FETCH: i16 = 9;
const COMMIT: i16 = 9;

/// How many topics go into one request.
const CHUNK: usize = 1_000;

/// The code of topics where requests name resources.
const TOPIC: i8 = 2;

/// The pause between two looks for changes: Streamform's first one.
const PAUSE: Duration = Duration::from_millis(50);

/// How long changes may take until they can be seen.
const PATIENCE: Duration = Duration::from_mins(2);

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        [broker, "plan", prefix, count] => plan(&mut connect(broker)?, &names(prefix, count)?),
        [broker, "create", prefix, count] => create(&mut connect(broker)?, &names(prefix, count)?),
        [broker, "alter", prefix, count, value] => {
            alter(&mut connect(broker)?, &names(prefix, count)?, value)
        }
        [broker, "commit", prefix, count, topic] => {
            commit(&mut connect(broker)?, &names(prefix, count)?, topic)
        }
        [broker, "lag", prefix, count, topic] => {
            lag(&mut connect(broker)?, &names(prefix, count)?, topic)
        }
        _ => Err("usage: floor BROKER plan|create|alter|commit|lag PREFIX COUNT [VALUE]".into()),
    }
}

fn names(prefix: &str, count: &str) -> Result<Vec<StrBytes>> {
    let count: usize = count.parse()?;
    Ok((0..count)
        .map(|index| StrBytes::from_string(format!("{prefix}{index:05}")))
        .collect())
}

fn plan(broker: &mut Broker, names: &[StrBytes]) -> Result<()> {
    for chunk in names.chunks(CHUNK) {
        for topic in topics(broker, chunk)? {
            succeeded("Metadata", topic.error_code)?;
        }
    }
    for chunk in names.chunks(CHUNK) {
        configs(broker, chunk)?;
    }
    Ok(())
}

fn create(broker: &mut Broker, names: &[StrBytes]) -> Result<()> {
    for validate_only in [true, false] {
        for chunk in names.chunks(CHUNK) {
            let request = CreateTopicsRequest::default()
                .with_topics(chunk.iter().map(creatable).collect())
                .with_timeout_ms(60_000)
                .with_validate_only(validate_only);
            for topic in broker.call(&request)?.topics {
                succeeded("CreateTopics", topic.error_code)?;
            }
        }
    }
    for chunk in names.chunks(CHUNK) {
        eventually(|| Ok(topics(broker, chunk)?.iter().all(has_leaders)))?;
        configs(broker, chunk)?;
    }
    Ok(())
}

fn alter(broker: &mut Broker, names: &[StrBytes], value: &str) -> Result<()> {
    let value = StrBytes::from_string(value.to_owned());
    plan(broker, names)?;
    for validate_only in [true, false] {
        for chunk in names.chunks(CHUNK) {
            let resources = chunk.iter().map(|name| altered(name, &value));
            let request = IncrementalAlterConfigsRequest::default()
                .with_resources(resources.collect())
                .with_validate_only(validate_only);
            for topic in broker.call(&request)?.responses {
                succeeded("IncrementalAlterConfigs", topic.error_code)?;
            }
        }
    }
    for chunk in names.chunks(CHUNK) {
        eventually(|| {
            let read = configs(broker, chunk)?;
            Ok(read.iter().all(|topic| has_value(topic, &value)))
        })?;
    }
    Ok(())
}

fn commit(broker: &mut Broker, groups: &[StrBytes], topic: &str) -> Result<()> {
    let partitions = (0..PARTITIONS).map(|index| {
        OffsetCommitRequestPartition::default()
            .with_partition_index(index)
            .with_committed_offset(0)
    });
    let partitions: Vec<_> = partitions.collect();
    for (index, group) in groups.iter().enumerate() {
        let id = GroupId(group.clone());
        // The first question makes the topic that offsets are kept in.
        eventually(|| {
            let request = FindCoordinatorRequest::default()
                .with_key_type(0)
                .with_coordinator_keys(vec![group.clone()]);
            let answer = broker.exchange(&request, 4)?;
            Ok(answer
                .coordinators
                .iter()
                .all(|found| found.error_code == 0))
        })?;
        let committed = OffsetCommitRequestTopic::default()
            .with_name(read_topic(topic, index % TOPICS))
            .with_partitions(partitions.clone());
        let request = OffsetCommitRequest::default()
            .with_group_id(id)
            .with_topics(vec![committed]);
        eventually(|| {
            let answer = broker.exchange(&request, COMMIT)?;
            let mut parts = answer.topics.iter().flat_map(|topic| &topic.partitions);
            Ok(parts.all(|part| part.error_code == 0))
        })?;
    }
    Ok(())
}

fn read_topic(prefix: &str, index: usize) -> TopicName {
    TopicName(StrBytes::from_string(format!("{prefix}{index:02}")))
}

fn lag(broker: &mut Broker, groups: &[StrBytes], topic: &str) -> Result<()> {
    let listed = broker.call(&ListGroupsRequest::default())?;
    succeeded("ListGroups", listed.error_code)?;
    for chunk in groups.chunks(CHUNK) {
        let groups = chunk.iter().map(|group| {
            OffsetFetchRequestGroup::default()
                .with_group_id(GroupId(group.clone()))
                .with_topics(None)
        });
        let request = OffsetFetchRequest::default().with_groups(groups.collect());
        for group in broker.exchange(&request, FETCH)?.groups {
            succeeded("OffsetFetch", group.error_code)?;
        }
    }
    let names: Vec<TopicName> = (0..TOPICS).map(|index| read_topic(topic, index)).collect();
    let texts: Vec<StrBytes> = names.iter().map(|name| name.0.clone()).collect();
    for topic in topics(broker, &texts)? {
        succeeded("Metadata", topic.error_code)?;
    }
    let ends = names.into_iter().map(|name| {
        let partitions = (0..PARTITIONS).map(|index| {
            ListOffsetsPartition::default()
                .with_partition_index(index)
                .with_timestamp(-1)
        });
        ListOffsetsTopic::default()
            .with_name(name)
            .with_partitions(partitions.collect())
    });
    let request = ListOffsetsRequest::default()
        .with_replica_id(BrokerId(-1))
        .with_topics(ends.collect());
    let answer = broker.call(&request)?;
    for part in answer.topics.iter().flat_map(|topic| &topic.partitions) {
        succeeded("ListOffsets", part.error_code)?;
    }
    Ok(())
}

fn creatable(name: &StrBytes) -> CreatableTopic {
    let configs = MANAGED.map(|(key, value)| {
        CreatableTopicConfig::default()
            .with_name(StrBytes::from_static_str(key))
            .with_value(Some(StrBytes::from_static_str(value)))
    });
    CreatableTopic::default()
        .with_name(TopicName(name.clone()))
        .with_num_partitions(1)
        .with_replication_factor(1)
        .with_configs(configs.into())
}

fn altered(name: &StrBytes, value: &StrBytes) -> AlterConfigsResource {
    let config = AlterableConfig::default()
        .with_name(StrBytes::from_static_str(ALTERED))
        .with_value(Some(value.clone()));
    AlterConfigsResource::default()
        .with_resource_type(TOPIC)
        .with_resource_name(name.clone())
        .with_configs(vec![config])
}

fn topics(broker: &mut Broker, names: &[StrBytes]) -> Result<Vec<MetadataResponseTopic>> {
    let asked = names
        .iter()
        .map(|name| MetadataRequestTopic::default().with_name(Some(TopicName(name.clone()))));
    let request = MetadataRequest::default()
        .with_topics(Some(asked.collect()))
        .with_allow_auto_topic_creation(false);
    Ok(broker.call(&request)?.topics)
}

fn has_leaders(topic: &MetadataResponseTopic) -> bool {
    topic.error_code == 0 && topic.partitions.iter().all(|p| p.leader_id.0 >= 0)
}

fn configs(broker: &mut Broker, names: &[StrBytes]) -> Result<Vec<DescribeConfigsResult>> {
    let keys = MANAGED.map(|(key, _)| StrBytes::from_static_str(key));
    let resources = names.iter().map(|name| {
        DescribeConfigsResource::default()
            .with_resource_type(TOPIC)
            .with_resource_name(name.clone())
            .with_configuration_keys(Some(keys.to_vec()))
    });
    let request = DescribeConfigsRequest::default().with_resources(resources.collect());
    let results = broker.call(&request)?.results;
    for topic in &results {
        succeeded("DescribeConfigs", topic.error_code)?;
    }
    Ok(results)
}

fn has_value(topic: &DescribeConfigsResult, value: &StrBytes) -> bool {
    let mut configs = topic.configs.iter();
    configs.any(|config| &*config.name == ALTERED && config.value.as_ref() == Some(value))
}

fn succeeded(api: &str, code: i16) -> Result<()> {
    if code == 0 {
        Ok(())
    } else {
        Err(format!("{api}: the broker answered with error code {code}").into())
    }
}

fn eventually(mut done: impl FnMut() -> Result<bool>) -> Result<()> {
    let deadline = Instant::now() + PATIENCE;
    while !done()? {
        if Instant::now() > deadline {
            return Err("the changes cannot be seen in time".into());
        }
        sleep(PAUSE);
    }
    Ok(())
}

/// A connection, and the versions that the broker offers.
struct Broker {
    stream: TcpStream,
    offered: Vec<ApiVersion>,
    correlation: i32,
}

fn connect(address: &str) -> Result<Broker> {
    let stream = TcpStream::connect(address)?;
    stream.set_nodelay(true)?;
    let mut broker = Broker {
        stream,
        offered: Vec::new(),
        correlation: 0,
    };
    let request = ApiVersionsRequest::default()
        .with_client_software_name(StrBytes::from_static_str("floor"))
        .with_client_software_version(StrBytes::from_static_str("0"));
    let answer = broker.exchange(&request, 3)?;
    succeeded("ApiVersions", answer.error_code)?;
    broker.offered = answer.api_keys;
    Ok(broker)
}

impl Broker {
    /// Sends a request in the newest version that both sides know, and awaits its answer.
    fn call<R: Request>(&mut self, request: &R) -> Result<R::Response> {
        let api = self.offered.iter().find(|api| api.api_key == R::KEY);
        let newest = api.ok_or("the broker lacks a request")?.max_version;
        self.exchange(request, newest.min(<R as Message>::VERSIONS.max))
    }

    fn exchange<R: Request>(&mut self, request: &R, version: i16) -> Result<R::Response> {
        self.correlation += 1;
        let header = RequestHeader::default()
            .with_request_api_key(R::KEY)
            .with_request_api_version(version)
            .with_correlation_id(self.correlation)
            .with_client_id(Some(StrBytes::from_static_str("floor")));
        let mut frame = BytesMut::new();
        frame.put_i32(0);
        encode_request_header_into_buffer(&mut frame, &header)?;
        request.encode(&mut frame, version)?;
        let length = i32::try_from(frame.len() - 4)?;
        frame[..4].copy_from_slice(&length.to_be_bytes());
        self.stream.write_all(&frame)?;

        let mut length = [0; 4];
        self.stream.read_exact(&mut length)?;
        let mut answer = vec![0; usize::try_from(i32::from_be_bytes(length))?];
        self.stream.read_exact(&mut answer)?;
        let mut answer = Bytes::from(answer);
        let header = ResponseHeader::decode(&mut answer, R::Response::header_version(version))?;
        if header.correlation_id != self.correlation {
            return Err("an answer to another request".into());
        }
        Ok(R::Response::decode(&mut answer, version)?)
    }
}
