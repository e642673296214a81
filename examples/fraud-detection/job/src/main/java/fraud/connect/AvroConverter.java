package fraud.connect;

import com.fasterxml.jackson.databind.ObjectMapper;
import fraud.wire.AvroReader;
import fraud.wire.MalformedException;
import fraud.wire.SchemaRegistry;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Date;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.apache.avro.LogicalTypes;
import org.apache.avro.generic.GenericRecord;
import org.apache.avro.util.Utf8;
import org.apache.kafka.connect.data.Schema;
import org.apache.kafka.connect.data.SchemaAndValue;
import org.apache.kafka.connect.data.SchemaBuilder;
import org.apache.kafka.connect.data.Struct;
import org.apache.kafka.connect.data.Timestamp;
import org.apache.kafka.connect.errors.DataException;
import org.apache.kafka.connect.errors.RetriableException;
import org.apache.kafka.connect.storage.Converter;

/**
 * Gives sink connectors records that are Avro in Confluent's wire format.
 *
 * <p>{@code schema.registry.url} says where the schemas are. {@code output = "json"} gives each record as a
 * line of JSON, for connectors that write text; {@code "map"} as a map, for transformations; {@code "struct"} with
 * its schema, for connectors that write tables.
 */
public final class AvroConverter implements Converter {
  private static final ObjectMapper JSON = new ObjectMapper();

  private AvroReader reader;
  private Output output;

  private enum Output {
    JSON,
    MAP,
    STRUCT
  }

  @Override
  public void configure(Map<String, ?> settings, boolean isKey) {
    reader = new AvroReader(new SchemaRegistry(text(settings, "schema.registry.url")));
    output =
        switch (text(settings, "output")) {
          case "json" -> Output.JSON;
          case "map" -> Output.MAP;
          case "struct" -> Output.STRUCT;
          default -> throw new DataException("output is json, map or struct");
        };
  }

  @Override
  public SchemaAndValue toConnectData(String topic, byte[] value) {
    if (value == null) {
      return SchemaAndValue.NULL;
    }
    try {
      GenericRecord record = reader.read(value);
      return switch (output) {
        case JSON -> new SchemaAndValue(null, JSON.writeValueAsString(plain(record)));
        case MAP -> new SchemaAndValue(null, plain(record));
        case STRUCT -> struct(record);
      };
    } catch (MalformedException e) {
      throw new DataException(topic + ": " + e.getMessage(), e);
    } catch (IOException e) {
      throw new RetriableException("the schema registry does not answer", e);
    }
  }

  @Override
  public byte[] fromConnectData(String topic, Schema schema, Object value) {
    throw new DataException("this converter only reads");
  }

  private static Object plain(Object value) {
    if (value instanceof GenericRecord record) {
      Map<String, Object> fields = new LinkedHashMap<>();
      record.getSchema().getFields().forEach(f -> fields.put(f.name(), plain(record.get(f.pos()))));
      return fields;
    }
    if (value instanceof List<?> list) {
      List<Object> items = new ArrayList<>();
      list.forEach(item -> items.add(plain(item)));
      return items;
    }
    return value instanceof Utf8 ? value.toString() : value;
  }

  private static SchemaAndValue struct(GenericRecord record) {
    SchemaBuilder columns = SchemaBuilder.struct().name(record.getSchema().getFullName());
    record.getSchema().getFields().forEach(f -> columns.field(f.name(), column(f.schema())));
    Schema schema = columns.build();
    Struct row = new Struct(schema);
    for (var field : schema.fields()) {
      Object value = plain(record.get(field.name()));
      boolean isTime = Timestamp.LOGICAL_NAME.equals(field.schema().name());
      row.put(field, isTime ? new Date((Long) value) : value);
    }
    return new SchemaAndValue(schema, row);
  }

  /** Every column may be empty: a table has rows of before a column was added. */
  private static Schema column(org.apache.avro.Schema avro) {
    if (avro.getLogicalType() instanceof LogicalTypes.TimestampMillis) {
      return Timestamp.builder().optional().build();
    }
    return switch (avro.getType()) {
      case STRING -> Schema.OPTIONAL_STRING_SCHEMA;
      case LONG -> Schema.OPTIONAL_INT64_SCHEMA;
      case DOUBLE -> Schema.OPTIONAL_FLOAT64_SCHEMA;
      case ARRAY -> SchemaBuilder.array(column(avro.getElementType())).optional().build();
      default -> throw new DataException("no column holds " + avro.getType());
    };
  }

  private static String text(Map<String, ?> settings, String name) {
    Object value = settings.get(name);
    if (value == null) {
      throw new DataException("the converter's setting " + name + " is missing");
    }
    return value.toString();
  }
}
