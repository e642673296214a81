package fraud.tools;

import fraud.wire.AvroReader;
import fraud.wire.MalformedException;
import fraud.wire.SchemaRegistry;
import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.apache.avro.generic.GenericRecord;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;

/**
 * Reads the customers' profiles, as the job counts them, until they are what {@link Scenario} says: each
 * customer's number of payments and their sum. Fails if they are not in time.
 *
 * <pre>Counts --bootstrap HOST:PORT --registry URL --hours N --within SECONDS</pre>
 */
public final class Counts {
  private static final String TOPIC = "fraud.customer-profiles";

  public static void main(String[] args) throws Exception {
    Options options = Options.of(args);
    int hours = Integer.parseInt(options.get("hours"));
    Map<String, String> wanted = texts(Scenario.totals(hours, 0));
    Map<String, String> found =
        read(options, wanted, Duration.ofSeconds(Long.parseLong(options.get("within"))));
    if (!found.equals(wanted)) {
      wanted.forEach(
          (customer, text) -> {
            if (!text.equals(found.get(customer))) {
              System.err.println(customer + ": " + found.get(customer) + " instead of " + text);
            }
          });
      found.keySet().stream()
          .filter(customer -> !wanted.containsKey(customer))
          .forEach(customer -> System.err.println(customer + ": nobody knows this customer"));
      System.exit(1);
    }
    long payments = Scenario.totals(hours, 0).values().stream().mapToLong(total -> total[0]).sum();
    System.out.printf(
        "%d customers, %d payments: each customer's count and sum is right%n", wanted.size(), payments);
  }

  private static Map<String, String> read(Options options, Map<String, String> wanted, Duration within)
      throws IOException, MalformedException {
    AvroReader reader = new AvroReader(new SchemaRegistry(options.get("registry")));
    Map<String, Object> settings =
        Map.of(
            ConsumerConfig.BOOTSTRAP_SERVERS_CONFIG, options.get("bootstrap"),
            ConsumerConfig.AUTO_OFFSET_RESET_CONFIG, "earliest");
    Map<String, String> found = new TreeMap<>();
    long end = System.nanoTime() + within.toNanos();
    try (var consumer =
        new KafkaConsumer<>(settings, new ByteArrayDeserializer(), new ByteArrayDeserializer())) {
      List<TopicPartition> partitions =
          consumer.partitionsFor(TOPIC).stream()
              .map(info -> new TopicPartition(TOPIC, info.partition()))
              .toList();
      if (partitions.isEmpty()) {
        throw new IllegalStateException("there is no topic " + TOPIC);
      }
      consumer.assign(partitions);
      while (!found.equals(wanted) && System.nanoTime() < end) {
        for (ConsumerRecord<byte[], byte[]> record : consumer.poll(Duration.ofMillis(500))) {
          GenericRecord profile = reader.read(record.value());
          found.put(
              profile.get("customer_id").toString(),
              text((Long) profile.get("payments"), (Long) profile.get("total_cents")));
        }
      }
    }
    return found;
  }

  private static Map<String, String> texts(Map<String, long[]> totals) {
    Map<String, String> texts = new TreeMap<>();
    totals.forEach((customer, total) -> texts.put(customer, text(total[0], total[1])));
    return texts;
  }

  private static String text(long payments, long cents) {
    return payments + " payments of " + cents + " cents";
  }
}
