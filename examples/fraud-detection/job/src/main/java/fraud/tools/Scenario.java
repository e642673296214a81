package fraud.tools;

import fraud.scoring.Event;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;

/**
 * What happens while run.sh runs: three hours in the life of 40 customers, of whom three meet a thief.
 *
 * <p>expected-alerts.txt says which of their payments are to be found.
 */
final class Scenario {
  static final int HOURS = 3;
  private static final int CUSTOMERS = 40;
  private static final long SEED = 7;
  private static final long HOUR = 60 * Customer.MINUTE;

  private Scenario() {}

  /** Returns the events of an hour, the first of which is 1, in the order in which they happen. */
  static List<Event> hour(int hour, long start) {
    return events(start).stream()
        .map(Customer.Labelled::event)
        .filter(event -> hourOf(event, start) == hour)
        .toList();
  }

  /** Returns the number of payments and their sum in cents, by customer, after so many hours. */
  static Map<String, long[]> totals(int hours, long start) {
    Map<String, long[]> totals = new TreeMap<>();
    for (Customer.Labelled labelled : events(start)) {
      Event event = labelled.event();
      if (event.kind() == Event.Kind.PAYMENT && hourOf(event, start) <= hours) {
        long[] total = totals.computeIfAbsent(event.customer(), c -> new long[2]);
        total[0] += 1;
        total[1] += event.amountCents();
      }
    }
    return totals;
  }

  /** Returns all that happens. Whatever is older than the first hour is told in it. */
  static List<Customer.Labelled> events(long start) {
    Random random = new Random(SEED);
    Map<String, Customer> customers = new LinkedHashMap<>();
    for (int i = 1; i <= CUSTOMERS; i++) {
      String id = String.format("c-%03d", i);
      Customer customer = new Customer(id, random);
      customers.put(id, customer);
      if (id.equals("c-031")) {
        continue;
      }
      customer.openAccount(start - (30 + random.nextInt(900)) * Customer.DAY);
      for (int hour = 0; hour < HOURS; hour++) {
        int purchases = 1 + random.nextInt(3);
        for (int p = 0; p < purchases; p++) {
          customer.buy(start + hour * HOUR + (5 + random.nextInt(40)) * Customer.MINUTE);
        }
      }
    }
    customers.get("c-007").buyAbroad(start + 20 * Customer.MINUTE);
    customers.get("c-013").takenOver(start + 48 * Customer.MINUTE);
    customers.get("c-019").shoppingSpree(start + HOUR + 20 * Customer.MINUTE);
    customers.get("c-027").cardTested(start + HOUR + 48 * Customer.MINUTE);
    customers.get("c-031").mule(start + 2 * HOUR + 45 * Customer.MINUTE);
    List<Customer.Labelled> events = new ArrayList<>();
    customers.values().forEach(customer -> events.addAll(customer.events()));
    events.sort(Comparator.comparingLong(e -> e.event().at()));
    return events;
  }

  private static int hourOf(Event event, long start) {
    return (int) Math.max(1, Math.floorDiv(event.at() - start, HOUR) + 1);
  }
}
