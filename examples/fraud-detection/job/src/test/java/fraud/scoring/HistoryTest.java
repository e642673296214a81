package fraud.scoring;

import static org.junit.jupiter.api.Assertions.assertEquals;

import org.junit.jupiter.api.Test;

class HistoryTest {
  private static final long DAY = 24 * 60 * 60 * 1000L;
  private static final long MINUTE = 60_000;

  @Test
  void anOrdinaryPaymentStandsOutInNothing() {
    History history = new History();
    history.observe(Event.opened("c", 0, "DE", "phone"));
    history.observe(Event.pageView("c", 30 * DAY, "phone"));
    var features = history.weigh(Event.payment("c", 30 * DAY + MINUTE, "t", 5_000, "DE", "phone"));
    assertEquals(new Features(0, 0, 0, 0, 0, 0), features);
  }

  @Test
  void aStrangersPaymentStandsOut() {
    History history = new History();
    history.observe(Event.opened("c", 0, "DE", "phone"));
    long at = 30 * DAY;
    history.weigh(Event.payment("c", at - MINUTE, "t1", 5_000, "DE", "phone"));
    var features = history.weigh(Event.payment("c", at, "t2", 50_000, "BR", "other"));
    assertEquals(new Features(StrictMath.log(10), 1, 1, 1, 1, 0), features);
  }

  @Test
  void theRecentPatternsForgetAfterTenMinutes() {
    History history = new History();
    history.observe(Event.pageView("c", 0, "phone"));
    history.weigh(Event.payment("c", MINUTE, "t1", 5_000, "DE", "phone"));
    var features = history.weigh(Event.payment("c", 12 * MINUTE, "t2", 5_000, "DE", "phone"));
    assertEquals(0, features.paymentsInWindow());
    assertEquals(1, features.noBrowsing());
    assertEquals(1, features.youngAccount(), "nobody told when the account was opened");
  }
}
