//! Deletion of timelines and contexts, alone and while others write.

use std::sync::atomic::{AtomicBool, Ordering};

use futures::future::join_all;

use super::*;

async fn delete_timeline(store: &dyn Store, timeline: &TimelineKey, limit: u32) -> u32 {
    let mut steps = 1;
    while !persist(|| store.delete_timeline(timeline, limit)).await.expect("a step is done").gone {
        steps += 1;
    }
    steps
}

async fn delete_context(store: &dyn Store, context: &str) {
    while !persist(|| store.delete_context(context, 7)).await.expect("a step is done") {}
}

async fn numbers(store: &dyn Store, context: &str) -> Vec<u32> {
    let rows = store.timelines(context, None, u32::MAX).await.expect("read");
    rows.iter().map(|row| row.key.number).collect()
}

/// Some steps that have started.
fn steps(context: &str, target: &Target, count: u32) -> Batch {
    batch((0..count).map(|n| change(context, target.clone(), key(&format!("step-{n}"), "h"), start(1))), at(0))
}

async fn a_timeline_goes_in_steps_and_its_row_last(database: Database) {
    let store = database.open().await;
    for name in ["a", "b", "c"] {
        written(&*store, &steps("deploy", &named(name), 25)).await;
    }
    let gone = timeline("deploy", 2);
    let step = store.delete_timeline(&gone, 10).await.expect("a step");
    assert_eq!(step, Deleted { events: 10, gone: false });
    let left = store.timeline("deploy", &TimelineRef::Number(2)).await.expect("read").expect("its row goes last");
    assert_eq!(left.events, 15);
    assert_eq!(delete_timeline(&*store, &gone, 10).await, 2);
    assert_eq!(numbers(&*store, "deploy").await, [3, 1]);
    assert_eq!(events(&*store, &gone).await, []);
    for number in [1, 3] {
        assert_eq!(events(&*store, &timeline("deploy", number)).await.len(), 25, "others stay");
    }
    for none in [gone, timeline("deploy", 9), timeline("none", 1)] {
        let step = store.delete_timeline(&none, 10).await.expect("a step");
        assert_eq!(step, Deleted { events: 0, gone: true }, "{none:?} is not there");
    }
    // Its name is free, and gets a number of its own.
    assert_eq!(report(&*store, "deploy", named("b"), key("db", ""), start(1)).await, [timeline("deploy", 4)]);
}

async fn what_is_left_of_a_timeline_is_summed_up_as_it_is(database: Database) {
    let store = database.open().await;
    let event = |n: i64| match n % 4 {
        0 => start(n),
        1 => merged([start(n), end_as(n + 50, Status::Failure)]),
        2 => point(n),
        _ => end(n),
    };
    let whole = (0..30).map(|n| change("deploy", named("a"), key(&format!("step-{}", n * 7 % 30), "h"), event(n)));
    written(&*store, &batch(whole, at(0))).await;
    let agrees = async || {
        let row = store.timeline("deploy", &TimelineRef::Number(1)).await.expect("read").expect("its row goes last");
        let left: Vec<_> = events(&*store, &row.key).await.into_iter().map(|(_, event)| event).collect();
        let count = |test: fn(&Event) -> bool| left.iter().filter(|event| test(event)).count() as u64;
        let failed = |event: &Event| !event.is_running() && event.status().is_some_and(Status::is_failed);
        assert_eq!((row.events, row.running), (left.len() as u64, count(Event::is_running)));
        assert_eq!(row.failed, count(failed));
        assert_eq!(row.first, left.iter().filter_map(Event::first).min());
        assert_eq!(row.last, left.iter().filter_map(Event::last).max());
    };
    for more in 0..5 {
        agrees().await;
        assert!(!store.delete_timeline(&timeline("deploy", 1), 4).await.expect("a step").gone);
        agrees().await;
        // Something is written between two steps.
        report(&*store, "deploy", named("a"), key(&format!("more-{more}"), ""), start(20 + more)).await;
    }
}

async fn the_newest_comes_back_under_its_number(database: Database) {
    let store = database.open().await;
    new(&*store, "deploy", None).await;
    written(&*store, &steps("deploy", &named("b"), 5)).await;
    delete_timeline(&*store, &timeline("deploy", 2), 10).await;
    let context = store.context("deploy").await.expect("read").expect("it is there");
    assert_eq!(context.latest, 2, "numbers only ever grow");
    assert_eq!(report(&*store, "deploy", Target::Active, key("db", ""), start(1)).await, [timeline("deploy", 2)]);
    assert_eq!(events(&*store, &timeline("deploy", 2)).await, [(key("db", ""), start(1))]);
    delete_timeline(&*store, &timeline("deploy", 2), 10).await;
    assert_eq!(new(&*store, "deploy", None).await, 3);
}

async fn a_context_goes_with_all_that_is_in_it(database: Database) {
    let (one, other) = (database.open().await, database.open().await);
    for context in ["build", "deploy"] {
        for name in ["a", "b"] {
            written(&*one, &steps(context, &named(name), 25)).await;
            written(&*other, &steps(context, &named(name), 25)).await;
        }
    }
    delete_context(&*one, "deploy").await;
    assert!(one.delete_context("deploy", 7).await.expect("a step"), "it is not there");
    assert_eq!(other.context("deploy").await.expect("read"), None);
    assert_eq!(numbers(&*other, "build").await, [2, 1]);
    // Both remember ids of its names; those of the new one are others.
    for (store, host) in [(&other, "x"), (&one, "y")] {
        let touched = report(&**store, "deploy", Target::Active, key("step-1", host), start(1)).await;
        assert_eq!(touched, [timeline("deploy", 1)]);
    }
    let names: Vec<_> = events(&*one, &timeline("deploy", 1)).await.into_iter().map(|(key, _)| key).collect();
    assert_eq!(names, [key("step-1", "x"), key("step-1", "y")]);
}

/// Three instances write to the same timelines while a fourth deletes these and their context again and again. Afterwards each
/// event has its timeline and its names, and what is written then is there.
async fn writers_and_deletion_leave_nothing_half_done(database: Database) {
    let writers = join_all((0..3).map(|_| database.open())).await;
    let deleter = database.open().await;
    let writing = AtomicBool::new(true);
    let targets = [Target::Active, named("a"), named("b")];
    let writes = async {
        let rounds = writers.iter().enumerate().map(|(writer, store)| {
            let targets = &targets;
            async move {
                for round in 0..40_usize {
                    written(&**store, &steps("deploy", &targets[(writer + round) % 3], 30)).await;
                    let ends =
                        (0..30).map(|n| change("deploy", Target::Active, key(&format!("step-{n}"), "h"), end(2)));
                    written(&**store, &batch(ends, at(0))).await;
                }
            }
        });
        join_all(rounds).await;
        writing.store(false, Ordering::Relaxed);
    };
    let deletes = async {
        let mut round = 0;
        while writing.load(Ordering::Relaxed) {
            for number in numbers(&*deleter, "deploy").await {
                let key = timeline("deploy", number);
                let _ = persist(|| deleter.delete_timeline(&key, 20)).await.expect("a step");
            }
            round += 1;
            if round % 5 == 0 {
                let _ = persist(|| deleter.delete_context("deploy", 20)).await.expect("a step");
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(120), futures::future::join(writes, deletes)).await.expect("no one waits");
    let touched = written(&*writers[0], &steps("deploy", &Target::Active, 30)).await;
    let rows = orphans(&database).await;
    assert_eq!(rows, ["0", "0"].map(|none| Some(none.to_owned())), "events without a timeline, or without a name");
    let last = touched.last().expect("one was touched");
    assert!(events(&*writers[1], last).await.len() >= 30, "what was written after the deletion is there");
    delete_context(&*deleter, "deploy").await;
    assert_eq!(deleter.context("deploy").await.expect("read"), None);
}

/// How many events have no timeline, and how many no name.
async fn orphans(database: &Database) -> [Option<String>; 2] {
    match &database.place {
        Place::Memory(_) => return ["0", "0"].map(|none| Some(none.to_owned())),
        Place::Redis(redis) => return on_redis::orphans(redis).map(|count| Some(count.to_string())),
        Place::File(_) | Place::Server(_) => {}
    }
    let schema = database.schema();
    let sql = format!(
        "SELECT (SELECT count(*) FROM {schema}events e WHERE NOT EXISTS (SELECT 1 FROM {schema}timelines t \
           WHERE t.context_id = e.context_id AND t.number = e.timeline)), \
         (SELECT count(*) FROM {schema}events e WHERE NOT EXISTS (SELECT 1 FROM {schema}texts n \
           WHERE n.context_id = e.context_id AND n.id = e.name_id))"
    );
    let mut rows = database.query(&sql).await;
    if database.is_postgres() {
        let deadlocks = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()";
        assert_eq!(database.query(deadlocks).await, [[Some("0".to_owned())]]);
    }
    rows.remove(0).try_into().expect("two numbers")
}

on_every_store!(
    a_timeline_goes_in_steps_and_its_row_last,
    what_is_left_of_a_timeline_is_summed_up_as_it_is,
    the_newest_comes_back_under_its_number,
    a_context_goes_with_all_that_is_in_it,
    writers_and_deletion_leave_nothing_half_done,
);
