package fraud.job;

import fraud.scoring.Event;

/**
 * What a record of an input topic turned out to be: an event, a record that is put aside, or neither: a
 * heartbeat, which only says how late it is.
 *
 * @param at when it happened, in milliseconds since 1970; the smallest number where nobody can tell
 */
public record Incoming(long at, Event event, Rejected rejected) {

  /** A record that is not what its topic's schema says, as it was, and why. */
  public record Rejected(
      String topic, int partition, long offset, byte[] key, byte[] value, String why) {}

  static Incoming of(Event event) {
    return new Incoming(event.at(), event, null);
  }

  static Incoming of(Rejected rejected) {
    return new Incoming(Long.MIN_VALUE, null, rejected);
  }

  static Incoming heartbeat(long at) {
    return new Incoming(at, null, null);
  }
}
