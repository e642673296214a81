//! Looks and waits, on drivers that say what a test tells them.

use std::collections::{BTreeSet, VecDeque};
use std::future::ready;
use std::path::Path;
use std::sync::Mutex;

use crate::address::EnvironmentName;
use crate::clients::{AWAY, Connections};
use crate::config::block::Attribute;
use crate::config::project::Provider;
use crate::config::value::Value;
use crate::diagnostic::{Diagnostic, Span};
use crate::kinds::driver::{Context, Driver, Failure, Operation, Question, Wanted, erased};
use crate::kinds::topic::{TopicFacts, TopicLive, TopicVitals};
use crate::kinds::{LiveUser, Verdict};

use super::wait::wait;
use super::*;

/// What one look shows of the topics.
type Answer = Result<Vec<Option<TopicVitals>>, DriverError>;

/// Shows one answer after the other; the last one again and again.
struct Scripted(Mutex<VecDeque<Answer>>);

impl Driver for Scripted {
    type Kind = Topic;

    fn connect(_: &Connections, _: &ProviderAddress) -> Result<Self, DriverError> {
        unreachable!("the tests make it")
    }

    async fn observe(&self, _: Vec<Wanted<Topic>>) -> Result<Vec<Option<TopicLive>>, DriverError> {
        unreachable!("nothing is planned")
    }

    async fn investigate(&self, _: Vec<Question<Topic>>) -> Result<Vec<TopicFacts>, DriverError> {
        unreachable!("nothing is planned")
    }

    async fn users(&self, _: Vec<String>) -> Result<Vec<Vec<LiveUser>>, DriverError> {
        unreachable!("nothing is planned")
    }

    fn vitals(&self, wanted: Vec<Wanted<Topic>>) -> impl Future<Output = Answer> + Send {
        let mut answers = self.0.lock().expect("no test panics while it holds it");
        let answer = if answers.len() > 1 {
            answers.pop_front()
        } else {
            answers.front().cloned()
        };
        let answer = answer.expect("a test tells at least one answer");
        assert!(
            answer
                .as_ref()
                .is_ok_and(|found| found.len() == wanted.len())
                || answer.is_err()
        );
        ready(answer)
    }

    async fn apply(
        &self,
        _: Vec<Operation<Topic>>,
        _: &Context,
    ) -> Vec<Result<Option<TopicLive>, Failure>> {
        unreachable!("nothing is applied")
    }

    fn batch_limit(&self) -> usize {
        1
    }
}

fn kafka() -> ProviderAddress {
    ProviderAddress {
        kind: KAFKA.into(),
        alias: None,
    }
}

fn drivers(answers: Vec<Answer>) -> Drivers {
    let connections = Connections::new(&BTreeMap::new(), Path::new("."));
    let driver = erased(Scripted(Mutex::new(answers.into())));
    Drivers::new(connections).with(kafka(), Topic::NAME, driver)
}

/// A state that owns topics of these names.
fn state(names: &[&str]) -> State {
    let mut state = State::empty(EnvironmentName::default_environment());
    for name in names {
        let object = ObjectState {
            depends_on: BTreeSet::new(),
            outcome: None,
            pending: None,
            protected: false,
            provider: kafka(),
            remote_id: (*name).to_owned(),
            spec: Document::of(&serde_json::json!({ "name": name })),
        };
        state.objects.insert(Address::root("topic", *name), object);
    }
    state
}

fn well() -> TopicVitals {
    TopicVitals {
        partitions: 3,
        ..TopicVitals::default()
    }
}

fn catching_up() -> TopicVitals {
    TopicVitals {
        catching_up: vec![0],
        ..well()
    }
}

fn away() -> Answer {
    Err(Diagnostic::error(AWAY, "Kafka cannot be reached").into())
}

fn checkup(state: &State, drivers: &Drivers) -> Checkup {
    Checkup::of(state, drivers, |_| true).expect("the state can be read")
}

/// Returns a provider with these settings.
fn provider(pairs: &[(&str, &str)]) -> Provider {
    let span = Span::new("main.hcl", 0..1);
    let settings = pairs.iter().map(|(name, value)| {
        let attribute = Attribute {
            value: Value::String((*value).into()),
            key_span: span.clone(),
            value_span: span.clone(),
        };
        ((*name).into(), attribute)
    });
    Provider {
        settings: settings.collect(),
        span: span.clone(),
    }
}

#[test]
fn the_group_of_a_connector_is_in_the_cluster_of_its_workers() {
    let east: ProviderAddress = "kafka.east".parse().expect("an address");
    let workers: ProviderAddress = "connect".parse().expect("an address");
    let at = |port: &str| provider(&[("bootstrap_servers", &format!("127.0.0.1:{port}"))]);
    let of = |connect: &[(&str, &str)]| {
        let providers = BTreeMap::from([
            (kafka(), at("1")),
            (east.clone(), at("2")),
            (workers.clone(), provider(connect)),
        ]);
        let drivers = Drivers::new(Connections::new(&providers, Path::new(".")));
        let mut state = state(&["lines"]);
        let object = state.objects.values_mut().next().expect("there is one");
        object.provider = workers.clone();
        let object = object.clone();
        kafka_of(&object, &state, &drivers)
    };
    let url = ("url", "http://127.0.0.1:3");
    assert_eq!(
        of(&[url, ("kafka_provider", "kafka.east")]),
        Some(east.clone())
    );
    assert_eq!(of(&[url]), Some(kafka()));
}

#[tokio::test]
async fn a_system_that_is_away_is_a_finding() {
    let state = state(&["a", "b"]);
    let mut drivers = drivers(vec![away(), Ok(vec![Some(well()), None])]);
    let mut checkup = checkup(&state, &drivers);
    checkup.look(&mut drivers).await;
    let found = checkup.findings();
    assert!(
        found
            .values()
            .all(|health| health.verdict == Verdict::Unknown)
    );
    checkup.look(&mut drivers).await;
    let found = checkup.findings();
    let verdicts: Vec<Verdict> = found.values().map(|health| health.verdict).collect();
    assert_eq!(verdicts, [Verdict::Healthy, Verdict::Unhealthy]);
}

#[tokio::test(start_paused = true)]
async fn a_wait_ends_when_all_are_well_twice_in_a_row() {
    let state = state(&["a", "b"]);
    let mut drivers = drivers(vec![
        Ok(vec![Some(catching_up()), Some(well())]),
        Ok(vec![Some(well()), Some(well())]),
        Ok(vec![Some(well()), Some(catching_up())]),
        Ok(vec![Some(well()), Some(well())]),
    ]);
    let mut checkup = checkup(&state, &drivers);
    let mut told = 0;
    let waited = wait(&mut checkup, &mut drivers, None, |_, _| told += 1).await;
    assert!(waited.late.is_empty(), "{waited:?}");
    assert_eq!((told, checkup.extent().0), (4, 5));
    assert_eq!(waited.took.as_secs(), 4);
}

#[tokio::test(start_paused = true)]
async fn a_wait_ends_when_an_object_had_its_time() {
    let state = state(&["a", "b"]);
    let mut drivers = drivers(vec![Ok(vec![Some(well()), Some(catching_up())])]);
    let mut checkup = checkup(&state, &drivers);
    let within = Some(Duration::from_secs(90));
    let waited = wait(&mut checkup, &mut drivers, within, |_, _| {}).await;
    let late: Vec<String> = waited
        .late
        .iter()
        .map(|late| late.address.to_string())
        .collect();
    assert_eq!(late, ["topic.b"]);
    assert!(
        (90..=93).contains(&waited.took.as_secs()),
        "{:?}",
        waited.took
    );
}

#[tokio::test(start_paused = true)]
async fn a_system_that_comes_back_in_time_is_waited_for() {
    let state = state(&["a"]);
    let mut drivers = drivers(vec![away(), away(), Ok(vec![Some(well())])]);
    let mut checkup = checkup(&state, &drivers);
    let waited = wait(&mut checkup, &mut drivers, None, |_, _| {}).await;
    assert!(waited.late.is_empty());
}

#[test]
fn only_what_is_chosen_is_looked_at() {
    let state = state(&["a", "b"]);
    let drivers = drivers(vec![away()]);
    let checkup = Checkup::of(&state, &drivers, |address| &*address.name == "b");
    let checkup = checkup.expect("the state can be read");
    assert_eq!(checkup.findings().len(), 1);
}
