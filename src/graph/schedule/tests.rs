use proptest::prelude::*;

use super::*;

fn topic(name: impl std::fmt::Display) -> Address {
    Address::root("topic", name.to_string())
}

fn set(names: &[&str]) -> BTreeSet<Address> {
    names.iter().map(topic).collect()
}

fn makes(name: &str, needs: &[&str]) -> Task {
    Task {
        address: topic(name),
        removes: false,
        needs: set(needs),
        needed: BTreeSet::new(),
    }
}

fn removes(name: &str, needed: &[&str]) -> Task {
    Task {
        address: topic(name),
        removes: true,
        needs: BTreeSet::new(),
        needed: set(needed),
    }
}

fn names(addresses: &[Address]) -> String {
    addresses
        .iter()
        .map(|address| &*address.name)
        .collect::<Vec<_>>()
        .join(" ")
}

/// Runs a schedule to its end; `fails` says which tasks fail.
fn waves(schedule: &mut Schedule, fails: &[&str]) -> Vec<String> {
    let mut waves = Vec::new();
    while !schedule.is_finished() {
        let ready = schedule.ready();
        waves.push(names(&ready));
        for address in ready {
            let outcome = if fails.contains(&&*address.name) {
                Outcome::Failed
            } else {
                Outcome::Done
            };
            schedule.complete(&address, outcome);
        }
    }
    waves
}

#[test]
fn what_is_made_follows_what_it_needs() {
    let tasks = [
        makes("c", &["b", "a"]),
        makes("b", &["a"]),
        makes("a", &["elsewhere"]),
        makes("z", &[]),
    ];
    let mut schedule = Schedule::new(tasks).expect("no cycle");
    assert_eq!(waves(&mut schedule, &[]), ["a z", "b", "c"]);
    assert!(schedule.skipped().is_empty());
}

#[test]
fn what_is_removed_goes_in_the_reverse_order_of_what_was_recorded() {
    let mut changed = makes("user", &[]);
    changed.needed = set(&["a"]);
    let tasks = [
        removes("a", &[]),
        removes("b", &["a"]),
        removes("c", &["b"]),
        changed,
    ];
    let mut schedule = Schedule::new(tasks).expect("no cycle");
    assert_eq!(waves(&mut schedule, &[]), ["c user", "b", "a"]);
}

#[test]
fn a_failure_skips_what_waits_for_it_and_nothing_else() {
    let tasks = [
        makes("a", &[]),
        makes("b", &["a"]),
        makes("c", &["b", "x"]),
        makes("x", &[]),
        makes("y", &["x"]),
    ];
    let mut schedule = Schedule::new(tasks).expect("no cycle");
    assert_eq!(waves(&mut schedule, &["a"]), ["a x", "y"]);
    let upstream = Skip::Upstream { failed: topic("a") };
    let expected = [(topic("b"), upstream.clone()), (topic("c"), upstream)];
    assert_eq!(*schedule.skipped(), BTreeMap::from(expected));
}

#[test]
fn an_interrupt_lets_what_runs_end_and_starts_nothing_more() {
    let tasks = [makes("a", &[]), makes("b", &["a"]), makes("c", &["b"])];
    let mut schedule = Schedule::new(tasks).expect("no cycle");
    let running = schedule.ready();
    schedule.cancel();
    assert!(!schedule.is_finished());
    schedule.complete(&running[0], Outcome::Done);
    assert!(schedule.is_finished());
    assert_eq!(schedule.ready(), []);
    assert_eq!(
        schedule.skipped().values().collect::<Vec<_>>(),
        [&Skip::Cancelled, &Skip::Cancelled]
    );
}

#[test]
fn a_cycle_is_an_error_that_shows_it() {
    let tasks = [makes("a", &["c"]), makes("b", &["a"]), makes("c", &["b"])];
    let cycle = Schedule::new(tasks).expect_err("a cycle");
    insta::assert_snapshot!(cycle, @"topic.a needs topic.c needs topic.b needs topic.a");
    let alone = Schedule::new([makes("a", &["a"])]).expect_err("a cycle");
    insta::assert_snapshot!(alone, @"topic.a needs topic.a");
}

#[test]
#[should_panic(expected = "ends once")]
fn ending_twice_is_a_bug() {
    let mut schedule = Schedule::new([makes("a", &[])]).expect("no cycle");
    schedule.ready();
    schedule.complete(&topic("a"), Outcome::Done);
    schedule.complete(&topic("a"), Outcome::Done);
}

#[test]
fn ten_thousand_in_a_row_do_not_overflow_the_stack() {
    let tasks = (0..10_000).map(|n| Task {
        address: topic(format!("t{n}")),
        removes: false,
        needs: [topic(format!("t{}", n + 1))].into(),
        needed: BTreeSet::new(),
    });
    let mut schedule = Schedule::new(tasks).expect("no cycle");
    assert_eq!(schedule.ready(), [topic("t9999")]);
    schedule.complete(&topic("t9999"), Outcome::Failed);
    assert_eq!(schedule.skipped().len(), 9_999);
    assert!(schedule.is_finished());
}

/// Tasks that need only those with a smaller number: no cycle.
fn tasks() -> impl Strategy<Value = Vec<Task>> {
    let edges = || prop::collection::vec(any::<prop::sample::Index>(), 0..4);
    prop::collection::vec((any::<bool>(), edges(), edges()), 0..40).prop_map(|list| {
        let smaller = |n: usize, edges: Vec<prop::sample::Index>| -> BTreeSet<Address> {
            edges
                .into_iter()
                .filter(|_| n > 0)
                .map(|edge| topic(format!("t{}", edge.index(n))))
                .collect()
        };
        list.into_iter()
            .enumerate()
            .map(|(n, (removes, needs, needed))| Task {
                address: topic(format!("t{n}")),
                removes,
                needs: smaller(n, needs),
                needed: smaller(n, needed),
            })
            .collect()
    })
}

proptest! {
    #[test]
    fn every_task_ends_once_and_none_starts_before_its_turn(
        tasks in tasks(),
        fates in prop::collection::vec((any::<bool>(), any::<prop::sample::Index>()), 200),
        cancel_at in 0..80_usize,
    ) {
        let by_address: BTreeMap<_, _> = tasks.iter().map(|task| (task.address.clone(), task.clone())).collect();
        let mut schedule = Schedule::new(tasks).expect("no cycle");
        let mut running: Vec<Address> = Vec::new();
        let mut started = BTreeSet::new();
        let mut done = BTreeSet::new();
        let mut failed = BTreeSet::new();
        let mut fates = fates.into_iter().enumerate();
        while !schedule.is_finished() {
            for address in schedule.ready() {
                let task = &by_address[&address];
                for other in by_address.values() {
                    let goes_first = if task.removes {
                        other.needed.contains(&address)
                    } else {
                        !other.removes && task.needs.contains(&other.address)
                    };
                    prop_assert!(!goes_first || done.contains(&other.address), "{address} before {}", other.address);
                }
                prop_assert!(started.insert(address.clone()), "{address} twice");
                running.push(address);
            }
            prop_assert_eq!(schedule.running(), running.len());
            let (turn, (succeeds, which)) = fates.next().expect("at most one turn a task");
            if turn == cancel_at {
                schedule.cancel();
            }
            if running.is_empty() {
                prop_assert!(schedule.is_finished(), "stuck");
                break;
            }
            let address = running.swap_remove(which.index(running.len()));
            schedule.complete(&address, if succeeds { Outcome::Done } else { Outcome::Failed });
            if succeeds { done.insert(address) } else { failed.insert(address) };
        }
        for (address, skip) in schedule.skipped() {
            prop_assert!(!started.contains(address));
            if let Skip::Upstream { failed: upstream } = skip {
                prop_assert!(failed.contains(upstream));
            }
        }
        prop_assert_eq!(done.len() + failed.len() + schedule.skipped().len(), by_address.len());
    }
}
