package fraud.job;

import fraud.wire.AvroWriter;
import fraud.wire.SchemaRegistry;
import java.io.IOException;
import java.io.Serializable;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import org.apache.flink.api.common.serialization.SerializationSchema;
import org.apache.flink.connector.kafka.sink.KafkaRecordSerializationSchema;
import org.apache.kafka.clients.producer.ProducerRecord;

/** Writes what the job says to a topic, keyed by customer, as one of the project's Avro schemas. */
abstract class Outgoing<T> implements KafkaRecordSerializationSchema<T> {
  private final String registryUrl;
  private final String topic;
  private final String schema;

  private transient AvroWriter writer;

  private Outgoing(String registryUrl, String topic, String schema) {
    this.registryUrl = registryUrl;
    this.topic = topic;
    this.schema = schema;
  }

  abstract String customer(T value);

  abstract Map<String, ?> fields(T value);

  /** Adds headers, which readers see without reading the value. */
  void mark(T value, ProducerRecord<byte[], byte[]> record) {}

  @Override
  public void open(SerializationSchema.InitializationContext context, KafkaSinkContext sink)
      throws IOException {
    writer = new AvroWriter(new SchemaRegistry(registryUrl), topic, schema);
  }

  @Override
  public ProducerRecord<byte[], byte[]> serialize(T value, KafkaSinkContext sink, Long timestamp) {
    try {
      byte[] key = customer(value).getBytes(StandardCharsets.UTF_8);
      var record = new ProducerRecord<>(topic, key, writer.write(fields(value)));
      mark(value, record);
      return record;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Writes alerts; the urgent ones have a header of that name. */
  static final class Alerts extends Outgoing<Alert> {
    Alerts(String registryUrl, String topic) {
      super(registryUrl, topic, "alert");
    }

    @Override
    String customer(Alert alert) {
      return alert.customer();
    }

    @Override
    Map<String, ?> fields(Alert alert) {
      return Map.of(
          "transaction_id", alert.transaction(),
          "customer_id", alert.customer(),
          "score", alert.score(),
          "model", alert.model(),
          "amount_cents", alert.amountCents(),
          "payments", alert.payments(),
          "summary", alert.summary(),
          "at", alert.at());
    }

    @Override
    void mark(Alert alert, ProducerRecord<byte[], byte[]> record) {
      if (alert.urgent()) {
        record.headers().add("urgent", new byte[0]);
      }
    }
  }

  /** Writes profiles. */
  static final class Profiles extends Outgoing<Profile> {
    Profiles(String registryUrl, String topic) {
      super(registryUrl, topic, "customer-profile");
    }

    @Override
    String customer(Profile profile) {
      return profile.customer();
    }

    @Override
    Map<String, ?> fields(Profile profile) {
      return Map.of(
          "customer_id", profile.customer(),
          "payments", profile.payments(),
          "total_cents", profile.totalCents(),
          "alerts", profile.alerts(),
          "at", profile.at());
    }
  }

  /** Puts a malformed record aside as it was; headers say whence it came, and what is wrong with it. */
  record DeadLetters(Map<String, String> deadLetterTopics)
      implements KafkaRecordSerializationSchema<Incoming>, Serializable {
    @Override
    public ProducerRecord<byte[], byte[]> serialize(
        Incoming incoming, KafkaSinkContext sink, Long timestamp) {
      Incoming.Rejected rejected = incoming.rejected();
      var record =
          new ProducerRecord<>(
              deadLetterTopics.get(rejected.topic()), rejected.key(), rejected.value());
      Map.of(
              "dead-letter.topic", rejected.topic(),
              "dead-letter.partition", Integer.toString(rejected.partition()),
              "dead-letter.offset", Long.toString(rejected.offset()),
              "dead-letter.reason", rejected.why())
          .forEach((name, value) -> record.headers().add(name, value.getBytes(StandardCharsets.UTF_8)));
      return record;
    }
  }
}
