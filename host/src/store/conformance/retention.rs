//! What housekeeping asks of a store: which timelines are not to be kept, contexts without any, and whose turn it is.

use futures::future::join;

use super::*;

/// Begins a timeline that has been silent for so many seconds.
async fn silent(store: &dyn Store, context: &str, name: &str, seconds: i64) {
    let received = Time::from_micros(now().micros() - seconds * 1_000_000);
    written(store, &batch([change(context, named(name), key("step", ""), start(1))], received)).await;
}

async fn expired(store: &dyn Store, silent_s: Option<u32>, newest: Option<u32>, limit: u32) -> Vec<u32> {
    let keys = store.expired_timelines("deploy", Keep { silent_s, newest }, limit).await.expect("found");
    assert!(keys.iter().all(|key| key.context == "deploy"), "{keys:?}");
    keys.into_iter().map(|key| key.number).collect()
}

async fn timelines_that_are_too_old_or_too_many_are_found(database: Database) {
    let store = database.open().await;
    assert_eq!(expired(&*store, Some(1), Some(1), 9).await, [0; 0], "there is no such context");
    silent(&*store, "build", "a", 9_000).await;
    for (name, silent_s) in [("a", 5_000), ("b", 100), ("c", 4_000), ("d", 90), ("e", 3_000)] {
        silent(&*store, "deploy", name, silent_s).await;
    }
    assert_eq!(expired(&*store, None, None, 9).await, [0; 0], "nothing is said");
    assert_eq!(expired(&*store, Some(2_000), None, 9).await, [1, 3, 5], "the newest, too");
    assert_eq!(expired(&*store, Some(3_500), None, 9).await, [1, 3]);
    assert_eq!(expired(&*store, Some(9_500), None, 9).await, [0; 0]);
    assert_eq!(expired(&*store, None, Some(2), 9).await, [1, 2, 3]);
    assert_eq!(expired(&*store, None, Some(5), 9).await, [0; 0]);
    assert_eq!(expired(&*store, Some(2_000), Some(4), 9).await, [1, 3, 5]);
    assert_eq!(expired(&*store, Some(2_000), Some(2), 9).await, [1, 2, 3, 5]);
    assert_eq!(expired(&*store, Some(2_000), Some(2), 2).await, [1, 2], "the oldest first");
    // Those that exist count, and not the numbers that were given.
    for number in [2, 4] {
        assert!(store.delete_timeline(&timeline("deploy", number), 10).await.expect("a step").gone);
    }
    assert_eq!(expired(&*store, None, Some(2), 9).await, [1]);
    // What a timeline receives keeps it.
    silent(&*store, "deploy", "a", 0).await;
    assert_eq!(expired(&*store, Some(2_000), None, 9).await, [3, 5]);
}

async fn a_context_goes_alone_only_without_timelines(database: Database) {
    let (one, other) = (database.open().await, database.open().await);
    report(&*one, "deploy", Target::Active, key("db", "h"), start(1)).await;
    assert!(!one.delete_empty_context("deploy").await.expect("asked"));
    assert_eq!(events(&*other, &timeline("deploy", 1)).await, [(key("db", "h"), start(1))]);
    assert!(one.delete_timeline(&timeline("deploy", 1), 10).await.expect("a step").gone);
    assert!(one.delete_empty_context("deploy").await.expect("asked"));
    assert_eq!(other.context("deploy").await.expect("read"), None);
    assert!(other.delete_empty_context("deploy").await.expect("asked"), "it is not there");
    // Each remembers ids of it.
    for (store, host) in [(&one, "x"), (&other, "y")] {
        let touched = report(&**store, "deploy", Target::Active, key("db", host), start(1)).await;
        assert_eq!(touched, [timeline("deploy", 1)]);
    }
    assert_eq!(events(&*one, &timeline("deploy", 1)).await.len(), 2);
}

/// Reports come for a context in the moment in which it is deleted as empty: none is lost.
async fn what_comes_for_a_context_that_goes_is_kept(database: Database) {
    let (writer, deleter) = (database.open().await, database.open().await);
    for round in 0..30 {
        let host = format!("host-{round}");
        let writes = report(&*writer, "deploy", Target::Active, key("db", &host), start(1));
        let deletes = persist(|| deleter.delete_empty_context("deploy"));
        let (touched, deleted) = join(writes, deletes).await;
        deleted.expect("asked");
        assert_eq!(events(&*deleter, &touched[0]).await, [(key("db", &host), start(1))], "round {round}");
        assert!(persist(|| deleter.delete_timeline(&touched[0], 10)).await.expect("a step").gone);
    }
}

async fn when_a_context_gives_up_is_kept_with_it(database: Database) {
    let (one, other) = (database.open().await, database.open().await);
    silent(&*one, "deploy", "a", 100).await;
    let said = async || {
        let context = other.context("deploy").await.expect("read").expect("it is there").abandon_after_s;
        let timeline = other.timeline("deploy", &TimelineRef::Latest).await.expect("read").expect("it is there");
        assert_eq!(timeline.abandon_after_s, context);
        assert_eq!(other.contexts(None, 9).await.expect("read")[0].abandon_after_s, context);
        assert_eq!(other.timelines("deploy", None, 9).await.expect("read"), std::slice::from_ref(&timeline));
        (context, timeline.state(now()))
    };
    assert_eq!(said().await, (None, EventState::Running));
    one.set_abandon_after("deploy", Some(60)).await.expect("set");
    assert_eq!(said().await, (Some(60), EventState::Unfinished));
    one.set_abandon_after("deploy", Some(i32::MAX as u32)).await.expect("set");
    assert_eq!(said().await, (Some(i32::MAX as u32), EventState::Running));
    one.set_abandon_after("deploy", None).await.expect("set");
    assert_eq!(said().await, (None, EventState::Running));
    one.set_abandon_after("none", Some(60)).await.expect("a context that is gone is no error");
}

async fn one_instance_has_the_housekeeping(database: Database) {
    const LONG: Duration = Duration::from_secs(1_000);
    let (one, other) = (database.open().await, database.open().await);
    let claim = async |store: &Arc<dyn Store>, holder: &str, lease| {
        persist(|| store.claim_housekeeping(holder, lease)).await.expect("an answer")
    };
    assert!(claim(&one, "one", LONG).await, "nobody has it");
    assert!(!claim(&other, "other", LONG).await);
    assert!(!claim(&other, "other", Duration::ZERO).await, "what is another's can't be given back");
    assert!(claim(&one, "one", LONG).await, "it is renewed");
    assert!(!claim(&other, "other", LONG).await);
    assert!(claim(&one, "one", Duration::ZERO).await);
    assert!(claim(&other, "other", Duration::from_millis(300)).await, "it was given back");
    // Nothing more is heard of the other.
    let deadline = Instant::now() + Duration::from_secs(30);
    while !claim(&one, "one", LONG).await {
        assert!(Instant::now() < deadline, "the lease never ends");
    }
    let both = join(claim(&one, "one", LONG), claim(&other, "other", LONG)).await;
    assert_eq!(both, (true, false));
}

on_every_store!(
    timelines_that_are_too_old_or_too_many_are_found,
    a_context_goes_alone_only_without_timelines,
    what_comes_for_a_context_that_goes_is_kept,
    when_a_context_gives_up_is_kept_with_it,
    one_instance_has_the_housekeeping,
);
