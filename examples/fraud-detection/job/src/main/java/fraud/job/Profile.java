package fraud.job;

/** What the job knows of a customer after a payment: see schemas/customer-profile.avsc. */
public record Profile(String customer, long payments, long totalCents, long alerts, long at) {}
