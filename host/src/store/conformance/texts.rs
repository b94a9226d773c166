//! Names and hosts that no event uses any more.

use std::sync::atomic::{AtomicBool, Ordering};

use futures::future::join_all;

use super::*;

const DAY: Duration = Duration::from_secs(24 * 3_600);

async fn delete(store: &dyn Store, timeline: &TimelineKey) {
    while !persist(|| store.delete_timeline(timeline, 100)).await.expect("a step is done").gone {}
}

async fn due(store: &dyn Store, settle: Duration) -> Option<String> {
    persist(|| store.unused_texts(settle)).await.expect("an answer")
}

async fn collect(store: &dyn Store) -> u64 {
    persist(|| store.collect_texts("deploy")).await.expect("collected")
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
    assert_eq!(due(&*store, Duration::ZERO).await, None, "nothing was deleted");
    delete(&*store, &timeline("deploy", 1)).await;
    assert_eq!(due(&*store, DAY).await, None, "nothing has settled");
    let wanted = keeps_texts(&database).then(|| "deploy".to_owned());
    assert_eq!(due(&*other, Duration::ZERO).await, wanted);
    assert_eq!(collect(&*store).await, if keeps_texts(&database) { 2 } else { 0 });
    assert_eq!(due(&*store, Duration::ZERO).await, None, "it is done");
    report(&*other, "deploy", named("b"), key("x", "h1"), start(3)).await;
    let left = [(key("x", "h1"), start(3)), (key("y", "h2"), start(1)), (key("z", ""), start(1))];
    assert_eq!(events(&*store, &timeline("deploy", 2)).await, left);
}

async fn what_is_learnt_in_the_meantime_stays(database: Database) {
    let (store, other) = (database.open().await, database.open().await);
    report(&*store, "deploy", named("a"), key("x", ""), start(1)).await;
    report(&*store, "deploy", named("b"), key("y", ""), start(1)).await;
    delete(&*store, &timeline("deploy", 1)).await;
    assert_eq!(due(&*store, DAY).await, None);
    // Somebody is about to write x again, and the event is not there yet: or not any more.
    report(&*other, "deploy", named("c"), key("x", ""), start(2)).await;
    delete(&*store, &timeline("deploy", 3)).await;
    for (collected, why) in [(0, "it was learnt again"), (1, "and not again until the next time")] {
        due(&*store, Duration::ZERO).await;
        let collected = if keeps_texts(&database) { collected } else { 0 };
        assert_eq!(collect(&*store).await, collected, "{why}");
    }
    for store in [&store, &other] {
        report(&**store, "deploy", named("b"), key("x", ""), end(5)).await;
    }
    assert_eq!(events(&*store, &timeline("deploy", 2)).await, [(key("x", ""), end(5)), (key("y", ""), start(1))]);
}

/// Names come and go, each used by now one and now the other instance, while they are collected.
async fn no_event_loses_its_name(database: Database) {
    const SETTLE: Duration = Duration::from_secs(2);
    let done = AtomicBool::new(!keeps_texts(&database));
    let write = async |writer: usize| {
        let store = database.open().await;
        let mut round = writer;
        while !done.load(Ordering::Relaxed) {
            let key = key(&format!("step-{}", round % 31), &format!("h{}", round % 7));
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
            if due(&*store, SETTLE).await.is_some() {
                collect(&*store).await;
                collected += 1;
            }
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
    no_event_loses_its_name,
);
