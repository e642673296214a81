package fraud.tools;

import fraud.scoring.Event;
import fraud.scoring.Features;
import fraud.scoring.History;
import fraud.scoring.Model;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Random;

/**
 * Derives the weights of model.json and prints the file: logistic regression by Newton's method with a
 * ridge penalty, on payments of made-up customers whose thieves are known. No chance and no clock are
 * involved, so it always prints the same.
 */
public final class Training {
  private static final int CUSTOMERS = 3_000;
  private static final long SEED = 20_260_101;
  private static final double RIDGE = 1.0;
  private static final int STEPS = 25;

  private record Sample(double[] x, double y) {}

  public static void main(String[] args) {
    System.out.print(modelFile());
  }

  /** Returns the text of model.json. */
  static String modelFile() {
    double[] weights = fit(samples());
    StringBuilder named = new StringBuilder();
    for (int i = 0; i < Features.NAMES.size(); i++) {
      named
          .append(i == 0 ? "\n" : ",\n")
          .append(String.format(Locale.ROOT, "    \"%s\": %.3f", Features.NAMES.get(i), weights[i + 1]));
    }
    return String.format(
        Locale.ROOT,
        """
        {
          "version": "1",
          "alert_at": 0.5,
          "urgent_at": 0.95,
          "intercept": %.3f,
          "weights": {%s
          }
        }
        """,
        weights[0],
        named);
  }

  private static List<Sample> samples() {
    List<Sample> samples = new ArrayList<>();
    Random random = new Random(SEED);
    for (int i = 0; i < CUSTOMERS; i++) {
      Customer customer = new Customer("t-" + i, random);
      live(customer, i % 20, random);
      History history = new History();
      customer.events().stream()
          .sorted(Comparator.comparingLong(e -> e.event().at()))
          .forEach(
              e -> {
                if (e.event().kind() == Event.Kind.PAYMENT) {
                  samples.add(sample(history.weigh(e.event()), e.fraud()));
                } else {
                  history.observe(e.event());
                }
              });
    }
    return samples;
  }

  /** Of 20 customers three meet a thief; of the rest one spends a lot, one is abroad, two are new. */
  private static void live(Customer customer, int role, Random random) {
    long now = 1_000 * Customer.DAY;
    if (role == 0) {
      customer.mule(now);
      return;
    }
    boolean isNew = role == 1 || role == 2;
    customer.openAccount(now - (isNew ? Customer.DAY / 24 : (30 + random.nextInt(900)) * Customer.DAY));
    int purchases = 1 + random.nextInt(6);
    for (int i = 0; i < purchases; i++) {
      customer.buy(now + (5 + random.nextInt(300)) * Customer.MINUTE);
    }
    long later = now + 320 * Customer.MINUTE;
    switch (role) {
      case 3 -> customer.takenOver(later);
      case 4 -> customer.cardTested(later);
      case 5 -> customer.shoppingSpree(later);
      case 6 -> customer.buyAbroad(later);
      default -> {}
    }
  }

  private static Sample sample(Features features, boolean fraud) {
    double[] values = features.values();
    double[] x = new double[values.length + 1];
    x[0] = 1;
    System.arraycopy(values, 0, x, 1, values.length);
    return new Sample(x, fraud ? 1 : 0);
  }

  /** Returns the weights that make the samples likeliest; the first is the intercept. */
  private static double[] fit(List<Sample> samples) {
    int n = samples.get(0).x.length;
    double[] weights = new double[n];
    for (int step = 0; step < STEPS; step++) {
      double[] slope = new double[n];
      double[][] curve = new double[n][n];
      for (int i = 1; i < n; i++) {
        slope[i] = -RIDGE * weights[i];
        curve[i][i] = RIDGE;
      }
      for (Sample sample : samples) {
        double p = Model.logistic(dot(weights, sample.x));
        for (int i = 0; i < n; i++) {
          slope[i] += (sample.y - p) * sample.x[i];
          for (int j = 0; j < n; j++) {
            curve[i][j] += p * (1 - p) * sample.x[i] * sample.x[j];
          }
        }
      }
      double[] change = solve(curve, slope);
      for (int i = 0; i < n; i++) {
        weights[i] += change[i];
      }
    }
    return weights;
  }

  private static double dot(double[] a, double[] b) {
    double sum = 0;
    for (int i = 0; i < a.length; i++) {
      sum += a[i] * b[i];
    }
    return sum;
  }

  /** Solves a·x = b by elimination; a is positive definite, so no pivot is needed. */
  private static double[] solve(double[][] a, double[] b) {
    int n = b.length;
    for (int i = 0; i < n; i++) {
      for (int row = i + 1; row < n; row++) {
        double factor = a[row][i] / a[i][i];
        for (int column = i; column < n; column++) {
          a[row][column] -= factor * a[i][column];
        }
        b[row] -= factor * b[i];
      }
    }
    double[] x = new double[n];
    for (int i = n - 1; i >= 0; i--) {
      double rest = b[i];
      for (int column = i + 1; column < n; column++) {
        rest -= a[i][column] * x[column];
      }
      x[i] = rest / a[i][i];
    }
    return x;
  }
}
