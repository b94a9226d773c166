//! The state in a store is the one that the pure rule gives, whatever the order, the batches and the writers.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, Ordering};

use futures::future::join_all;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use super::*;
use crate::event::{EventState, FunctionSet, Liveness};
use crate::store::TimelineRow;

const CONTEXTS: [&str; 2] = ["deploy", "build of main"];
const TIMELINES: [&str; 2] = ["one", "two"];

/// A report, as far as a store sees it.
#[derive(Clone, Debug)]
struct Said {
    context: &'static str,
    timeline: &'static str,
    name: &'static str,
    host: &'static str,
    event: Event,
}

/// Few names and few moments, so that reports meet and tie.
fn said() -> impl Strategy<Value = Said> {
    let event = (
        prop_oneof![Just(Kind::Start), Just(Kind::End), Just(Kind::Point)],
        0..4_i64,
        proptest::option::of(proptest::sample::select(Status::ALL.to_vec())),
        proptest::sample::select(vec![
            &[][..],
            &[("a", "1")],
            &[("a", "2")],
            &[("b", "é\"\u{10ffff}")],
            &[("a", ""), ("b", "")],
        ]),
    );
    let event = event.prop_map(|(kind, seconds, status, labels): (_, _, _, &[(&str, &str)])| {
        let labels = labels.iter().copied().collect();
        let status = status.filter(|_| kind != Kind::Start);
        let event = Event::of_report(&Report { status, labels, ..Report::new(kind, "-", "-") }, at(seconds));
        // Of reports that say the same it is open whose functions are told: here they have the same ones.
        let functions = FunctionSet::from_text(&if seconds > 0 { format!("{event:?}") } else { String::new() });
        Event { functions, ..event }
    });
    let select = proptest::sample::select::<&'static str>;
    (
        select(CONTEXTS.to_vec()),
        select(TIMELINES.to_vec()),
        select(vec!["db", "db.migrate", "DB", "é", "z"]),
        select(vec!["", "web-1"]),
        event,
    )
        .prop_map(|(context, timeline, name, host, event)| Said { context, timeline, name, host, event })
}

/// Reports, and how they come: for each the writers and the batches that it is in.
fn history() -> impl Strategy<Value = (Vec<Said>, Vec<Vec<Vec<usize>>>)> {
    proptest::collection::vec(said(), 1..30).prop_flat_map(|reports| {
        let index = 0..reports.len();
        let batch = proptest::collection::vec(index, 1..8);
        let writers = proptest::collection::vec(proptest::collection::vec(batch, 1..4), 1..4);
        (Just(reports), writers)
    })
}

/// Events by context, name of the timeline, and key.
type State = BTreeMap<(&'static str, &'static str, EventKey), Event>;

fn expected<'a>(reports: impl IntoIterator<Item = &'a Said>) -> State {
    let mut state = State::new();
    for said in reports {
        let event = state.entry((said.context, said.timeline, key(said.name, said.host))).or_default();
        event.merge(said.event.clone());
    }
    state
}

/// One try: its number keeps its contexts apart from those of the tries before it in the same store.
struct Try(u32);

impl Try {
    fn context(&self, context: &str) -> String {
        format!("{context} {}", self.0)
    }

    async fn write(&self, store: &dyn Store, reports: &[Said], batches: &[Vec<usize>]) {
        for indices in batches {
            let changes = indices.iter().map(|index| {
                let said = &reports[*index];
                let key = key(said.name, said.host);
                change(&self.context(said.context), named(said.timeline), key, said.event.clone())
            });
            written(store, &batch(changes, at(0))).await;
        }
    }

    /// What the store has, and whether the sums agree with it.
    async fn stored(&self, store: &dyn Store) -> State {
        let mut state = State::new();
        for (context, name) in CONTEXTS.iter().flat_map(|context| TIMELINES.map(|name| (*context, name))) {
            let which = TimelineRef::Name(name.to_owned());
            let found = store.timeline(&self.context(context), &which).await.expect("a timeline is read");
            let Some(found) = found else { continue };
            let events = events(store, &found.key).await;
            assert!(events.is_sorted_by(|(a, _), (b, _)| a < b), "events come in key order, each once");
            let count = |test: fn(&Event) -> bool| events.iter().filter(|(_, event)| test(event)).count() as u64;
            assert_eq!(found.events, events.len() as u64);
            assert_eq!(found.running, count(Event::is_running));
            assert_eq!(found.failed, count(|event| event.state(Liveness::Alive) == EventState::Failed));
            assert_eq!(found.first, events.iter().filter_map(|(_, event)| event.first()).min());
            assert_eq!(found.last, events.iter().filter_map(|(_, event)| event.last()).max());
            state.extend(events.into_iter().map(|(key, event)| ((context, name, key), event)));
        }
        state
    }
}

async fn any_order_of_any_batches_by_any_writers_gives_the_pure_state(database: Database) {
    let instances = join_all((0..3).map(|_| database.open())).await;
    let runtime = tokio::runtime::Handle::current();
    let tries = AtomicU32::new(0);
    let run = move |(reports, writers): (Vec<Said>, Vec<Vec<Vec<usize>>>)| {
        let this = Try(tries.fetch_add(1, Ordering::Relaxed));
        let state = runtime.block_on(async {
            let writes = writers.iter().zip(&instances).map(|(batches, store)| this.write(&**store, &reports, batches));
            join_all(writes).await;
            this.stored(&*instances[0]).await
        });
        prop_assert_eq!(state, expected(writers.iter().flatten().flatten().map(|index| &reports[*index])));
        Ok(())
    };
    let config = Config { cases: 100, failure_persistence: None, ..Config::default() };
    let check = move || TestRunner::new(config).run(&history(), run).map_err(|error| error.to_string());
    let outcome = tokio::task::spawn_blocking(check).await.expect("the runner does not panic");
    assert_eq!(outcome, Ok(()));
}

async fn writing_again_changes_nothing_but_revisions(database: Database) {
    let store = database.open().await;
    let events_of = |seconds| merged([start(seconds), start(seconds + 5), end_as(seconds + 9, Status::Failure)]);
    let changes = ["a", "b", "c"].map(|name| change("deploy", Target::Active, key(name, ""), events_of(1)));
    let batch = batch(changes, at(3));
    assert_eq!(store.write(&batch).await.expect("written"), [timeline("deploy", 1)]);
    let before = store.timeline("deploy", &TimelineRef::Latest).await.expect("read").expect("it is there");
    let events_before = events(&*store, &before.key).await;
    assert_eq!(store.write(&batch).await.expect("written"), [timeline("deploy", 1)]);
    let after = store.timeline("deploy", &TimelineRef::Latest).await.expect("read").expect("it is there");
    assert!(after.revision > before.revision);
    assert_eq!(after, TimelineRow { revision: after.revision, ..before });
    assert_eq!(events(&*store, &after.key).await, events_before);
}

async fn labels_of_equal_times_are_the_greater_by_bytes(database: Database) {
    let store = database.open().await;
    let labelled = |kind, value: &str| {
        let labels = [("k", value)].into_iter().collect();
        Event::of_report(&Report { labels, ..Report::new(kind, "-", "-") }, at(1))
    };
    // A locale's order would have é before z, and a before B.
    for values in [["é", "z"], ["a", "B"], ["z", "é"], ["B", "a"]] {
        for kind in [Kind::Start, Kind::End, Kind::Point] {
            let key = key(&format!("{kind:?}"), values[0]);
            for value in values {
                report(&*store, "deploy", Target::Active, key.clone(), labelled(kind, value)).await;
            }
        }
    }
    for (key, event) in events(&*store, &timeline("deploy", 1)).await {
        let greater = if ["é", "z"].contains(&&*key.host) { "é" } else { "a" };
        assert_eq!(event.labels().get("k"), Some(greater), "{key:?}");
    }
}

async fn the_fields_of_a_finish_decide_in_their_order(database: Database) {
    let store = database.open().await;
    let cases = [
        ("an end beats a later point", [end(1), point(5)], 1),
        ("the later end wins", [end(3), end_as(2, Status::Error)], 3),
        ("so does the later point", [point(1), point(2)], 2),
        ("a status beats none", [end_as(4, Status::Skipped), end(4)], 4),
    ];
    for (name, both, _) in &cases {
        for event in both {
            report(&*store, "deploy", Target::Active, key(name, ""), event.clone()).await;
        }
    }
    for (key, event) in events(&*store, &timeline("deploy", 1)).await {
        let (_, both, ended) = cases.iter().find(|(name, ..)| *name == key.name).expect("a case");
        assert_eq!((&event, event.ended_at()), (&merged(both.clone()), Some(at(*ended))), "{}", key.name);
    }
}

async fn five_thousand_changes_are_one_batch(database: Database) {
    let store = database.open().await;
    let (name, host) = (|n: u32| format!("build.target-{}", n % 2_500), |n: u32| format!("host-{}", n / 2_500));
    let wanted: Vec<_> = (0..5_000).map(|n| (key(&name(n), &host(n)), start(i64::from(n)))).collect();
    let changes = wanted.iter().map(|(key, event)| change("build", Target::Active, key.clone(), event.clone()));
    store.write(&batch(changes, at(0))).await.expect("written");
    let mut wanted = wanted.clone();
    wanted.sort_by(|(a, _), (b, _)| a.cmp(b));
    assert!(events(&*store, &timeline("build", 1)).await == wanted);
}

on_every_store! {
    any_order_of_any_batches_by_any_writers_gives_the_pure_state,
    writing_again_changes_nothing_but_revisions,
    labels_of_equal_times_are_the_greater_by_bytes,
    the_fields_of_a_finish_decide_in_their_order,
    five_thousand_changes_are_one_batch,
}
