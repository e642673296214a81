package fraud.tools;

import fraud.scoring.Event;
import fraud.scoring.History;
import fraud.scoring.Model;
import java.util.HashMap;
import java.util.Locale;
import java.util.Map;

/** Prints what the model says of the payments of {@link Scenario}, without Kafka or Flink. */
public final class Preview {
  public static void main(String[] args) {
    Model model = Model.load();
    Map<String, History> histories = new HashMap<>();
    for (Customer.Labelled labelled : Scenario.events(0)) {
      Event event = labelled.event();
      History history = histories.computeIfAbsent(event.customer(), c -> new History());
      if (event.kind() != Event.Kind.PAYMENT) {
        history.observe(event);
        continue;
      }
      var features = history.weigh(event);
      System.out.printf(
          Locale.ROOT,
          "%s %s %.4f %s%n",
          event.transaction(),
          labelled.fraud() ? "fraud" : "fine",
          model.score(features),
          features.byName());
    }
  }
}
