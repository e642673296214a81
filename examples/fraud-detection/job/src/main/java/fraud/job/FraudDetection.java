package fraud.job;

import fraud.wire.Events;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.apache.flink.api.common.eventtime.WatermarkStrategy;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.configuration.PipelineOptions;
import org.apache.flink.connector.base.DeliveryGuarantee;
import org.apache.flink.connector.kafka.sink.KafkaRecordSerializationSchema;
import org.apache.flink.connector.kafka.sink.KafkaSink;
import org.apache.flink.connector.kafka.source.KafkaSource;
import org.apache.flink.connector.kafka.source.enumerator.initializer.OffsetsInitializer;
import org.apache.flink.streaming.api.datastream.SingleOutputStreamOperator;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.util.ParameterTool;
import org.apache.kafka.clients.consumer.OffsetResetStrategy;

/**
 * The job: events of three topics, by customer, in the order in which they happened → alerts and profiles.
 *
 * <p>Every operator has a uid of its own. By it Flink finds the operator's state in a savepoint, so a later
 * version may add operators and change what they do, and still goes on where this one stopped.
 */
public final class FraudDetection {
  private final ParameterTool args;
  private final StreamExecutionEnvironment env;

  private FraudDetection(ParameterTool args, StreamExecutionEnvironment env) {
    this.args = args;
    this.env = env;
  }

  public static void main(String[] arguments) throws Exception {
    Configuration settings = new Configuration();
    // What Flink cannot store field by field is an error now, not a surprise at the next version.
    settings.set(PipelineOptions.GENERIC_TYPES, false);
    var env = StreamExecutionEnvironment.getExecutionEnvironment(settings);
    new FraudDetection(ParameterTool.fromArgs(arguments), env).build();
    env.execute("fraud-detection");
  }

  private void build() {
    SingleOutputStreamOperator<Incoming> incoming =
        env.fromSource(source(), watermarks(), "events").uid("events");
    incoming
        .filter(record -> record.rejected() != null)
        .uid("malformed")
        .name("malformed")
        .sinkTo(sink(new Outgoing.DeadLetters(deadLetterTopics())))
        .uid("dead-letters")
        .name("dead-letters");
    SingleOutputStreamOperator<Profile> profiles =
        incoming
            .filter(record -> record.event() != null)
            .uid("well-formed")
            .name("well-formed")
            .map(Incoming::event)
            .uid("event")
            .name("event")
            .keyBy(event -> event.customer())
            .process(new Detect())
            .uid("detect")
            .name("detect");
    profiles
        .sinkTo(sink(new Outgoing.Profiles(registry(), args.getRequired("profiles"))))
        .uid("profiles")
        .name("profiles");
    profiles
        .getSideOutput(Detect.ALERTS)
        .sinkTo(sink(new Outgoing.Alerts(registry(), args.getRequired("alerts"))))
        .uid("alerts")
        .name("alerts");
  }

  private KafkaSource<Incoming> source() {
    Map<String, Events> kinds = inputs();
    return KafkaSource.<Incoming>builder()
        .setBootstrapServers(args.getRequired("bootstrap"))
        .setGroupId(args.getRequired("group"))
        .setTopics(List.copyOf(kinds.keySet()))
        .setStartingOffsets(OffsetsInitializer.committedOffsets(OffsetResetStrategy.EARLIEST))
        .setDeserializer(new IncomingDecoder(registry(), kinds))
        .build();
  }

  /** A topic that is silent for long holds nobody up; until then the slowest decides what time it is. */
  private WatermarkStrategy<Incoming> watermarks() {
    return WatermarkStrategy.<Incoming>forBoundedOutOfOrderness(Duration.ofSeconds(5))
        .withTimestampAssigner((record, ignored) -> record.at())
        .withIdleness(Duration.parse(args.get("idle-after", "PT10M")));
  }

  /**
   * At least once: after a failure an alert may be written again, with the same transaction id. The job's
   * own counts are exact.
   */
  private <T> KafkaSink<T> sink(KafkaRecordSerializationSchema<T> records) {
    return KafkaSink.<T>builder()
        .setBootstrapServers(args.getRequired("bootstrap"))
        .setDeliveryGuarantee(DeliveryGuarantee.AT_LEAST_ONCE)
        .setRecordSerializer(records)
        .build();
  }

  private Map<String, Events> inputs() {
    Map<String, Events> kinds = new LinkedHashMap<>();
    kinds.put(args.getRequired("transactions"), Events.TRANSACTION);
    kinds.put(args.getRequired("clickstream"), Events.PAGE_VIEW);
    kinds.put(args.getRequired("user-events"), Events.USER_EVENT);
    return kinds;
  }

  private Map<String, String> deadLetterTopics() {
    Map<String, String> topics = new LinkedHashMap<>();
    for (String input : List.of("transactions", "clickstream", "user-events")) {
      topics.put(args.getRequired(input), args.getRequired(input + "-dead-letters"));
    }
    return topics;
  }

  private String registry() {
    return args.getRequired("registry");
  }
}
