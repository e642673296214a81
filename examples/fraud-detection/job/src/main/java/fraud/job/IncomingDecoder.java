package fraud.job;

import fraud.wire.AvroReader;
import fraud.wire.Events;
import fraud.wire.MalformedException;
import fraud.wire.SchemaRegistry;
import java.io.IOException;
import java.util.HashMap;
import java.util.Map;
import org.apache.flink.api.common.serialization.DeserializationSchema;
import org.apache.flink.api.common.typeinfo.TypeInformation;
import org.apache.flink.connector.kafka.source.reader.deserializer.KafkaRecordDeserializationSchema;
import org.apache.flink.util.Collector;
import org.apache.kafka.clients.consumer.ConsumerRecord;

/**
 * Turns the records of the three input topics into events. A record that is malformed does not stop the
 * job; a registry that does not answer does, and Flink starts it again.
 */
final class IncomingDecoder implements KafkaRecordDeserializationSchema<Incoming> {
  private final String registryUrl;
  private final Map<String, Events> kinds;

  private transient Map<String, AvroReader> readers;

  /** Takes what each topic, by name, holds. */
  IncomingDecoder(String registryUrl, Map<String, Events> kinds) {
    this.registryUrl = registryUrl;
    this.kinds = kinds;
  }

  @Override
  public void open(DeserializationSchema.InitializationContext context) {
    SchemaRegistry registry = new SchemaRegistry(registryUrl);
    readers = new HashMap<>();
    kinds.forEach((topic, kind) -> readers.put(topic, new AvroReader(registry, kind.readerSchema())));
  }

  @Override
  public void deserialize(ConsumerRecord<byte[], byte[]> record, Collector<Incoming> out)
      throws IOException {
    out.collect(decode(record));
  }

  private Incoming decode(ConsumerRecord<byte[], byte[]> record) throws IOException {
    if (record.value() == null) {
      return Incoming.heartbeat(record.timestamp());
    }
    try {
      var value = readers.get(record.topic()).read(record.value());
      return Incoming.of(kinds.get(record.topic()).read(value));
    } catch (MalformedException e) {
      return Incoming.of(
          new Incoming.Rejected(
              record.topic(),
              record.partition(),
              record.offset(),
              record.key(),
              record.value(),
              e.getMessage()));
    }
  }

  @Override
  public TypeInformation<Incoming> getProducedType() {
    return TypeInformation.of(Incoming.class);
  }
}
