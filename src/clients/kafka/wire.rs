//! One request to bytes and one response from bytes, safe against hostile lengths. No I/O.
//!
//! The generated decoders reserve room for as many elements as an array claims to have, before they look
//! whether the answer can hold them; [`Guarded`] stands between so that a lie is an error.

use std::sync::Arc;
use std::time::Duration;

use bytes::{Buf, BufMut, Bytes, BytesMut, TryGetError};
use kafka_protocol::error::ResponseError;
use kafka_protocol::messages::{
    AlterPartitionReassignmentsRequest, AlterShareGroupOffsetsRequest, ApiKey,
    ConsumerGroupDescribeRequest, CreatePartitionsRequest, CreateTopicsRequest,
    DeleteGroupsRequest, DeleteRecordsRequest, DeleteTopicsRequest, DescribeClusterRequest,
    DescribeConfigsRequest, DescribeGroupsRequest, DescribeLogDirsRequest,
    DescribeShareGroupOffsetsRequest, FindCoordinatorRequest, IncrementalAlterConfigsRequest,
    ListGroupsRequest, ListOffsetsRequest, ListPartitionReassignmentsRequest, MetadataRequest,
    OffsetCommitRequest, OffsetDeleteRequest, OffsetFetchRequest, RequestHeader, ResponseHeader,
    ShareGroupDescribeRequest,
};
use kafka_protocol::protocol::buf::ByteBuf;
use kafka_protocol::protocol::{
    Decodable, HeaderVersion, Request, StrBytes, encode_request_header_into_buffer,
};

/// The largest answer that is read, in bytes: Kafka's own limit of requests (`socket.request.max.bytes`).
pub(super) const MAX_FRAME: usize = 100 * 1024 * 1024;

/// The largest 32-bit number that is believed in the encodings before KIP-482, where a number and the
/// length of an array look the same. Ids, epochs and delays are far below it.
const MAX_CLASSIC: i32 = 16 * 1024 * 1024;

/// Returns Kafka's name of a request: `CreateTopics`.
pub(super) fn api_name<R: Request>() -> &'static str {
    macro_rules! names {
        ($($key:ident),* $(,)?) => {
            match ApiKey::try_from(R::KEY) {
                $(Ok(ApiKey::$key) => stringify!($key),)*
                _ => "a request",
            }
        };
    }
    names!(
        AlterPartitionReassignments,
        AlterShareGroupOffsets,
        ApiVersions,
        ConsumerGroupDescribe,
        CreatePartitions,
        CreateTopics,
        DeleteGroups,
        DeleteRecords,
        DeleteTopics,
        DescribeCluster,
        DescribeConfigs,
        DescribeGroups,
        DescribeLogDirs,
        DescribeShareGroupOffsets,
        FindCoordinator,
        IncrementalAlterConfigs,
        ListGroups,
        ListOffsets,
        ListPartitionReassignments,
        Metadata,
        OffsetCommit,
        OffsetDelete,
        OffsetFetch,
        SaslAuthenticate,
        SaslHandshake,
        ShareGroupDescribe,
    )
}

/// Returns a text as the generated messages want it.
pub(super) fn text(text: &str) -> StrBytes {
    StrBytes::from_string(text.to_owned())
}

/// Returns a broker's text as a shared one that does not keep the whole answer alive.
pub(super) fn shared(text: &StrBytes) -> Arc<str> {
    Arc::from(text.as_str())
}

/// Returns a time-out as the protocol writes it: whole milliseconds.
pub(super) fn milliseconds(duration: Duration) -> i32 {
    i32::try_from(duration.as_millis()).unwrap_or(i32::MAX)
}

/// Returns a whole frame: length, header, body.
pub(super) fn encode<R: Request>(
    request: &R,
    version: i16,
    correlation: i32,
    client_id: &str,
) -> Result<Bytes, String> {
    let header = RequestHeader::default()
        .with_request_api_key(R::KEY)
        .with_request_api_version(version)
        .with_correlation_id(correlation)
        .with_client_id(Some(text(client_id)));
    let mut frame = BytesMut::with_capacity(256);
    frame.put_i32(0);
    encode_request_header_into_buffer(&mut frame, &header).map_err(|e| e.to_string())?;
    request
        .encode(&mut frame, version)
        .map_err(|e| e.to_string())?;
    let length = i32::try_from(frame.len() - 4).map_err(|_| "it is too large".to_owned())?;
    frame[..4].copy_from_slice(&length.to_be_bytes());
    Ok(frame.freeze())
}

/// Returns the response that a frame (without its length) holds.
pub(super) fn decode<R: Request>(frame: Bytes, version: i16) -> Result<R::Response, String> {
    let version = version_of_answer::<R>(&frame, version);
    let mut buffer = Guarded::new(frame, R::header_version(version) >= 2);
    ResponseHeader::decode(&mut buffer, R::Response::header_version(version))
        .and_then(|_| R::Response::decode(&mut buffer, version))
        .map_err(|error| error.to_string().trim().to_owned())
}

/// A broker that does not know our version of `ApiVersions` says so in version 0 (KIP-511).
fn version_of_answer<R: Request>(frame: &[u8], version: i16) -> i16 {
    let unsupported = ResponseError::UnsupportedVersion.code().to_be_bytes();
    if R::KEY == ApiKey::ApiVersions as i16 && frame.get(4..6) == Some(&unsupported) {
        0
    } else {
        version
    }
}

/// A request of an administrator.
pub(super) trait Call: Request<Response: Send> + Send + Sync + 'static {
    /// Returns how long to wait before the next request to the broker that answered so, in milliseconds
    /// (KIP-219).
    fn throttle_ms(answer: &Self::Response) -> i32;

    /// Returns the request as a version wants it, where that is not as it stands.
    fn in_version(&self, _version: i16) -> Option<Self> {
        None
    }
}

macro_rules! calls {
    ($($request:ident $({ $in_version:item })?),* $(,)?) => {
        $(
            impl Call for $request {
                fn throttle_ms(answer: &Self::Response) -> i32 {
                    answer.throttle_time_ms
                }

                $($in_version)?
            }
        )*
    };
}

calls!(
    AlterPartitionReassignmentsRequest,
    AlterShareGroupOffsetsRequest,
    ConsumerGroupDescribeRequest,
    CreatePartitionsRequest,
    CreateTopicsRequest,
    DeleteGroupsRequest,
    DeleteRecordsRequest,
    DeleteTopicsRequest {
        // Version 6 names topics in another field, and no version may carry both.
        fn in_version(&self, version: i16) -> Option<Self> {
            let names = self.topics.iter().filter_map(|topic| topic.name.clone());
            (version < 6).then(|| {
                Self::default()
                    .with_topic_names(names.collect())
                    .with_timeout_ms(self.timeout_ms)
            })
        }
    },
    DescribeClusterRequest,
    DescribeConfigsRequest,
    DescribeGroupsRequest,
    DescribeLogDirsRequest,
    DescribeShareGroupOffsetsRequest,
    FindCoordinatorRequest,
    IncrementalAlterConfigsRequest,
    ListGroupsRequest,
    ListOffsetsRequest,
    ListPartitionReassignmentsRequest,
    MetadataRequest,
    OffsetCommitRequest,
    OffsetDeleteRequest,
    OffsetFetchRequest,
    ShareGroupDescribeRequest,
);

/// A buffer that refuses lengths which the rest of it cannot hold.
///
/// In the flexible encoding (KIP-482) every length is an unsigned varint, read byte by byte, and nothing else
/// of that size is; so a varint above what remains is a lie. Before it lengths are plain 32-bit numbers, and
/// only implausible ones can be told.
struct Guarded {
    bytes: Bytes,
    flexible: bool,
    varint: u32,
    shift: u32,
}

impl Guarded {
    fn new(bytes: Bytes, flexible: bool) -> Self {
        Self {
            bytes,
            flexible,
            varint: 0,
            shift: 0,
        }
    }

    fn refuse(&self, requested: usize) -> TryGetError {
        TryGetError {
            requested,
            available: self.bytes.len(),
        }
    }
}

impl Buf for Guarded {
    fn remaining(&self) -> usize {
        self.bytes.remaining()
    }

    fn chunk(&self) -> &[u8] {
        self.bytes.chunk()
    }

    fn advance(&mut self, count: usize) {
        self.varint = 0;
        self.shift = 0;
        self.bytes.advance(count);
    }

    fn try_get_u8(&mut self) -> Result<u8, TryGetError> {
        let byte = self.bytes.try_get_u8()?;
        self.varint |= u32::from(byte & 0x7f) << self.shift;
        self.shift += 7;
        if byte < 0x80 || self.shift >= 35 {
            // Lengths are sent one too large, 0 being null.
            let length = self.varint.saturating_sub(1) as usize;
            self.varint = 0;
            let long = self.shift > 7;
            self.shift = 0;
            if self.flexible && long && length > self.bytes.len() {
                return Err(self.refuse(length));
            }
        }
        Ok(byte)
    }

    fn try_get_i32(&mut self) -> Result<i32, TryGetError> {
        self.varint = 0;
        self.shift = 0;
        let number = self.bytes.try_get_i32()?;
        if !self.flexible && number > MAX_CLASSIC {
            return Err(self.refuse(usize::try_from(number).unwrap_or(usize::MAX)));
        }
        Ok(number)
    }
}

impl ByteBuf for Guarded {
    fn peek_bytes(&mut self, range: std::ops::Range<usize>) -> Bytes {
        self.bytes.peek_bytes(range)
    }

    fn get_bytes(&mut self, size: usize) -> Bytes {
        self.varint = 0;
        self.shift = 0;
        self.bytes.get_bytes(size)
    }
}

#[cfg(test)]
mod tests {
    use kafka_protocol::messages::{ApiVersionsRequest, MetadataResponse, SaslHandshakeRequest};
    use kafka_protocol::protocol::Encodable as _;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_frame_begins_with_its_length() {
        let frame = encode(&ApiVersionsRequest::default(), 0, 7, "me").expect("encodes");
        let length = i32::try_from(frame.len() - 4).expect("it is short");
        assert_eq!(frame[..4], length.to_be_bytes());
        assert_eq!(frame[8..12], 7_i32.to_be_bytes());
    }

    #[test]
    fn an_array_that_claims_four_thousand_million_brokers_is_an_error() {
        // Correlation id, no tags, throttle time, and the longest varint there is.
        let mut frame = BytesMut::new();
        frame.put_slice(&[0, 0, 0, 1, 0, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0x0f]);
        let error = decode::<MetadataRequest>(frame.freeze(), 12).expect_err("a lie");
        assert!(error.contains("Not enough bytes"), "{error}");
    }

    #[test]
    fn the_classic_encoding_refuses_such_an_array_too() {
        let frame = Bytes::from_static(&[0, 0, 0, 1, 0, 0, 0x7f, 0xff, 0xff, 0xff]);
        assert!(decode::<SaslHandshakeRequest>(frame, 1).is_err());
    }

    #[test]
    fn what_was_written_is_read() {
        let response = MetadataResponse::default().with_cluster_id(Some(text(&"c".repeat(300))));
        let mut frame = BytesMut::new();
        frame.put_slice(&[0, 0, 0, 1, 0]);
        response.encode(&mut frame, 12).expect("encodes");
        assert_eq!(
            decode::<MetadataRequest>(frame.freeze(), 12).as_ref(),
            Ok(&response)
        );
    }

    proptest! {
        #[test]
        fn no_bytes_make_the_decoder_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200), version in 4_i16..=13) {
            drop(decode::<MetadataRequest>(Bytes::from(bytes), version));
        }
    }
}
