//! Which timeline a report goes to, and how timelines are made.

use std::collections::BTreeSet;

use futures::future::join_all;

use super::*;
use crate::store::LOOK_BACK;

async fn the_first_report_of_a_context_makes_timeline_1(database: Database) {
    let store = database.open().await;
    assert_eq!(report(&*store, "deploy", Target::Active, key("db", ""), start(1)).await, [timeline("deploy", 1)]);
    let row = store.timeline("deploy", &TimelineRef::Latest).await.expect("read").expect("it is there");
    assert_eq!((row.key.number, row.name, row.superseded), (1, None, false));
    assert_eq!((row.created_at, row.received_at), (at(0), at(0)));
}

async fn the_active_timeline_is_the_newest(database: Database) {
    let store = database.open().await;
    assert_eq!(new(&*store, "deploy", None).await, 1);
    assert_eq!(new(&*store, "deploy", Some("gh-7")).await, 2);
    assert_eq!(report(&*store, "deploy", Target::Active, key("db", ""), start(1)).await, [timeline("deploy", 2)]);
    assert_eq!(report(&*store, "deploy", Target::Active, key("p", ""), point(1)).await, [timeline("deploy", 2)]);
    let row = store.timeline("deploy", &TimelineRef::Number(1)).await.expect("read").expect("it is there");
    assert!(row.superseded);
}

async fn a_name_means_its_timeline(database: Database) {
    let store = database.open().await;
    assert_eq!(report(&*store, "deploy", named("a"), key("db", ""), start(1)).await, [timeline("deploy", 1)]);
    assert_eq!(report(&*store, "deploy", named("b"), key("db", ""), start(1)).await, [timeline("deploy", 2)]);
    assert_eq!(report(&*store, "deploy", named("a"), key("db", ""), end(2)).await, [timeline("deploy", 1)]);
    // Names are bytes: neither case nor a trailing space is lost.
    assert_eq!(report(&*store, "deploy", named("A"), key("db", ""), end(2)).await, [timeline("deploy", 3)]);
    assert_eq!(report(&*store, "deploy", named("a "), key("db", ""), end(2)).await, [timeline("deploy", 4)]);
}

async fn named_and_active_reports_of_a_batch_meet_in_one_event(database: Database) {
    let store = database.open().await;
    let changes = [
        change("deploy", Target::Active, key("db", ""), end(2)),
        change("deploy", named("gh-7"), key("db", ""), start(1)),
        change("build", Target::Active, key("db", ""), start(1)),
    ];
    let touched = store.write(&batch(changes, at(0))).await.expect("written");
    assert_eq!(touched, [timeline("build", 1), timeline("deploy", 1)]);
    assert_eq!(events(&*store, &timeline("deploy", 1)).await, [(key("db", ""), merged([start(1), end(2)]))]);
}

async fn an_end_goes_to_where_its_event_runs(database: Database) {
    let store = database.open().await;
    let end_of = async |name: &str, host: &str| {
        report(&*store, "deploy", Target::Active, key(name, host), end(9)).await[0].number
    };
    for name in ["old", "ended", "twice"] {
        report(&*store, "deploy", Target::Active, key(name, "h"), start(1)).await;
    }
    report(&*store, "deploy", Target::Active, key("ended", "h"), end(2)).await;
    report(&*store, "deploy", Target::Active, key("again", "h"), merged([start(1), end(2), start(3)])).await;
    report(&*store, "deploy", Target::Active, key("point", "h"), merged([start(1), point(2)])).await;
    new(&*store, "deploy", None).await;
    report(&*store, "deploy", Target::Active, key("twice", "h"), start(1)).await;
    new(&*store, "deploy", None).await;
    assert_eq!(end_of("old", "h").await, 1);
    assert_eq!(end_of("old", "h").await, 1, "the same end again changes nothing");
    let another = report(&*store, "deploy", Target::Active, key("old", "h"), end(10)).await;
    assert_eq!(another[0].number, 3, "it does not run any more");
    assert_eq!(end_of("ended", "h").await, 3);
    assert_eq!(end_of("again", "h").await, 1, "it was started again after its end");
    assert_eq!(end_of("point", "h").await, 1, "a point ends nothing");
    assert_eq!(end_of("twice", "elsewhere").await, 3, "the host is part of the event");
    assert_eq!(end_of("twice", "h").await, 2, "the newest in which it runs");
    let another = report(&*store, "deploy", Target::Active, key("twice", "h"), end(10)).await;
    assert_eq!(another[0].number, 1);
}

async fn what_runs_in_the_active_timeline_ends_there(database: Database) {
    let store = database.open().await;
    report(&*store, "deploy", Target::Active, key("db", ""), start(1)).await;
    new(&*store, "deploy", None).await;
    report(&*store, "deploy", Target::Active, key("db", ""), start(2)).await;
    assert_eq!(report(&*store, "deploy", Target::Active, key("db", ""), end(3)).await, [timeline("deploy", 2)]);
}

async fn it_looks_back_over_sixteen_timelines(database: Database) {
    let store = database.open().await;
    report(&*store, "deploy", Target::Active, key("seen", ""), start(1)).await;
    report(&*store, "deploy", Target::Active, key("unseen", ""), start(1)).await;
    for _ in 1..LOOK_BACK {
        new(&*store, "deploy", None).await;
    }
    assert_eq!(report(&*store, "deploy", Target::Active, key("seen", ""), end(2)).await, [timeline("deploy", 1)]);
    new(&*store, "deploy", None).await;
    let touched = report(&*store, "deploy", Target::Active, key("unseen", ""), end(2)).await;
    assert_eq!(touched, [timeline("deploy", LOOK_BACK + 1)]);
}

async fn a_change_with_a_start_goes_to_the_active_timeline_whole(database: Database) {
    let store = database.open().await;
    report(&*store, "deploy", Target::Active, key("db", ""), start(1)).await;
    new(&*store, "deploy", None).await;
    let both = merged([start(2), end(3)]);
    assert_eq!(report(&*store, "deploy", Target::Active, key("db", ""), both).await, [timeline("deploy", 2)]);
}

async fn an_end_before_a_start_of_its_batch_belongs_to_what_ran_before(database: Database) {
    let store = database.open().await;
    report(&*store, "deploy", Target::Active, key("db", ""), start(1)).await;
    new(&*store, "deploy", None).await;
    let changes = [end(2), start(3)].map(|event| change("deploy", Target::Active, key("db", ""), event));
    let batch = Batch { changes: changes.into(), received_at: at(0) };
    store.write(&batch).await.expect("written");
    assert_eq!(events(&*store, &timeline("deploy", 1)).await, [(key("db", ""), merged([start(1), end(2)]))]);
    assert_eq!(events(&*store, &timeline("deploy", 2)).await, [(key("db", ""), start(3))]);
}

async fn many_ends_of_one_batch_find_their_timelines(database: Database) {
    let store = database.open().await;
    let name = |n: u32| format!("step-{n}");
    for _ in 0..4 {
        let number = new(&*store, "deploy", None).await;
        let steps = (0..400).filter(|n| n % 4 + 1 == number);
        let started = steps.map(|n| change("deploy", Target::Active, key(&name(n), ""), start(1)));
        store.write(&batch(started, at(0))).await.expect("written");
    }
    let ended = (0..400).map(|n| change("deploy", Target::Active, key(&name(n), ""), end(2)));
    let touched = store.write(&batch(ended, at(0))).await.expect("written");
    assert_eq!(touched, [1, 2, 3, 4].map(|number| timeline("deploy", number)));
    for key in touched {
        let row = store.timeline("deploy", &TimelineRef::Number(key.number)).await.expect("read").expect("there");
        assert_eq!((row.events, row.running), (100, 0));
    }
}

async fn a_new_timeline_is_made_once_for_a_name(database: Database) {
    let store = database.open().await;
    let make = |labels: &str, seconds| NewTimeline {
        context: "deploy".to_owned(),
        name: Some("gh-7".to_owned()),
        labels: LabelText::from_stored(labels.to_owned()),
        at: at(seconds),
        received_at: at(seconds),
    };
    let first = store.new_timeline(&make(r#"{"branch":"main"}"#, 1)).await.expect("made");
    new(&*store, "deploy", None).await;
    let before = store.timeline("deploy", &TimelineRef::Number(1)).await.expect("read");
    assert_eq!(store.new_timeline(&make(r#"{"branch":"other"}"#, 5)).await.expect("found"), first);
    assert_eq!(store.timeline("deploy", &TimelineRef::Number(1)).await.expect("read"), before);
    let row = before.expect("it is there");
    assert_eq!((row.labels.as_str(), row.created_at, row.events), (r#"{"branch":"main"}"#, at(1), 0));
    assert_eq!((row.first, row.last, row.running, row.failed), (None, None, 0, 0));
    assert_eq!(store.context("deploy").await.expect("read").expect("there").latest, 2);
}

async fn numbers_have_no_gaps_however_many_make_them(database: Database) {
    let instances = join_all((0..8).map(|_| database.open())).await;
    let made = instances.into_iter().enumerate().map(|(creator, store)| async move {
        let mut made = Vec::new();
        for round in 0..6_u32 {
            // Every other name is the same for all; unnamed ones and writes come in between.
            let name = if round % 2 == 0 { format!("shared-{round}") } else { format!("own-{creator}-{round}") };
            made.push(new(&*store, "deploy", Some(&name)).await);
            made.push(new(&*store, "deploy", None).await);
            let target = named(&format!("written-{round}"));
            made.push(report(&*store, "deploy", target, key("db", ""), start(1)).await[0].number);
        }
        made
    });
    let made: BTreeSet<u32> = join_all(made).await.into_iter().flatten().collect();
    let wanted = 3 + 8 * 3 + 8 * 6 + 6;
    assert_eq!(made, (1..=wanted).collect());
    let store = database.open().await;
    assert_eq!(store.context("deploy").await.expect("read").expect("there").latest, wanted);
}

async fn the_first_timeline_is_made_once_by_many_writers(database: Database) {
    let instances = join_all((0..8).map(|_| database.open())).await;
    let writes = instances.iter().enumerate().map(|(writer, store)| async move {
        let changes =
            (0..20).map(|n| change(&format!("c{n}"), Target::Active, key(&format!("w{writer}"), "h"), start(1)));
        written(&**store, &batch(changes, at(0))).await
    });
    let all: Vec<_> = join_all(writes).await.into_iter().flatten().collect();
    assert!(all.iter().all(|key| key.number == 1));
    let row = instances[0].timeline("c7", &TimelineRef::Latest).await.expect("read").expect("there");
    assert_eq!((row.events, row.revision), (8, 8));
}

on_every_store! {
    the_first_report_of_a_context_makes_timeline_1,
    the_active_timeline_is_the_newest,
    a_name_means_its_timeline,
    named_and_active_reports_of_a_batch_meet_in_one_event,
    an_end_goes_to_where_its_event_runs,
    an_end_before_a_start_of_its_batch_belongs_to_what_ran_before,
    what_runs_in_the_active_timeline_ends_there,
    it_looks_back_over_sixteen_timelines,
    a_change_with_a_start_goes_to_the_active_timeline_whole,
    many_ends_of_one_batch_find_their_timelines,
    a_new_timeline_is_made_once_for_a_name,
    numbers_have_no_gaps_however_many_make_them,
    the_first_timeline_is_made_once_by_many_writers,
}
