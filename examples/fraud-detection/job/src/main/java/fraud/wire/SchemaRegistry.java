package fraud.wire;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import org.apache.avro.Schema;

/**
 * Asks a schema registry that speaks Confluent's API. It never registers anything: which schemas there
 * are is decided by the project, and put there by Streamform.
 */
public final class SchemaRegistry {
  private static final ObjectMapper JSON = new ObjectMapper();

  private final String url;
  private final HttpClient http =
      HttpClient.newBuilder().connectTimeout(Duration.ofSeconds(10)).build();
  private final Map<Integer, Schema> known = new HashMap<>();

  public SchemaRegistry(String url) {
    this.url = url.replaceAll("/+$", "");
  }

  /** Returns a schema of this project, from the jar, as it was written. */
  public static String text(String name) {
    try (InputStream file = SchemaRegistry.class.getResourceAsStream("/schemas/" + name + ".avsc")) {
      return new String(file.readAllBytes(), StandardCharsets.UTF_8);
    } catch (IOException e) {
      throw new UncheckedIOException("cannot read the schema " + name, e);
    }
  }

  /** Returns the schema of an id, or null where the registry has none. */
  Schema byId(int id) throws IOException {
    Schema found = known.get(id);
    if (found == null) {
      JsonNode answer = ask(HttpRequest.newBuilder(URI.create(url + "/schemas/ids/" + id)).GET());
      if (answer == null) {
        return null;
      }
      found = new Schema.Parser().parse(answer.get("schema").asText());
      known.put(id, found);
    }
    return found;
  }

  /** Returns the id under which a subject has this very schema. */
  int idOf(String subject, String schema) throws IOException {
    String body = JSON.writeValueAsString(Map.of("schema", schema, "schemaType", "AVRO"));
    JsonNode answer =
        ask(
            HttpRequest.newBuilder(URI.create(url + "/subjects/" + subject))
                .header("Content-Type", "application/vnd.schemaregistry.v1+json")
                .POST(HttpRequest.BodyPublishers.ofString(body)));
    if (answer == null) {
      throw new IOException("the subject " + subject + " does not have the schema that is to be written");
    }
    return answer.get("id").asInt();
  }

  /** Returns the answer, or null for "not found". A registry that fails is an error, and tried again. */
  private JsonNode ask(HttpRequest.Builder request) throws IOException {
    try {
      var answer = http.send(request.timeout(Duration.ofSeconds(20)).build(), BodyHandlers.ofString());
      return switch (answer.statusCode()) {
        case 200 -> JSON.readTree(answer.body());
        case 404 -> null;
        default -> throw new IOException(
            "the schema registry said " + answer.statusCode() + ": " + answer.body());
      };
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IOException("interrupted while asking the schema registry", e);
    }
  }
}
