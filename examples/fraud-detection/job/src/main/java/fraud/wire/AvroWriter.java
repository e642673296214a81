package fraud.wire;

import java.io.ByteArrayOutputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.util.Map;
import org.apache.avro.Schema;
import org.apache.avro.generic.GenericData;
import org.apache.avro.generic.GenericDatumWriter;
import org.apache.avro.generic.GenericRecord;
import org.apache.avro.io.BinaryEncoder;
import org.apache.avro.io.EncoderFactory;

/** Writes Avro in Confluent's wire format, with a schema that the subject has already. */
public final class AvroWriter {
  private final Schema schema;
  private final int id;

  /** Asks the registry for the id of one of the project's schemas, under the topic's subject. */
  public AvroWriter(SchemaRegistry registry, String topic, String name) throws IOException {
    String text = SchemaRegistry.text(name);
    this.schema = new Schema.Parser().parse(text);
    this.id = registry.idOf(topic + "-value", text);
  }

  /** Writes a record of these fields; a field that is left out has its default. */
  public byte[] write(Map<String, ?> fields) throws IOException {
    GenericRecord record = new GenericData.Record(schema);
    for (Schema.Field field : schema.getFields()) {
      Object value = fields.get(field.name());
      if (value == null) {
        value = field.hasDefaultValue() ? GenericData.get().getDefaultValue(field) : null;
      } else if (field.schema().getType() == Schema.Type.ENUM) {
        value = new GenericData.EnumSymbol(field.schema(), value);
      }
      record.put(field.pos(), value);
    }
    var bytes = new ByteArrayOutputStream();
    var head = new DataOutputStream(bytes);
    head.writeByte(0);
    head.writeInt(id);
    BinaryEncoder encoder = EncoderFactory.get().directBinaryEncoder(bytes, null);
    new GenericDatumWriter<GenericRecord>(schema).write(record, encoder);
    return bytes.toByteArray();
  }
}
