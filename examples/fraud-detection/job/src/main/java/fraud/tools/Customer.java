package fraud.tools;

import fraud.scoring.Event;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;

/**
 * A made-up customer, and the thieves who borrow one. The same seed gives the same events, everywhere.
 *
 * <p>Ordinary customers look around before they buy; now and then they do not, use a new device, or are
 * abroad, and that is why the model cannot be a list of rules.
 */
final class Customer {
  static final long MINUTE = 60_000;
  static final long DAY = 24 * 60 * MINUTE;

  private static final String[] COUNTRIES = {"AT", "CH", "DE", "FR", "IT", "NL", "PL"};

  /** An event, and whether a thief did it. */
  record Labelled(Event event, boolean fraud) {}

  private final String id;
  private final Random random;
  private final List<Labelled> events = new ArrayList<>();
  private final String home;
  private final String device;
  private final double usualCents;
  private int payments;

  Customer(String id, Random random) {
    this.id = id;
    this.random = random;
    this.home = COUNTRIES[random.nextInt(COUNTRIES.length)];
    this.device = id + "-phone";
    this.usualCents = 2_000 + random.nextInt(6_000);
  }

  List<Labelled> events() {
    return events;
  }

  void openAccount(long at) {
    tell(Event.opened(id, at, home, device));
  }

  void addDevice(long at, String name) {
    tell(Event.deviceAdded(id, at, id + "-" + name));
  }

  /** An ordinary purchase at about that time, from another device or country now and then. */
  void buy(long at) {
    boolean browses = random.nextDouble() > 0.08;
    boolean abroad = random.nextDouble() < 0.03;
    String with = random.nextDouble() < 0.04 ? id + "-borrowed-" + payments : device;
    if (browses) {
      browse(at, with);
    }
    pay(at, amount(1), abroad ? "ES" : home, with, false);
  }

  /** A purchase on holiday: abroad, with the usual device, after a look around. */
  void buyAbroad(long at) {
    browse(at, device);
    pay(at, amount(1.5), "ES", device, false);
  }

  /** Presents for everybody: many purchases in a few minutes. */
  void shoppingSpree(long at) {
    int count = 4 + random.nextInt(4);
    for (int i = 0; i < count; i++) {
      browse(at + i * 2 * MINUTE, device);
      pay(at + i * 2 * MINUTE + 30_000, amount(1.5), home, device, false);
    }
  }

  /** Somebody has the password: another device, another country, whatever is dear; perhaps after a look around. */
  void takenOver(long at) {
    String stranger = "stranger-" + id;
    int count = 2 + random.nextInt(2);
    if (random.nextDouble() < 0.4) {
      browse(at, stranger);
    }
    for (int i = 0; i < count; i++) {
      pay(at + i * 2 * MINUTE, amount(6 + random.nextInt(8)), "BR", stranger, true);
    }
  }

  /** Somebody tries whether the card works: small payments, by a program. */
  void cardTested(long at) {
    String program = "program-" + id;
    int count = 8 + random.nextInt(5);
    for (int i = 0; i < count; i++) {
      pay(at + i * 12_000L, 100 + random.nextInt(200), home, program, true);
    }
  }

  /** An account made for it: opened an hour ago, and then large sums. */
  void mule(long at) {
    openAccount(at - 40 * MINUTE);
    if (random.nextDouble() < 0.4) {
      browse(at, device);
    }
    int count = 3 + random.nextInt(2);
    for (int i = 0; i < count; i++) {
      pay(at + i * 3 * MINUTE, 60_000 + random.nextInt(90_000), home, device, true);
    }
  }

  private void browse(long before, String with) {
    int views = 2 + random.nextInt(4);
    for (int i = views; i > 0; i--) {
      tell(Event.pageView(id, before - i * 20_000L - random.nextInt(10_000), with));
    }
  }

  private void pay(long at, long cents, String country, String with, boolean fraud) {
    payments += 1;
    String transaction = String.format("%s-%03d", id, payments);
    events.add(
        new Labelled(Event.payment(id, at, transaction, cents, country, with), fraud));
  }

  /** Somewhere around so many times what the customer usually pays. */
  private long amount(double times) {
    return Math.max(100, (long) (usualCents * times * (0.5 + random.nextDouble())));
  }

  private void tell(Event event) {
    events.add(new Labelled(event, false));
  }
}
