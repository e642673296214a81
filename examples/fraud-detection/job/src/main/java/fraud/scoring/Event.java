package fraud.scoring;

/**
 * Something that a customer did, whichever topic told it. What a kind does not have is null, or zero.
 *
 * @param at when it happened, in milliseconds since 1970
 * @param transaction the id of a payment
 * @param amountCents of a payment, in euro cents
 * @param country where a payment is made, or where the customer lives from now on
 */
public record Event(
    Kind kind,
    String customer,
    long at,
    String transaction,
    long amountCents,
    String country,
    String device) {

  /** In the order in which events of the same millisecond are taken. */
  public enum Kind {
    ACCOUNT_OPENED,
    MOVED,
    DEVICE_ADDED,
    PAGE_VIEW,
    PAYMENT
  }

  public static Event opened(String customer, long at, String country, String device) {
    return new Event(Kind.ACCOUNT_OPENED, customer, at, null, 0, country, device);
  }

  public static Event moved(String customer, long at, String country) {
    return new Event(Kind.MOVED, customer, at, null, 0, country, null);
  }

  public static Event deviceAdded(String customer, long at, String device) {
    return new Event(Kind.DEVICE_ADDED, customer, at, null, 0, null, device);
  }

  public static Event pageView(String customer, long at, String device) {
    return new Event(Kind.PAGE_VIEW, customer, at, null, 0, null, device);
  }

  public static Event payment(
      String customer, long at, String transaction, long amountCents, String country, String device) {
    return new Event(Kind.PAYMENT, customer, at, transaction, amountCents, country, device);
  }
}
