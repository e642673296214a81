package fraud.job;

import fraud.scoring.Event;
import fraud.scoring.Features;
import fraud.scoring.History;
import fraud.scoring.Model;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import org.apache.flink.api.common.functions.OpenContext;
import org.apache.flink.api.common.state.MapState;
import org.apache.flink.api.common.state.MapStateDescriptor;
import org.apache.flink.api.common.state.ValueState;
import org.apache.flink.api.common.state.ValueStateDescriptor;
import org.apache.flink.api.common.typeinfo.TypeHint;
import org.apache.flink.api.common.typeinfo.TypeInformation;
import org.apache.flink.api.common.typeinfo.Types;
import org.apache.flink.streaming.api.functions.KeyedProcessFunction;
import org.apache.flink.util.Collector;
import org.apache.flink.util.OutputTag;

/**
 * Weighs each payment of a customer against what went before, and says who is to be looked at.
 *
 * <p>A payment and the page view before it come by different topics, so either may arrive first. Events
 * wait here until the watermark says that nothing older is still to come, and are then taken in the order
 * in which they happened: the same events give the same alerts, however they arrive.
 */
final class Detect extends KeyedProcessFunction<String, Event, Profile> {
  static final OutputTag<Alert> ALERTS = new OutputTag<>("alerts", TypeInformation.of(Alert.class));

  private static final Comparator<Event> ORDER =
      Comparator.comparing(Event::kind)
          .thenComparing(Event::transaction, Comparator.nullsFirst(Comparator.naturalOrder()));

  private transient Model model;
  private transient ValueState<History> history;
  private transient MapState<Long, List<Event>> waiting;

  @Override
  public void open(OpenContext context) {
    model = Model.load();
    history =
        getRuntimeContext()
            .getState(
                new ValueStateDescriptor<>("history", TypeInformation.of(History.class)));
    waiting =
        getRuntimeContext()
            .getMapState(
                new MapStateDescriptor<>(
                    "waiting", Types.LONG, TypeInformation.of(new TypeHint<List<Event>>() {})));
  }

  @Override
  public void processElement(Event event, Context context, Collector<Profile> out) throws Exception {
    if (event.at() <= context.timerService().currentWatermark()) {
      // Later than the watermark allows for: better out of order than not at all.
      take(List.of(event), context, out);
      return;
    }
    List<Event> same = waiting.get(event.at());
    List<Event> events = same == null ? new ArrayList<>() : new ArrayList<>(same);
    events.add(event);
    waiting.put(event.at(), events);
    context.timerService().registerEventTimeTimer(event.at());
  }

  @Override
  public void onTimer(long at, OnTimerContext context, Collector<Profile> out) throws Exception {
    List<Event> events = new ArrayList<>(waiting.get(at));
    waiting.remove(at);
    events.sort(ORDER);
    take(events, context, out);
  }

  private void take(List<Event> events, Context context, Collector<Profile> out) throws Exception {
    History customer = history.value();
    if (customer == null) {
      customer = new History();
    }
    for (Event event : events) {
      if (event.kind() == Event.Kind.PAYMENT) {
        weigh(customer, event, context);
        out.collect(
            new Profile(
                event.customer(),
                customer.payments,
                customer.totalCents,
                customer.alerts,
                event.at()));
      } else {
        customer.observe(event);
      }
    }
    history.update(customer);
  }

  private void weigh(History customer, Event payment, Context context) {
    Features features = customer.weigh(payment);
    double score = model.score(features);
    if (score < model.alertAt()) {
      return;
    }
    customer.alerts += 1;
    context.output(
        ALERTS,
        new Alert(
            payment.transaction(),
            payment.customer(),
            score,
            model.version(),
            payment.amountCents(),
            customer.payments,
            summary(payment, score),
            score >= model.urgentAt(),
            payment.at()));
  }

  private static String summary(Event payment, double score) {
    return String.format(
        Locale.ROOT,
        "%s pays %d.%02d EUR in %s: fraud with a probability of %.2f",
        payment.customer(),
        payment.amountCents() / 100,
        payment.amountCents() % 100,
        payment.country(),
        score);
  }
}
