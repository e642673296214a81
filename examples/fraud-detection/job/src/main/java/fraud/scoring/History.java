package fraud.scoring;

import java.util.ArrayList;
import java.util.List;

/**
 * What is remembered of one customer: the account, totals for ever, and the last minutes.
 *
 * <p>This is the state of the Flink job. Flink stores it field by field (it is a POJO: public fields and
 * an empty constructor), so that a later version of the job may add fields and still read it.
 */
public class History {
  /** How far the recent patterns look back. */
  static final long WINDOW_MS = 10 * 60 * 1000L;

  /** An account that is younger than this is told to the model. */
  static final long YOUNG_MS = 24 * 60 * 60 * 1000L;

  /** What a customer is taken to pay as long as nothing is known, in cents; it counts as one payment. */
  static final long PRIOR_CENTS = 5_000;

  /** When the account was opened, in milliseconds since 1970; null where nobody told. */
  public Long openedAt;

  public String home;
  public List<String> devices = new ArrayList<>();
  public long payments;
  public long totalCents;
  public long alerts;
  public List<Long> recentPayments = new ArrayList<>();
  public List<Long> recentViews = new ArrayList<>();

  /** Remembers an event that is not a payment. */
  public void observe(Event event) {
    switch (event.kind()) {
      case ACCOUNT_OPENED -> {
        openedAt = event.at();
        home = event.country();
        devices.add(event.device());
      }
      case MOVED -> home = event.country();
      case DEVICE_ADDED -> devices.add(event.device());
      case PAGE_VIEW -> {
        forget(recentViews, event.at());
        recentViews.add(event.at());
      }
      case PAYMENT -> throw new IllegalArgumentException("payments are weighed: see weigh");
    }
  }

  /** Returns what a payment looks like beside all that was before, and then remembers it. */
  public Features weigh(Event payment) {
    long at = payment.at();
    forget(recentPayments, at);
    forget(recentViews, at);
    double usual = (totalCents + PRIOR_CENTS) / (payments + 1.0);
    Features features =
        new Features(
            Math.max(0, StrictMath.log(payment.amountCents() / usual)),
            Math.min(10, recentPayments.size()),
            truth(!devices.contains(payment.device())),
            truth(home != null && !home.equals(payment.country())),
            truth(recentViews.isEmpty()),
            truth(openedAt == null || at - openedAt < YOUNG_MS));
    payments += 1;
    totalCents += payment.amountCents();
    recentPayments.add(at);
    return features;
  }

  private static void forget(List<Long> times, long now) {
    times.removeIf(time -> time < now - WINDOW_MS);
  }

  private static double truth(boolean value) {
    return value ? 1 : 0;
  }
}
