package fraud.wire;

import java.io.IOException;
import java.nio.ByteBuffer;
import org.apache.avro.AvroRuntimeException;
import org.apache.avro.Schema;
import org.apache.avro.generic.GenericDatumReader;
import org.apache.avro.generic.GenericRecord;
import org.apache.avro.io.BinaryDecoder;
import org.apache.avro.io.DecoderFactory;

/**
 * Reads Avro in Confluent's wire format: a zero byte, the schema's id in four bytes, the value.
 *
 * @see <a href="https://docs.confluent.io/platform/current/schema-registry/fundamentals/serdes-develop/index.html#wire-format">The
 *     wire format</a>
 */
public final class AvroReader {
  private static final int HEAD = 5;

  private final SchemaRegistry registry;
  private final Schema wanted;

  /** Reads records as they were written. */
  public AvroReader(SchemaRegistry registry) {
    this(registry, null);
  }

  /** Reads records as the given schema says, by Avro's rules of resolution. */
  public AvroReader(SchemaRegistry registry, Schema wanted) {
    this.registry = registry;
    this.wanted = wanted;
  }

  public GenericRecord read(byte[] bytes) throws MalformedException, IOException {
    if (bytes.length < HEAD || bytes[0] != 0) {
      throw new MalformedException("not in the registry's wire format");
    }
    int id = ByteBuffer.wrap(bytes, 1, 4).getInt();
    Schema written = registry.byId(id);
    if (written == null) {
      throw new MalformedException("written with schema " + id + ", which the registry does not have");
    }
    var datum = new GenericDatumReader<GenericRecord>(written, wanted == null ? written : wanted);
    BinaryDecoder decoder = DecoderFactory.get().binaryDecoder(bytes, HEAD, bytes.length - HEAD, null);
    try {
      GenericRecord record = datum.read(null, decoder);
      if (!decoder.isEnd()) {
        throw new MalformedException("there are bytes after the end of the value");
      }
      return record;
    } catch (IOException | AvroRuntimeException e) {
      throw new MalformedException("not a value of schema " + id, e);
    }
  }
}
