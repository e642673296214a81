package fraud.scoring;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** What the model is told about a payment, by the names that model.json uses. */
public record Features(
    double amountOverUsual,
    double paymentsInWindow,
    double unknownDevice,
    double abroad,
    double noBrowsing,
    double youngAccount) {

  /** The names, in the order of {@link #values}. */
  public static final List<String> NAMES =
      List.of(
          "amount_over_usual",
          "payments_in_window",
          "unknown_device",
          "abroad",
          "no_browsing",
          "young_account");

  public double[] values() {
    return new double[] {
      amountOverUsual, paymentsInWindow, unknownDevice, abroad, noBrowsing, youngAccount
    };
  }

  public Map<String, Double> byName() {
    Map<String, Double> named = new LinkedHashMap<>();
    double[] values = values();
    for (int i = 0; i < values.length; i++) {
      named.put(NAMES.get(i), values[i]);
    }
    return named;
  }
}
