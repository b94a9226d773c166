//! The views that people query say what `event.rs` says.

use std::collections::BTreeMap;

use super::*;
use crate::event::Liveness;
use crate::store::TimelineRow;

/// Every kind of event there is.
fn shapes() -> Vec<Event> {
    let mut shapes = vec![
        start(1),
        end(2),
        point(3),
        merged([start(1), end(5)]),
        merged([start(5), end(1)]),
        merged([start(1), point(5)]),
        merged([start(1), start(5)]),
        merged([start(1), end(2), start(5)]),
        merged([start(1), start(5), end(5)]),
        merged([point(1), end(2)]),
    ];
    let labelled = |kind, labels: &[(&'static str, &'static str)], seconds| {
        let labels = labels.iter().copied().collect();
        Event::of_report(&Report { labels, ..Report::new(kind, "-", "-") }, at(seconds))
    };
    for kind in [Kind::End, Kind::Point] {
        for status in Status::ALL {
            let finish = Report { status: Some(status), ..Report::new(kind, "-", "-") };
            let finish = Event::of_report(&finish, at(4));
            shapes.extend([finish.clone(), merged([start(1), finish.clone()]), merged([start(1), start(9), finish])]);
        }
        let ends = labelled(kind, &[("b", "end"), ("é\"\\", "\u{1}\n")], 6);
        shapes.push(merged([labelled(Kind::Start, &[("a", "x"), ("b", "start")], 1), ends.clone()]));
        shapes.push(ends);
    }
    shapes
}

/// A row of `event_durations` as text.
type Shown = Vec<Option<String>>;

fn shown(event: &Event, liveness: Liveness) -> Shown {
    let time = |time: Option<Time>| time.map(|time| time.to_string());
    vec![
        Some(if event.is_point() { "point" } else { "span" }.to_owned()),
        event.status().map(|status| status.as_str().to_owned()),
        time(event.started_at()),
        time(event.restarted_at()),
        time(event.ended_at()),
        event.duration_s().map(|duration| format!("{duration:.3}")),
        Some(event.state(liveness).as_str().to_owned()),
        Some(serde_json::to_string(&event.labels()).expect("labels have a JSON form")),
    ]
}

/// The same from SQL: durations and labels in one form.
fn normal(mut row: Shown) -> Shown {
    row[5] = row[5].take().map(|text| format!("{:.3}", text.parse::<f64>().expect("a number")));
    row[7] = row[7].take().map(|text| {
        let labels: BTreeMap<String, String> = serde_json::from_str(&text).expect("a JSON object");
        serde_json::to_string(&labels).expect("it has a JSON form")
    });
    row
}

/// How long the newest timeline of a context, or the one before it, has been silent: on both sides of when it is given up.
const SILENCES: [(Option<u32>, bool, i64); 12] = [
    (None, false, 86_390),
    (None, false, 86_410),
    (None, true, 590),
    (None, true, 610),
    (Some(300), false, 290),
    (Some(300), false, 310),
    (Some(300), true, 290),
    (Some(300), true, 310),
    (Some(200_000), false, 199_990),
    (Some(200_000), false, 200_010),
    (Some(200_000), true, 590),
    (Some(200_000), true, 610),
];

async fn events_and_timelines_are_shown_as_the_rule_says(database: Database) {
    let store = database.open().await;
    let shapes = shapes();
    for (number, (abandon_after, superseded, silent_s)) in SILENCES.into_iter().enumerate() {
        let context = format!("deploy-{number}");
        let received = Time::from_micros(now().micros() - silent_s * 1_000_000);
        let change =
            |(n, event): (usize, &Event)| change(&context, Target::Active, key(&format!("{n:03}"), "h"), event.clone());
        store.write(&batch(shapes.iter().enumerate().map(change), received)).await.expect("written");
        if superseded {
            new(&*store, &context, None).await;
        }
        store.set_abandon_after(&context, abandon_after).await.expect("set");
        let now = now();
        let row = store.timeline(&context, &TimelineRef::Number(1)).await.expect("read").expect("it is there");
        assert_eq!((row.superseded, row.abandon_after_s), (superseded, abandon_after));
        let given_up = number % 2 == 1;
        assert_eq!(row.liveness(now) == Liveness::GivenUp, given_up, "{context}: {abandon_after:?} {silent_s}");
        assert_events_are_shown(&database, &row, &shapes, now).await;
        assert_is_shown(&database, &row, now).await;
    }
    new(&*store, "empty", None).await;
    let sql =
        format!("SELECT state, events, first FROM {}timeline_summaries WHERE context = 'empty'", database.schema());
    assert_eq!(database.query(&sql).await, [vec![Some("waiting".to_owned()), Some("0".to_owned()), None]]);
}

async fn assert_events_are_shown(database: &Database, row: &TimelineRow, shapes: &[Event], now: Time) {
    let sql = format!(
        "SELECT kind, status, {}, {}, {}, duration_s, state, labels FROM {}event_durations \
         WHERE context = '{}' AND timeline = {} AND host = 'h' ORDER BY name",
        database.time("started_at"),
        database.time("restarted_at"),
        database.time("ended_at"),
        database.schema(),
        row.key.context,
        row.key.number,
    );
    let rows: Vec<_> = database.query(&sql).await.into_iter().map(normal).collect();
    for (n, (shown_row, event)) in rows.iter().zip(shapes).enumerate() {
        assert_eq!(*shown_row, shown(event, row.liveness(now)), "{n} of {:?}: {event:?}", row.key);
    }
    assert_eq!(rows.len(), shapes.len());
}

async fn assert_is_shown(database: &Database, row: &TimelineRow, now: Time) {
    let sql = format!(
        "SELECT {}, {}, events, running, failed, state FROM {}timeline_summaries WHERE context = '{}' AND timeline = {}",
        database.time("first"),
        database.time("last"),
        database.schema(),
        row.key.context,
        row.key.number,
    );
    let time = |time: Option<Time>| time.map(|time| time.to_string());
    let counts = [row.events, row.running, row.failed].map(|count| Some(count.to_string()));
    let mut wanted = vec![time(row.first), time(row.last)];
    wanted.extend(counts);
    wanted.push(Some(row.state(now).as_str().to_owned()));
    assert_eq!(database.query(&sql).await, [wanted]);
}

macro_rules! on_both_databases {
    ($($test:ident),*) => {
        mod sqlite {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $test() {
                super::$test(crate::store::conformance::Database::sqlite_file()).await;
            })*
        }
        mod postgres {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $test() {
                super::$test(crate::store::conformance::Database::postgres()).await;
            })*
        }
    };
}
pub(super) use on_both_databases;

on_both_databases!(events_and_timelines_are_shown_as_the_rule_says);
