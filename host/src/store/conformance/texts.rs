//! Names and hosts that no event uses any more.

use std::sync::atomic::{AtomicBool, Ordering};

use futures::future::join_all;

use super::*;

const DAY: Duration = Duration::from_secs(24 * 3_600);

async fn delete(store: &dyn Store, timeline: &TimelineKey) {
    while !persist(|| store.delete_timeline(timeline, 100)).await.expect("a step is done").gone {}
}

/// A step of collecting, where one is due: how many texts it deleted.
async fn collect(store: &dyn Store, settle: Duration) -> Option<u64> {
    let stale = persist(|| store.stale_texts(settle)).await.expect("an answer")?;
    assert_eq!(stale.context, "deploy");
    Some(persist(|| store.collect_texts(&stale)).await.expect("a step is done"))
}

/// Redis keeps names with their events.
fn keeps_texts(database: &Database) -> bool {
    !matches!(database.place, Place::Redis(_))
}

async fn what_no_event_uses_goes_and_comes_back_by_whoever_remembers_it(database: Database) {
    let (store, other) = (database.open().await, database.open().await);
    for (name, keys) in [("a", [key("x", "h1"), key("y", "h2")]), ("b", [key("y", "h2"), key("z", "")])] {
        written(&*store, &batch(keys.map(|key| change("deploy", named(name), key, start(1))), at(0))).await;
    }
    report(&*other, "deploy", named("a"), key("x", "h1"), end(2)).await;
    assert_eq!(collect(&*store, Duration::ZERO).await, None, "nothing was deleted");
    delete(&*store, &timeline("deploy", 1)).await;
    let deleted = |texts| keeps_texts(&database).then_some(texts);
    assert_eq!(collect(&*store, DAY).await, deleted(0), "the generation rises");
    assert_eq!(collect(&*store, DAY).await, None, "nothing has settled");
    assert_eq!(collect(&*other, Duration::ZERO).await, deleted(2));
    assert_eq!(collect(&*store, Duration::ZERO).await, None, "it is done");
    report(&*other, "deploy", named("b"), key("x", "h1"), start(3)).await;
    let left = [(key("x", "h1"), start(3)), (key("y", "h2"), start(1)), (key("z", ""), start(1))];
    assert_eq!(events(&*store, &timeline("deploy", 2)).await, left);
}

async fn what_is_learnt_in_the_meantime_stays(database: Database) {
    let (store, other) = (database.open().await, database.open().await);
    report(&*store, "deploy", named("a"), key("x", ""), start(1)).await;
    report(&*store, "deploy", named("b"), key("y", ""), start(1)).await;
    delete(&*store, &timeline("deploy", 1)).await;
    let deleted = |texts| keeps_texts(&database).then_some(texts);
    assert_eq!(collect(&*store, DAY).await, deleted(0));
    // Somebody is about to write x again, and the event is not there yet: or not any more.
    report(&*other, "deploy", named("c"), key("x", ""), start(2)).await;
    delete(&*store, &timeline("deploy", 3)).await;
    assert_eq!(collect(&*store, Duration::ZERO).await, deleted(0), "it was learnt again");
    assert_eq!(collect(&*store, DAY).await, deleted(0), "the generation rises");
    assert_eq!(collect(&*store, Duration::ZERO).await, deleted(1), "and it was not learnt since");
    for store in [&store, &other] {
        report(&**store, "deploy", named("b"), key("x", ""), end(5)).await;
    }
    assert_eq!(events(&*store, &timeline("deploy", 2)).await, [(key("x", ""), end(5)), (key("y", ""), start(1))]);
}

/// A collector that has slept finds another generation, and must not delete what belongs to it.
async fn a_late_collector_deletes_nothing_of_later_generations(database: Database) {
    let (store, other) = (database.open().await, database.open().await);
    report(&*store, "deploy", named("a"), key("x", ""), start(1)).await;
    report(&*store, "deploy", named("b"), key("y", ""), start(1)).await;
    delete(&*store, &timeline("deploy", 1)).await;
    collect(&*store, DAY).await;
    let Some(late) = store.stale_texts(Duration::ZERO).await.expect("an answer") else { return };
    // x is of the new generation when the others begin one more.
    report(&*other, "deploy", named("c"), key("x", ""), start(2)).await;
    delete(&*store, &timeline("deploy", 3)).await;
    assert_eq!(collect(&*other, Duration::ZERO).await, Some(0), "they are done with it");
    assert_eq!(collect(&*other, DAY).await, Some(0), "the generation rises");
    assert_eq!(persist(|| store.collect_texts(&late)).await.expect("a step"), 0);
    assert_eq!(collect(&*store, DAY).await, None, "it has not ended what others began");
    assert_eq!(collect(&*store, Duration::ZERO).await, Some(1));
}

/// Names come, go and come again, each used by now one and now another instance, while they are collected.
async fn no_event_loses_its_name(database: Database) {
    const SETTLE: Duration = Duration::from_secs(2);
    let done = AtomicBool::new(!keeps_texts(&database));
    let write = async |writer: usize| {
        let store = database.open().await;
        let mut round = writer;
        while !done.load(Ordering::Relaxed) {
            // Some come again soon, some late, and some never.
            let name = if round.is_multiple_of(3) { format!("step-{round}") } else { format!("step-{}", round % 211) };
            let key = key(&name, &format!("h{}", round % 7));
            report(&*store, "deploy", named(&format!("t{}", round / 40)), key, start(1)).await;
            round += 4;
        }
    };
    let tidy = async || {
        let store = database.open().await;
        let (mut collected, mut kept) = (0, 0);
        while collected < 3 && !done.load(Ordering::Relaxed) {
            let newest = store.timelines("deploy", None, 1).await.expect("read");
            let newest = newest.first().map_or(0, |row| row.key.number);
            while kept + 2 < newest {
                kept += 1;
                delete(&*store, &timeline("deploy", kept)).await;
            }
            collected += u32::from(collect(&*store, SETTLE).await.is_some_and(|texts| texts > 0));
        }
        done.store(true, Ordering::Relaxed);
    };
    futures::future::join(join_all((0..4).map(write)), tidy()).await;
    let store = database.open().await;
    for row in store.timelines("deploy", None, 9).await.expect("read") {
        let events = events(&*store, &row.key).await;
        assert_eq!(events.len() as u64, row.events, "each has its name");
        assert!(events.iter().all(|(key, _)| key.name.starts_with("step-") && key.host.starts_with('h')));
    }
}

on_every_store!(
    what_no_event_uses_goes_and_comes_back_by_whoever_remembers_it,
    what_is_learnt_in_the_meantime_stays,
    a_late_collector_deletes_nothing_of_later_generations,
    no_event_loses_its_name,
);
