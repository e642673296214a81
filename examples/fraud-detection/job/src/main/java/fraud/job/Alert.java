package fraud.job;

/** A payment that is probably not its customer's: see schemas/alert.avsc. */
public record Alert(
    String transaction,
    String customer,
    double score,
    String model,
    long amountCents,
    long payments,
    String summary,
    boolean urgent,
    long at) {}
