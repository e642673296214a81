package fraud.tools;

import fraud.scoring.Event;
import fraud.wire.AvroWriter;
import fraud.wire.Events;
import fraud.wire.SchemaRegistry;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Future;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.common.serialization.ByteArraySerializer;

/**
 * Writes an hour of {@link Scenario} to Kafka, and a few records that are not what they should be.
 *
 * <pre>Generate --bootstrap HOST:PORT --registry URL --start SECONDS --hour 1|2|3</pre>
 *
 * The day starts at --start, in seconds since 1970. At the end of the hour each partition gets a heartbeat,
 * a record without key and value, which says that nothing older is still to come: otherwise the job would
 * wait for it.
 */
public final class Generate {
  private static final Map<Events, String> TOPICS =
      Map.of(
          Events.TRANSACTION, "fraud.transactions",
          Events.PAGE_VIEW, "fraud.clickstream",
          Events.USER_EVENT, "fraud.user-events");

  private final KafkaProducer<byte[], byte[]> producer;
  private final Map<Events, AvroWriter> writers = new EnumMap<>(Events.class);
  private final List<Future<RecordMetadata>> sent = new ArrayList<>();

  private Generate(KafkaProducer<byte[], byte[]> producer, SchemaRegistry registry) throws IOException {
    this.producer = producer;
    for (Events kind : Events.values()) {
      writers.put(kind, new AvroWriter(registry, TOPICS.get(kind), kind.schema));
    }
  }

  public static void main(String[] args) throws Exception {
    Options options = Options.of(args);
    int hour = Integer.parseInt(options.get("hour"));
    long start = Instant.ofEpochSecond(Long.parseLong(options.get("start"))).toEpochMilli();
    Map<String, Object> settings =
        Map.of(
            ProducerConfig.BOOTSTRAP_SERVERS_CONFIG, options.get("bootstrap"),
            ProducerConfig.LINGER_MS_CONFIG, 20);
    try (var producer =
        new KafkaProducer<>(settings, new ByteArraySerializer(), new ByteArraySerializer())) {
      var generate = new Generate(producer, new SchemaRegistry(options.get("registry")));
      List<Event> events = Scenario.hour(hour, start);
      for (Event event : events) {
        generate.write(event);
      }
      int malformed = generate.malformed(hour);
      generate.heartbeats(start + hour * 60 * Customer.MINUTE);
      generate.await();
      long payments = events.stream().filter(e -> e.kind() == Event.Kind.PAYMENT).count();
      System.out.printf(
          "hour %d: %d payments, %d other events, %d malformed records%n",
          hour, payments, events.size() - payments, malformed);
    }
  }

  private void write(Event event) throws IOException {
    Events kind = Events.of(event);
    byte[] key = bytes(event.customer());
    send(new ProducerRecord<>(TOPICS.get(kind), key, writers.get(kind).write(Events.fields(event))));
  }

  /** Writes what belongs into the dead-letter topics; returns how many. */
  private int malformed(int hour) throws IOException {
    if (hour == 1) {
      byte[] unknownSchema = ByteBuffer.allocate(6).put((byte) 0).putInt(999_999).put((byte) 1).array();
      byte[] negative =
          writers
              .get(Events.TRANSACTION)
              .write(Events.fields(Event.payment("c-001", 0, "c-001-bad", -100, "DE", "none")));
      send(new ProducerRecord<>("fraud.transactions", bytes("c-001"), bytes("{\"amount\": 12}")));
      send(new ProducerRecord<>("fraud.transactions", bytes("c-001"), negative));
      send(new ProducerRecord<>("fraud.clickstream", bytes("c-002"), unknownSchema));
      return 3;
    }
    if (hour == 2) {
      send(new ProducerRecord<>("fraud.user-events", bytes("c-003"), bytes("hello")));
      return 1;
    }
    return 0;
  }

  private void heartbeats(long at) {
    for (String topic : TOPICS.values()) {
      for (var partition : producer.partitionsFor(topic)) {
        send(new ProducerRecord<byte[], byte[]>(
                topic, partition.partition(), (Long) at, null, null));
      }
    }
  }

  private void send(ProducerRecord<byte[], byte[]> record) {
    sent.add(producer.send(record));
  }

  private void await() throws InterruptedException, ExecutionException {
    for (Future<RecordMetadata> each : sent) {
      each.get();
    }
  }

  private static byte[] bytes(String text) {
    return text.getBytes(StandardCharsets.UTF_8);
  }
}
