//! What is Redis's own: settings, what it refuses, and what goes wrong with it.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use futures::future::join_all;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use tokio::sync::watch;
use upto_tests::redis::{Database as Server, Redis, command};

use super::functions::{add, version};
use super::*;
use crate::store::{Durability, TimelineRow};

/// How many events have no timeline, and how many lists of keys are not those of the events.
pub(super) fn orphans(database: &Server) -> [usize; 2] {
    let ask = |words: &[&str]| database.command(words).unwrap_or_else(|error| panic!("{error:#}: {words:?}"));
    let (mut without_timeline, mut without_key) = (0, 0);
    for events in ask(&["KEYS", "upto:c:*:events"]) {
        let timeline = events.strip_suffix(":events").expect("a key of events");
        let mut keys = ask(&["HKEYS", &events]);
        if ask(&["EXISTS", timeline]) == ["0"] {
            without_timeline += keys.len();
        }
        keys.sort();
        let listed = ask(&["ZRANGE", &format!("{timeline}:keys"), "0", "-1"]);
        without_key += usize::from(keys != listed);
    }
    [without_timeline, without_key]
}

async fn refusal(url: &str) -> String {
    match open(url).await.err() {
        Some(StoreError::Fatal(text)) => {
            assert!(!text.contains("secret"), "{text}");
            text
        }
        other => panic!("{url}: {other:?}"),
    }
}

async fn write_one(store: &dyn Store, name: &str) -> Result<Vec<TimelineKey>> {
    store.write(&batch([change("deploy", Target::Active, key(name, ""), start(1))], at(0))).await
}

fn is_unavailable<T: std::fmt::Debug>(answer: &Result<T>) -> bool {
    matches!(answer, Err(StoreError::Unavailable(_)))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_refuses_says_why() {
    let database = Server::fresh().expect("a database");
    let (server, _) = database.url().rsplit_once('/').expect("a URL");
    let (_, address) = server.rsplit_once('@').expect("a URL");
    for (url, says) in [
        (format!("redis://:secret@{address}"), "user or the password"),
        (format!("redis://nobody:secret@{address}"), "user or the password"),
        (format!("redis://{address}"), "wants a password"),
        (format!("{server}/99999"), "DB index is out of range"),
        (format!("{server}/deploy"), "database number"),
        ("redis://:secret@".to_owned(), "store URL"),
        ("rediss://:secret@localhost?sslrootcert=/no/such.crt".to_owned(), "sslrootcert=/no/such.crt"),
    ] {
        let text = refusal(&url).await;
        assert!(text.contains(says), "{url}: {text}");
    }
    let begun = Instant::now();
    let error = open("redis://:secret@127.0.0.1:1").await.err().expect("nobody is there");
    assert!(matches!(&error, StoreError::Unavailable(text) if !text.contains("secret")), "{error:?}");
    assert!(begun.elapsed() < Duration::from_secs(5));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_newer_layout_and_a_cluster_are_refused() {
    let database = Server::fresh().expect("a database");
    let opened = join_all((0..8).map(|_| open(database.url()))).await;
    assert!(opened.iter().all(|store| store.is_ok()));
    assert_eq!(database.command(&["GET", "upto:schema"]).expect("read"), ["1"]);
    for (version, says) in [("99", "version 99"), ("x", "upto:schema")] {
        database.command(&["SET", "upto:schema", version]).expect("written");
        let text = refusal(database.url()).await;
        assert!(text.contains(says), "{text}");
    }
    let cluster = Redis::start_with(&["cluster-enabled yes"]).expect("a server of its own");
    assert!(refusal(&cluster.url(0)).await.contains("cluster"));
}

#[tokio::test(flavor = "multi_thread")]
async fn data_that_it_can_not_keep_are_rejected_and_the_rest_goes_on() {
    let database = Database::redis();
    let store = database.open().await;
    let far = Event::of_report(&Report::new(Kind::Start, "-", "-"), Time::from_micros(i64::MAX));
    for (bad, event) in [(key("a\0b", ""), start(1)), (key("a", "b\0"), start(1)), (key("a", ""), far)] {
        let changes =
            [change("deploy", Target::Active, bad, event), change("x", Target::Active, key("x", ""), start(1))];
        let error = store.write(&batch(changes, at(0))).await.expect_err("it is refused");
        assert!(matches!(error, StoreError::Rejected(_)), "{error:?}");
    }
    assert_eq!(store.contexts(None, 9).await.expect("read"), [], "all or nothing");
    write_one(&*store, "a").await.expect("written");
    // An event that somebody else damaged costs no other one.
    let Place::Redis(redis) = &database.place else { panic!("it is on Redis") };
    redis.command(&["HSET", "upto:c:{deploy}:1:events", "a\0", "x"]).expect("written");
    let error = write_one(&*store, "a").await.expect_err("it can't be read");
    assert!(matches!(&error, StoreError::Rejected(text) if text.contains("damaged")), "{error:?}");
    write_one(&*store, "b").await.expect("written");
    let error = store.event(&timeline("deploy", 1), &key("a", "")).await.expect_err("it can't be read");
    assert!(matches!(error, StoreError::Fatal(_)), "{error:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_server_takes_nothing_gives_what_it_has_and_lets_it_be_deleted() {
    let redis = Redis::start().expect("a server of its own");
    let store = open(&redis.url(0)).await.expect("it opens");
    write_one(&*store, "a").await.expect("written");
    add(&*store, &version("f", "a")).await;
    redis.command(&["CONFIG", "SET", "maxmemory", "1"]).expect("set");
    let changes = ["deploy", "other"].map(|context| change(context, Target::Active, key("b", ""), start(1)));
    assert!(is_unavailable(&store.write(&batch(changes, at(0))).await));
    assert!(is_unavailable(&store.add_version(&version("f", "b")).await));
    assert_eq!(store.contexts(None, 9).await.expect("read").len(), 1);
    assert_eq!(events(&*store, &timeline("deploy", 1)).await, [(key("a", ""), start(1))]);
    assert_eq!(store.functions().await.expect("read")[0].versions, 1);
    assert!(store.delete_timeline(&timeline("deploy", 1), 9).await.expect("a step").gone);
    redis.command(&["CONFIG", "SET", "maxmemory", "0"]).expect("set");
    write_one(&*store, "b").await.expect("written");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_tells_of_its_state_is_asked_again() {
    let redis = Redis::start().expect("a server of its own");
    let store = open(&redis.url(0)).await.expect("it opens");
    write_one(&*store, "a").await.expect("written");
    // READONLY, then MASTERDOWN.
    redis.command(&["REPLICAOF", "127.0.0.1", "1"]).expect("set");
    assert!(is_unavailable(&write_one(&*store, "b").await));
    redis.command(&["CONFIG", "SET", "replica-serve-stale-data", "no"]).expect("set");
    assert!(is_unavailable(&store.event(&timeline("deploy", 1), &key("a", "")).await));
    redis.command(&["REPLICAOF", "NO", "ONE"]).expect("set");
    // NOSCRIPT.
    redis.command(&["SCRIPT", "FLUSH"]).expect("done");
    write_one(&*store, "b").await.expect("written");
    assert_eq!(events(&*store, &timeline("deploy", 1)).await.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn it_comes_back_after_a_silence_and_after_its_password_was_another() {
    let redis = Redis::start().expect("a server of its own");
    let store = open(&redis.url(0)).await.expect("it opens");
    redis.freeze();
    let begun = Instant::now();
    assert!(is_unavailable(&store.ping().await));
    assert!(is_unavailable(&store.durability().await));
    assert!(begun.elapsed() < Duration::from_secs(10));
    redis.thaw();
    store.ping().await.expect("it answers");
    let users = |password: &str| format!(">{password}");
    redis.command(&["ACL", "SETUSER", "default", "resetpass", &users("other")]).expect("set");
    let with_other = redis.url(0).replace("not-secret", "other");
    let kill = ["CLIENT", "KILL", "TYPE", "normal"];
    command(&with_other, &kill).expect("they end");
    let mut refused = store.ping().await;
    while is_unavailable(&refused) {
        refused = store.ping().await;
    }
    assert!(matches!(refused, Err(StoreError::Fatal(_))), "{refused:?}");
    command(&with_other, &["ACL", "SETUSER", "default", "resetpass", &users("not-secret")]).expect("set");
    store.ping().await.expect("it is let in again");
}

#[tokio::test(flavor = "multi_thread")]
async fn it_says_whether_it_keeps_what_it_acknowledges() {
    let redis = Redis::start_durable().expect("a server of its own");
    let store = open(&redis.url(0)).await.expect("it opens");
    assert_eq!(store.durability().await.expect("told"), Durability::Strong);
    for (name, value, back) in [
        ("appendfsync", "everysec", "always"),
        ("no-appendfsync-on-rewrite", "yes", "no"),
        ("maxmemory-policy", "allkeys-lru", "noeviction"),
        ("appendonly", "no", "yes"),
    ] {
        redis.command(&["CONFIG", "SET", name, value]).expect("set");
        let told = store.durability().await.expect("told");
        assert_eq!(told, Durability::Weak(format!("{name} is {value}, not {back}")));
        redis.command(&["CONFIG", "SET", name, back]).expect("set");
    }
    assert_eq!(store.durability().await.expect("told"), Durability::Strong);
    // Somebody who has no more rights than needed.
    let rights = ["ACL", "SETUSER", "upto", "on", ">not-secret", "~upto:*"];
    let needed = ["+@read", "+@write", "+@scripting", "+@connection", "-@dangerous"];
    redis.command(&[&rights[..], &needed].concat()).expect("set");
    let store = open(&redis.url(0).replace("redis://:", "redis://upto:")).await.expect("it opens");
    assert!(
        matches!(store.durability().await.expect("told"), Durability::Unknown(reason) if reason.contains("CONFIG"))
    );
    write_one(&*store, "a").await.expect("written");
    add(&*store, &version("f", "a")).await;
    assert_eq!(events(&*store, &timeline("deploy", 1)).await.len(), 1);
    redis.command(&["ACL", "SETUSER", "upto", "+config|get"]).expect("set");
    assert_eq!(store.durability().await.expect("told"), Durability::Strong);
    redis.command(&["ACL", "SETUSER", "upto", "resetkeys", "~other:*"]).expect("set");
    let error = write_one(&*store, "a").await.expect_err("no rights are left");
    assert!(matches!(&error, StoreError::Fatal(text) if text.contains("upto:*")), "{error:?}");
}

/// Eight writers, and a server that is killed again and again: what was acknowledged is there at the end.
#[tokio::test(flavor = "multi_thread")]
async fn nothing_acknowledged_is_lost_when_the_server_is_killed_under_writes() {
    let redis = Arc::new(Redis::start_durable().expect("a server of its own"));
    let (written, count) = watch::channel(0_u32);
    let (stop, stopped) = watch::channel(false);
    let url = redis.url(0);
    let stores = join_all((0..8).map(|_| open(&url))).await;
    let writers = stores.iter().enumerate().map(async |(writer, store)| {
        let store = store.as_ref().expect("it opens");
        let mut kept = Vec::new();
        while !*stopped.borrow() {
            let key = key(&format!("{writer} {}", kept.len()), "h");
            let targets = [(Target::Active, start(1)), (named("a"), end(2))];
            let changes = targets.map(|(target, event)| change("deploy", target, key.clone(), event));
            let batch = batch(changes, at(0));
            persist(|| store.write(&batch)).await.expect("written");
            kept.push(key);
            written.send_modify(|count| *count += 1);
        }
        kept
    });
    let goes_on = async || {
        let wanted = *count.borrow() + 100;
        let mut count = count.clone();
        let more = count.wait_for(|count| *count >= wanted);
        tokio::time::timeout(Duration::from_secs(60), more).await.expect("writes go on").map(drop).expect("and on");
    };
    let kills = async {
        for _ in 0..5 {
            goes_on().await;
            let redis = redis.clone();
            let again = tokio::task::spawn_blocking(move || redis.kill().and_then(|()| redis.restart()));
            again.await.expect("no panic").expect("it starts again");
        }
        goes_on().await;
        stop.send_replace(true);
    };
    let (kept, ()) = futures::future::join(join_all(writers), kills).await;
    let store = open(&url).await.expect("it opens");
    let kept = kept.concat();
    let found: BTreeMap<_, _> = events(&*store, &timeline("deploy", 1)).await.into_iter().collect();
    let lost: Vec<_> = kept.iter().filter(|key| found.get(key) != Some(&merged([start(1), end(2)]))).collect();
    assert!(lost.is_empty(), "{} of {}: {lost:?}", lost.len(), kept.len());
}

/// What is done to a store, in words that proptest can choose.
#[derive(Clone, Debug)]
enum Act {
    New(Option<&'static str>),
    /// Target, name and event of each change.
    Write(Vec<(Target, &'static str, Event)>),
    Delete(u32),
}

fn act() -> impl Strategy<Value = Act> {
    let select = proptest::sample::select::<&'static str>;
    let target = prop_oneof![3 => Just(Target::Active), 1 => select(vec!["a", "b"]).prop_map(self::named)];
    let event = prop_oneof![
        (0..6_i64).prop_map(start),
        (0..6_i64).prop_map(end),
        (0..6_i64).prop_map(point),
        (0..6_i64, 0..6_i64).prop_map(|(first, last)| merged([start(first), end(last)])),
    ];
    let changes = proptest::collection::vec((target, select(vec!["x", "y", "z"]), event), 1..6);
    prop_oneof![
        2 => proptest::option::of(select(vec!["a", "b", "c"])).prop_map(Act::New),
        6 => changes.prop_map(Act::Write),
        1 => (1..9_u32).prop_map(Act::Delete),
    ]
}

/// Does one thing. Of the changes for the active timeline, the ends without a start stay apart from what begins with one.
async fn do_act(store: &dyn Store, context: &str, act: &Act) -> Vec<TimelineKey> {
    match act {
        Act::New(name) => vec![timeline(context, new(store, context, *name).await)],
        Act::Delete(number) => {
            while !store.delete_timeline(&timeline(context, *number), 2).await.expect("a step").gone {}
            Vec::new()
        }
        Act::Write(changes) => {
            let change = |(target, name, event): &(Target, &str, Event)| {
                change(context, target.clone(), key(name, ""), event.clone())
            };
            let (ends, others): (Vec<_>, Vec<_>) = changes
                .iter()
                .map(change)
                .partition(|change| change.target == Target::Active && change.event.is_end_alone());
            let (ends, mut others) = (batch(ends, at(0)), batch(others, at(0)));
            others.changes.splice(0..0, ends.changes);
            // Stable, so an end stays before the start that follows it.
            others.changes.sort_by(|a, b| (&a.target, &a.key).cmp(&(&b.target, &b.key)));
            store.write(&others).await.expect("written")
        }
    }
}

/// Which timeline is meant depends on what exists, so there is no pure rule to compare with: SQLite takes its place.
#[tokio::test(flavor = "multi_thread")]
async fn reports_go_where_the_other_stores_put_them() {
    let database = Database::redis();
    let (redis, sqlite) = (database.open().await, Database::sqlite_memory().await.open().await);
    let runtime = tokio::runtime::Handle::current();
    let tries = AtomicU32::new(0);
    let run = move |acts: Vec<Act>| {
        let context = format!("deploy {}", tries.fetch_add(1, Ordering::Relaxed));
        runtime.block_on(async {
            for act in &acts {
                let answers = [do_act(&*redis, &context, act).await, do_act(&*sqlite, &context, act).await];
                prop_assert_eq!(&answers[0], &answers[1], "{:?}", act);
            }
            let rows = [&redis, &sqlite].map(async |store| {
                let rows = store.timelines(&context, None, 99).await.expect("read");
                let events = join_all(rows.iter().map(async |row| events(&**store, &row.key).await)).await;
                // A step of a deletion raises the revision here, as it changes the events.
                let rows: Vec<_> = rows.into_iter().map(|row| TimelineRow { revision: 0, ..row }).collect();
                (rows, events)
            });
            let [redis, sqlite] = rows;
            prop_assert_eq!(redis.await, sqlite.await);
            Ok(())
        })
    };
    let config = Config { cases: 200, failure_persistence: None, ..Config::default() };
    let acts = proptest::collection::vec(act(), 1..30);
    let check = move || TestRunner::new(config).run(&acts, run).map_err(|error| error.to_string());
    assert_eq!(tokio::task::spawn_blocking(check).await.expect("the runner does not panic"), Ok(()));
}

#[tokio::test(flavor = "multi_thread")]
async fn tls_checks_the_server_by_the_authority_that_is_named() {
    let redis = Redis::start_with_tls().expect("a server of its own");
    let roots = redis.roots().display().to_string();
    let store = open(&format!("{}?sslrootcert={roots}", redis.tls_url("localhost"))).await.expect("it opens");
    write_one(&*store, "a").await.expect("written");
    let unknown = refusal(&redis.tls_url("localhost")).await;
    assert!(unknown.contains("sslrootcert=PATH"), "{unknown}");
    let other = refusal(&format!("{}?sslrootcert={roots}", redis.tls_url("127.0.0.1"))).await;
    assert!(other.contains("certificate"), "{other}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_takes_at_most_260_bytes() {
    let redis = Redis::start().expect("a server of its own");
    let store = open(&redis.url(0)).await.expect("it opens");
    let used = || {
        let info = redis.command(&["INFO", "memory"]).expect("told").concat();
        let used = info.lines().find_map(|line| line.strip_prefix("used_memory_dataset:")).expect("a line of it");
        used.parse::<u32>().expect("a number")
    };
    write_one(&*store, "a").await.expect("written");
    let before = used();
    for round in 0..4 {
        let changes = (0..5_000).map(|n| {
            let event = merged([start(1), end(2)]);
            change("deploy", Target::Active, key(&format!("{:04}", n / 2), &format!("{round} {}", n % 2)), event)
        });
        store.write(&batch(changes, at(0))).await.expect("written");
    }
    let each = (used() - before) / 20_000;
    assert!(each <= 260, "{each} bytes");
}
