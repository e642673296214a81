package fraud.scoring;

import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.util.Map;
import java.util.TreeMap;
import java.util.TreeSet;

/**
 * A logistic model: the probability of fraud is the logistic function of a weighted sum.
 *
 * @param alertAt from which probability on a payment is an alert
 * @param urgentAt from which probability on somebody is to be woken
 */
public record Model(
    String version, double alertAt, double urgentAt, double intercept, Map<String, Double> weights) {

  public Model {
    if (!weights.keySet().equals(new TreeSet<>(Features.NAMES))) {
      throw new IllegalArgumentException(
          "the model weighs " + weights.keySet() + ", the job measures " + Features.NAMES);
    }
  }

  /** Reads model.json, which lies in the job's jar. */
  public static Model load() {
    try (InputStream file = Model.class.getResourceAsStream("/model.json")) {
      var json = new ObjectMapper().readTree(file);
      Map<String, Double> weights = new TreeMap<>();
      json.get("weights").properties().forEach(e -> weights.put(e.getKey(), e.getValue().asDouble()));
      return new Model(
          json.get("version").asText(),
          json.get("alert_at").asDouble(),
          json.get("urgent_at").asDouble(),
          json.get("intercept").asDouble(),
          weights);
    } catch (IOException e) {
      throw new UncheckedIOException("cannot read model.json", e);
    }
  }

  /** Returns the probability that a payment is fraud. */
  public double score(Features features) {
    double sum = intercept;
    for (var feature : features.byName().entrySet()) {
      sum += weights.get(feature.getKey()) * feature.getValue();
    }
    return logistic(sum);
  }

  /** StrictMath gives the same bits on every machine; Math need not. */
  public static double logistic(double x) {
    return 1 / (1 + StrictMath.exp(-x));
  }
}
