package fraud.wire;

import fraud.scoring.Event;
import java.util.HashMap;
import java.util.Map;
import org.apache.avro.Schema;
import org.apache.avro.generic.GenericRecord;

/** What the records of the three topics say, and how the generator says it. */
public enum Events {
  TRANSACTION("transaction") {
    @Override
    public Event read(GenericRecord record) throws MalformedException {
      long amount = (Long) record.get("amount_cents");
      if (amount <= 0) {
        throw new MalformedException("a payment of " + amount + " cents");
      }
      return Event.payment(
          text(record, "customer_id"),
          at(record),
          text(record, "transaction_id"),
          amount,
          text(record, "country"),
          text(record, "device_id"));
    }
  },
  PAGE_VIEW("page-view") {
    @Override
    public Event read(GenericRecord record) throws MalformedException {
      return Event.pageView(text(record, "customer_id"), at(record), text(record, "device_id"));
    }
  },
  USER_EVENT("user-event") {
    @Override
    public Event read(GenericRecord record) throws MalformedException {
      String customer = text(record, "customer_id");
      return switch (text(record, "kind")) {
        case "OPENED" -> Event.opened(
            customer, at(record), text(record, "country"), text(record, "device_id"));
        case "MOVED" -> Event.moved(customer, at(record), text(record, "country"));
        case "DEVICE_ADDED" -> Event.deviceAdded(customer, at(record), text(record, "device_id"));
        default -> throw new MalformedException("a kind that nobody knows");
      };
    }
  };

  /** The schema's file, without its ending. */
  public final String schema;

  Events(String schema) {
    this.schema = schema;
  }

  public abstract Event read(GenericRecord record) throws MalformedException;

  /** Returns the topic's kind of record that tells of an event. */
  public static Events of(Event event) {
    return switch (event.kind()) {
      case PAYMENT -> TRANSACTION;
      case PAGE_VIEW -> PAGE_VIEW;
      case ACCOUNT_OPENED, MOVED, DEVICE_ADDED -> USER_EVENT;
    };
  }

  /** Returns the fields of the record that tells of an event. */
  public static Map<String, Object> fields(Event event) {
    Map<String, Object> fields = new HashMap<>();
    fields.put("customer_id", event.customer());
    fields.put("at", event.at());
    fields.put("device_id", event.device());
    switch (event.kind()) {
      case PAYMENT -> {
        fields.put("transaction_id", event.transaction());
        fields.put("amount_cents", event.amountCents());
        fields.put("country", event.country());
      }
      case PAGE_VIEW -> fields.put("page", "/shop");
      case ACCOUNT_OPENED -> {
        fields.put("kind", "OPENED");
        fields.put("country", event.country());
      }
      case MOVED -> {
        fields.put("kind", "MOVED");
        fields.put("country", event.country());
      }
      case DEVICE_ADDED -> fields.put("kind", "DEVICE_ADDED");
    }
    return fields;
  }

  /** Returns the schema that readers of this project want. */
  public Schema readerSchema() {
    return new Schema.Parser().parse(SchemaRegistry.text(schema));
  }

  private static long at(GenericRecord record) {
    return (Long) record.get("at");
  }

  private static String text(GenericRecord record, String field) throws MalformedException {
    Object value = record.get(field);
    if (value == null || value.toString().isEmpty()) {
      throw new MalformedException("no " + field);
    }
    return value.toString();
  }
}
