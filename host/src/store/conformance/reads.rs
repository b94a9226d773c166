//! Pages, revisions, odd names, and what is not there.

use super::*;

/// Names that a careless store would mix up, cut or refuse, in byte order.
const ODD: [&str; 14] = [
    " ",
    "%",
    "'; DROP TABLE events; --",
    "A",
    "\\",
    "\\x00",
    "_",
    "a",
    "a.b",
    "a.b ",
    "null",
    "{}",
    "é",
    "\u{10ffff}",
];

async fn contexts_are_paged_in_byte_order(database: Database) {
    let store = database.open().await;
    for name in ODD.iter().rev() {
        report(&*store, name, Target::Active, key("db", ""), start(1)).await;
    }
    let mut read: Vec<String> = Vec::new();
    loop {
        let page = store.contexts(read.last().map(String::as_str), 4).await.expect("read");
        let is_last = page.len() < 4;
        read.extend(page.into_iter().map(|context| context.name));
        if is_last {
            break;
        }
    }
    assert_eq!(read, ODD);
    let one = store.context(ODD[2]).await.expect("read").expect("it is there");
    assert_eq!((one.name.as_str(), one.created_at, one.latest), (ODD[2], at(0), 1));
    assert_eq!(store.contexts(Some("\u{10ffff}"), 4).await.expect("read"), []);
}

async fn timelines_are_paged_from_the_newest(database: Database) {
    let store = database.open().await;
    for number in 1..=7 {
        assert_eq!(new(&*store, "deploy", None).await, number);
        report(&*store, "deploy", Target::Active, key("db", ""), start(number.into())).await;
    }
    new(&*store, "build", None).await;
    let numbers = async |before, limit| {
        let page = store.timelines("deploy", before, limit).await.expect("read");
        page.into_iter().map(|row| row.key.number).collect::<Vec<_>>()
    };
    assert_eq!(numbers(None, 3).await, [7, 6, 5]);
    assert_eq!(numbers(Some(5), 3).await, [4, 3, 2]);
    assert_eq!(numbers(Some(2), 3).await, [1]);
    assert_eq!(numbers(Some(1), 3).await, [0; 0]);
    assert_eq!(numbers(Some(u32::MAX), 1).await, [7]);
    let page = store.timelines("deploy", None, u32::MAX).await.expect("read");
    let superseded: Vec<_> = page.iter().map(|row| row.superseded).collect();
    assert_eq!(superseded, [false, true, true, true, true, true, true]);
    assert!(page.iter().all(|row| row.first == Some(at(row.key.number.into())) && row.events == 1));
    for row in page {
        let one = store.timeline("deploy", &TimelineRef::Number(row.key.number)).await.expect("read");
        assert_eq!(one, Some(row), "alone it reads as in the page");
    }
}

async fn events_are_paged_by_name_and_host(database: Database) {
    let store = database.open().await;
    let mut wanted = Vec::new();
    for name in ODD {
        wanted.extend(["", "a", "é"].map(|host| (key(name, host), start(1))));
    }
    // Hosts and names share a dictionary: the same text in both is no trouble.
    let changes = wanted.iter().rev().map(|(key, event)| change("deploy", Target::Active, key.clone(), event.clone()));
    store.write(&batch(changes, at(0))).await.expect("written");
    report(&*store, "deploy", named("other"), key("elsewhere", ""), start(1)).await;
    report(&*store, "build", Target::Active, key("a", ""), start(1)).await;
    for limit in [1, 2, 3, 5, 41, 42, 1_000] {
        let mut read: Vec<(EventKey, Event)> = Vec::new();
        loop {
            let after = read.last().map(|(key, _)| key.clone());
            let page = store.events(&timeline("deploy", 1), after.as_ref(), limit).await.expect("read");
            let is_last = page.len() < limit as usize;
            read.extend(page);
            if is_last {
                break;
            }
        }
        assert_eq!(read, wanted, "in pages of {limit}");
    }
}

async fn what_is_not_there_is_none(database: Database) {
    let store = database.open().await;
    new(&*store, "deploy", None).await;
    assert_eq!(store.context("build").await.expect("read"), None);
    assert_eq!(store.timelines("build", None, 9).await.expect("read"), []);
    for which in [TimelineRef::Latest, TimelineRef::Number(1), TimelineRef::Name("x".to_owned())] {
        assert_eq!(store.timeline("build", &which).await.expect("read"), None);
    }
    for which in [TimelineRef::Number(0), TimelineRef::Number(u32::MAX), TimelineRef::Name(String::new())] {
        assert_eq!(store.timeline("deploy", &which).await.expect("read"), None);
    }
    for key in [timeline("deploy", 2), timeline("deploy", u32::MAX), timeline("build", 1)] {
        assert_eq!(store.revision(&key).await.expect("read"), None);
        assert_eq!(store.events(&key, None, 9).await.expect("read"), []);
    }
    assert_eq!(store.write(&Batch::default()).await.expect("written"), []);
    store.ping().await.expect("it answers");
}

async fn revisions_grow_where_something_was_written(database: Database) {
    let store = database.open().await;
    let revision = async |number| store.revision(&timeline("deploy", number)).await.expect("read").expect("there");
    new(&*store, "deploy", Some("one")).await;
    new(&*store, "deploy", Some("two")).await;
    let (one, two) = (revision(1).await, revision(2).await);
    report(&*store, "deploy", named("one"), key("db", ""), start(1)).await;
    assert!(revision(1).await > one);
    assert_eq!(revision(2).await, two);
    let row = store.timeline("deploy", &TimelineRef::Number(1)).await.expect("read").expect("there");
    assert_eq!(row.revision, revision(1).await);
}

async fn the_time_of_receipt_never_goes_back(database: Database) {
    let store = database.open().await;
    for (received, wanted) in [(5, 5), (9, 9), (2, 9)] {
        let changes = [change("deploy", Target::Active, key("db", ""), start(received))];
        store.write(&batch(changes, at(received))).await.expect("written");
        let row = store.timeline("deploy", &TimelineRef::Latest).await.expect("read").expect("there");
        assert_eq!(row.received_at, at(wanted));
    }
}

async fn the_farthest_times_and_the_longest_texts_are_kept(database: Database) {
    use upto_wire::limits;
    let store = database.open().await;
    let long = |length: usize| "\u{fffd}".repeat(length / 3) + &"x".repeat(length % 3);
    let labels = (0..limits::LABELS).map(|n| (format!("{n:0100}"), long(limits::LABEL_VALUE)));
    let labels: upto_wire::Labels<'static> = labels.collect();
    // From 1970 to the end of 2261.
    let event = merged([0, 9_214_646_399_999_999].map(|micros| {
        let report = Report { labels: labels.clone(), ..Report::new(Kind::Start, "-", "-") };
        Event::of_report(&report, Time::from_micros(micros))
    }));
    let key = key(&long(limits::NAME), &long(limits::HOST));
    let (context, name) = (long(limits::CONTEXT), long(limits::TIMELINE));
    let touched = report(&*store, &context, named(&name), key.clone(), event.clone()).await;
    assert_eq!(events(&*store, &touched[0]).await, [(key, event)]);
    let row = store.timeline(&context, &TimelineRef::Name(name)).await.expect("read").expect("there");
    assert_eq!(row.first, Some(Time::from_micros(0)));
}

on_every_store! {
    contexts_are_paged_in_byte_order,
    timelines_are_paged_from_the_newest,
    events_are_paged_by_name_and_host,
    what_is_not_there_is_none,
    revisions_grow_where_something_was_written,
    the_time_of_receipt_never_goes_back,
    the_farthest_times_and_the_longest_texts_are_kept,
}
