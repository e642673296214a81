package streamform.tests;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.Properties;

import org.apache.flink.api.common.eventtime.WatermarkStrategy;
import org.apache.flink.api.common.functions.OpenContext;
import org.apache.flink.api.common.functions.RichMapFunction;
import org.apache.flink.api.common.serialization.SimpleStringSchema;
import org.apache.flink.api.common.state.ValueState;
import org.apache.flink.api.common.state.ValueStateDescriptor;
import org.apache.flink.api.common.typeinfo.Types;
import org.apache.flink.connector.base.DeliveryGuarantee;
import org.apache.flink.connector.kafka.sink.KafkaRecordSerializationSchema;
import org.apache.flink.connector.kafka.sink.KafkaSink;
import org.apache.flink.connector.kafka.source.KafkaSource;
import org.apache.flink.connector.kafka.source.enumerator.initializer.OffsetsInitializer;
import org.apache.flink.streaming.api.datastream.SingleOutputStreamOperator;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.util.ParameterTool;

/**
 * Counts the records of a topic by their value, and writes "value count version" for each of them: of n
 * equal values exactly the counts 1 to n, whatever happened to the job in between.
 *
 * <p>Arguments: --bootstrap, --in, --out, and optionally --group and --name (both "counter"), --delivery
 * (exactly-once, or at-least-once for a sink without transactions).
 *
 * <p>The jar's resource "version" tells the versions apart: v1; v2 with one operator more; v3 whose
 * stateful operator has another uid, so that the old state finds no place; failing, which never gets to
 * its first record.
 */
public final class CounterJob {
    public static void main(String[] args) throws Exception {
        ParameterTool options = ParameterTool.fromArgs(args);
        String version = version();
        String bootstrap = options.getRequired("bootstrap");
        String name = options.get("name", "counter");
        StreamExecutionEnvironment flink = StreamExecutionEnvironment.getExecutionEnvironment();
        flink.getConfig().setGlobalJobParameters(options);

        KafkaSource<String> source = KafkaSource.<String>builder()
            .setBootstrapServers(bootstrap)
            .setTopics(options.getRequired("in"))
            .setGroupId(options.get("group", "counter"))
            .setStartingOffsets(OffsetsInitializer.earliest())
            .setValueOnlyDeserializer(new SimpleStringSchema())
            .build();
        SingleOutputStreamOperator<String> counts = flink
            .fromSource(source, WatermarkStrategy.noWatermarks(), "records").uid("records")
            .keyBy(value -> value)
            .map(new Count(version)).uid(version.equals("v3") ? "count-renamed" : "count").name("count");
        if (version.equals("v2")) {
            counts = counts.filter(line -> true).uid("check").name("check");
        }
        counts.sinkTo(sink(options, bootstrap, name)).uid("counts").name("counts");
        flink.execute(name);
    }

    private static KafkaSink<String> sink(ParameterTool options, String bootstrap, String name) {
        Properties producer = new Properties();
        // Longer than a job is ever away, and below what a broker allows (15 minutes).
        producer.setProperty("transaction.timeout.ms", "600000");
        boolean exactly = options.get("delivery", "exactly-once").equals("exactly-once");
        return KafkaSink.<String>builder()
            .setBootstrapServers(bootstrap)
            .setKafkaProducerConfig(producer)
            .setDeliveryGuarantee(exactly ? DeliveryGuarantee.EXACTLY_ONCE : DeliveryGuarantee.AT_LEAST_ONCE)
            .setTransactionalIdPrefix(name + "-" + options.getRequired("out"))
            .setRecordSerializer(KafkaRecordSerializationSchema.<String>builder()
                .setTopic(options.getRequired("out"))
                .setValueSerializationSchema(new SimpleStringSchema())
                .build())
            .build();
    }

    private static String version() throws IOException {
        try (InputStream resource = CounterJob.class.getResourceAsStream("/version")) {
            return new String(resource.readAllBytes(), StandardCharsets.UTF_8).strip();
        }
    }

    private static final class Count extends RichMapFunction<String, String> {
        private final String version;
        private transient ValueState<Long> count;

        Count(String version) {
            this.version = version;
        }

        @Override
        public void open(OpenContext context) {
            if (version.equals("failing")) {
                throw new IllegalStateException("this version of the job fails");
            }
            count = getRuntimeContext().getState(new ValueStateDescriptor<>("count", Types.LONG));
        }

        @Override
        public String map(String value) throws IOException {
            long next = (count.value() == null ? 0 : count.value()) + 1;
            count.update(next);
            return value + " " + next + " " + version;
        }
    }
}
