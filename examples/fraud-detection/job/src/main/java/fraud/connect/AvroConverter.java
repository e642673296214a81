package fraud.connect;

import com.fasterxml.jackson.databind.ObjectMapper;
import fraud.wire.AvroReader;
import fraud.wire.MalformedException;
import fraud.wire.SchemaRegistry;
import java.io.IOException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.apache.avro.generic.GenericRecord;
import org.apache.avro.util.Utf8;
import org.apache.kafka.connect.data.Schema;
import org.apache.kafka.connect.data.SchemaAndValue;
import org.apache.kafka.connect.errors.DataException;
import org.apache.kafka.connect.errors.RetriableException;
import org.apache.kafka.connect.storage.Converter;

/**
 * Gives sink connectors records that are Avro in Confluent's wire format.
 *
 * <p>{@code schema.registry.url} says where the schemas are. {@code output = "json"} gives each record as a
 * line of JSON, for connectors that write text; {@code "map"} as a map, for transformations.
 */
public final class AvroConverter implements Converter {
  private static final ObjectMapper JSON = new ObjectMapper();

  private AvroReader reader;
  private boolean json;

  @Override
  public void configure(Map<String, ?> settings, boolean isKey) {
    reader = new AvroReader(new SchemaRegistry(text(settings, "schema.registry.url")));
    json =
        switch (text(settings, "output")) {
          case "json" -> true;
          case "map" -> false;
          default -> throw new DataException("output is json or map");
        };
  }

  @Override
  public SchemaAndValue toConnectData(String topic, byte[] value) {
    if (value == null) {
      return SchemaAndValue.NULL;
    }
    try {
      Object fields = plain(reader.read(value));
      return new SchemaAndValue(null, json ? JSON.writeValueAsString(fields) : fields);
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

  private static String text(Map<String, ?> settings, String name) {
    Object value = settings.get(name);
    if (value == null) {
      throw new DataException("the converter's setting " + name + " is missing");
    }
    return value.toString();
  }
}
