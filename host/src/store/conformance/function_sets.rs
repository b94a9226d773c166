//! Each event tells which functions changed it.

use futures::future::join_all;

use super::*;
use crate::event::FunctionSet;

fn by(functions: &str, event: Event) -> Event {
    Event { functions: FunctionSet::from_text(functions), ..event }
}

fn labelled(value: &'static str, event: Event) -> Event {
    let labels = [("k", value)].into_iter().collect();
    let mut event = event;
    event.starts.iter_mut().for_each(|starts| starts.labels = LabelText::of(&labels));
    event
}

async fn functions_of(store: &dyn Store, name: &str) -> String {
    let key = key(name, "");
    let event = store.event(&timeline("deploy", 1), &key).await.expect("an event is read").expect("it is there");
    event.functions.as_str().to_owned()
}

async fn it_is_the_functions_of_what_tells_the_end_or_else_the_start(database: Database) {
    let store = database.open().await;
    let cases: [(&str, Vec<Event>, &str); 9] = [
        ("none", vec![start(1), end(2)], ""),
        ("a start", vec![by("a@1", start(1))], "a@1"),
        ("the earlier start", vec![by("a@1", start(2)), by("b@1", start(1)), by("c@1", start(3))], "b@1"),
        (
            "the greater labels",
            vec![
                by("a@1", labelled("1", start(1))),
                by("b@1", labelled("2", start(1))),
                by("c@1", labelled("1", start(1))),
            ],
            "b@1",
        ),
        ("the end", vec![by("a@1", start(1)), by("b@2 c@3", end(2)), by("d@1", start(0))], "b@2 c@3"),
        ("an untouched end", vec![by("a@1", start(1)), end(2)], ""),
        ("the later end", vec![by("a@1", end(3)), by("b@1", end(2)), by("c@1", start(1))], "a@1"),
        ("an end before a point", vec![by("a@1", point(9)), by("b@1", end(2))], "b@1"),
        ("the first of equals", vec![by("a@1", end(2)), by("b@1", end(2)), end(2)], "a@1"),
    ];
    for (name, reports, wanted) in &cases {
        assert_eq!(merged(reports.clone()).functions.as_str(), *wanted, "{name}, by the pure rule");
        for event in reports {
            report(&*store, "deploy", Target::Active, key(name, ""), event.clone()).await;
        }
        assert_eq!(functions_of(&*store, name).await, *wanted, "{name}");
    }
    // Whoever did not write them reads the same.
    let other = database.open().await;
    for (name, _, wanted) in &cases {
        assert_eq!(functions_of(&*other, name).await, *wanted, "{name}");
    }
}

async fn instances_agree_on_sets_that_they_meet_at_once(database: Database) {
    let instances = join_all((0..8).map(|_| database.open())).await;
    let writes = instances.iter().enumerate().map(|(writer, store)| async move {
        for round in 0..4 {
            let changes = (0..20).map(|n| {
                let functions = format!("f@{} g@{round}", (n * 7 + writer) % 20);
                change(
                    "deploy",
                    Target::Active,
                    key(&format!("{writer} {round} {functions}"), ""),
                    by(&functions, end(1)),
                )
            });
            written(&**store, &batch(changes, at(0))).await;
        }
    });
    join_all(writes).await;
    let read = events(&*instances[0], &timeline("deploy", 1)).await;
    assert_eq!(read.len(), 8 * 4 * 20);
    for (key, event) in read {
        assert!(
            key.name.ends_with(event.functions.as_str()) && event.functions.iter().count() == 2,
            "{key:?}: {event:?}"
        );
    }
}

on_every_store! {
    it_is_the_functions_of_what_tells_the_end_or_else_the_start,
    instances_agree_on_sets_that_they_meet_at_once,
}

mod both_databases {
    use super::super::views::on_both_databases;
    use super::*;

    async fn when_all_ids_are_used_up_events_tell_no_functions(database: Database) {
        let store = database.open().await;
        report(&*store, "deploy", Target::Active, key("before", ""), by("a@1", end(1))).await;
        database.use_up_function_sets().await;
        let changes = ["b@1", "a@1", "c@1"].map(|set| change("deploy", Target::Active, key(set, ""), by(set, end(1))));
        store.write(&batch(changes, at(0))).await.expect("written");
        report(&*store, "deploy", Target::Active, key("after", ""), by("d@1", end(1))).await;
        for (name, wanted) in [("before", "a@1"), ("a@1", "a@1"), ("b@1", ""), ("c@1", ""), ("after", "")] {
            assert_eq!(functions_of(&*store, name).await, wanted, "{name}");
        }
        let sql = format!("SELECT name, functions FROM {}event_durations ORDER BY name LIMIT 2", database.schema());
        let wanted = [["a@1", "a@1"], ["after", ""]].map(|row| row.map(|cell| Some(cell.to_owned())));
        assert_eq!(database.query(&sql).await, wanted);
    }

    on_both_databases!(when_all_ids_are_used_up_events_tell_no_functions);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_takes_at_most_120_bytes_in_postgres() {
    let database = Database::postgres();
    let store = database.open().await;
    for round in 0..4 {
        let changes = (0..5_000).map(|n| {
            let event = by("rename@3", merged([start(1), end(2)]));
            change("deploy", Target::Active, key(&format!("{:04}", n / 2), &format!("{round} {}", n % 2)), event)
        });
        store.write(&batch(changes, at(0))).await.expect("written");
    }
    let size = "SELECT ceil((pg_relation_size('upto.events') + pg_indexes_size('upto.events')) / 20000.0)::int";
    let size = database.query(size).await[0][0].as_ref().and_then(|text| text.parse::<u32>().ok());
    assert!(size.is_some_and(|size| size <= 120), "{size:?} bytes");
}
