//! Functions, their versions, lookup tables and dead letters.

use std::time::Duration;

use futures::future::join_all;

use super::*;
use crate::store::functions::{
    Activation, Added, Content, DEAD_LETTERS, DeadLetter, FunctionRow, NewVersion, TableRow, VersionRow,
};

/// A version whose code is its own, active at once.
pub(super) fn version(function: &str, code: &str) -> NewVersion {
    let mut sha256 = [0; 32];
    sha256[..code.len()].copy_from_slice(code.as_bytes());
    NewVersion {
        function: function.to_owned(),
        language: "lua".to_owned(),
        code: code.as_bytes().to_vec(),
        sha256,
        cases: "[]".to_owned(),
        settings: r#"{"order":10}"#.to_owned(),
        author: "ann".to_owned(),
        created_at: at(1),
        activate: true,
    }
}

fn row_of(new: &NewVersion, number: u32) -> VersionRow {
    VersionRow {
        function: new.function.clone(),
        number,
        language: new.language.clone(),
        sha256: new.sha256,
        size: new.code.len() as u64,
        cases: serde_json::from_str::<Vec<serde_json::Value>>(&new.cases).expect("a list").len() as u32,
        settings: new.settings.clone(),
        author: new.author.clone(),
        created_at: new.created_at,
    }
}

fn function(name: &str, versions: u32, active: Option<u32>) -> FunctionRow {
    FunctionRow { name: name.to_owned(), versions, active, canary: String::new(), rolled_back: String::new() }
}

fn letter(function: &str, id: &str, seconds: i64) -> DeadLetter {
    DeadLetter {
        id: id.to_owned(),
        function: function.to_owned(),
        version: 3,
        cause: "error".to_owned(),
        reason: "line 2: no".to_owned(),
        report: r#"{"name":"db"}"#.to_owned(),
        at: at(seconds),
    }
}

pub(super) async fn add(store: &dyn Store, new: &NewVersion) -> u32 {
    persist(|| store.add_version(new)).await.expect("a version is made").number
}

async fn functions(store: &dyn Store) -> Vec<FunctionRow> {
    store.functions().await.expect("functions are read")
}

async fn ids(store: &dyn Store, function: &str) -> Vec<String> {
    let letters = store.dead_letters(function, None, u32::MAX).await.expect("letters are read");
    letters.into_iter().map(|letter| letter.id).collect()
}

async fn versions_are_numbered_and_never_change(database: Database) {
    let store = database.open().await;
    let mut made = ["a", "b", "c"].map(|code| version("rename", code));
    // Postgres has no jsonb of this.
    made[1].cases = r#"[{}, "\u0000"]"#.to_owned();
    for (new, number) in made.iter().zip(1..) {
        assert_eq!(add(&*store, new).await, number);
    }
    add(&*store, &version("hosts", "a")).await;
    assert_eq!(functions(&*store).await, [function("hosts", 1, Some(1)), function("rename", 3, Some(3))]);
    let store = database.open().await;
    let page = async |before, limit| store.versions("rename", before, limit).await.expect("versions are read");
    assert_eq!(page(None, 2).await, [row_of(&made[2], 3), row_of(&made[1], 2)]);
    assert_eq!(page(Some(2), 2).await, [row_of(&made[0], 1)]);
    assert_eq!(page(Some(1), 2).await, []);
    let found = store.version("rename", 2).await.expect("a version is read");
    let content = Content { code: b"b".to_vec(), cases: made[1].cases.clone() };
    assert_eq!(found, Some((row_of(&made[1], 2), content)));
    assert_eq!(store.version("rename", 4).await.expect("read"), None);
    assert_eq!(store.version("hosts", 2).await.expect("read"), None);
    assert_eq!(store.versions("none", None, 9).await.expect("read"), []);
}

async fn what_is_the_same_as_the_newest_version_is_no_other_one(database: Database) {
    let store = database.open().await;
    let inactive = |new: NewVersion| NewVersion { activate: false, ..new };
    let added = async |new: NewVersion| store.add_version(&new).await.expect("a version is made");
    assert_eq!(added(inactive(version("f", "a"))).await, Added { number: 1, made: true });
    assert_eq!(functions(&*store).await, [function("f", 1, None)]);
    let again = NewVersion { author: "bob".to_owned(), created_at: at(9), ..version("f", "a") };
    assert_eq!(added(again).await, Added { number: 1, made: false });
    assert_eq!(functions(&*store).await, [function("f", 1, Some(1))], "it is activated all the same");
    let others = [
        NewVersion { language: "wasm".to_owned(), ..version("f", "a") },
        NewVersion { cases: "[{}]".to_owned(), ..version("f", "a") },
        NewVersion { settings: "{}".to_owned(), ..version("f", "a") },
        version("f", "b"),
        version("f", "a"),
    ];
    for (other, number) in others.into_iter().zip(2..) {
        assert_eq!(add(&*store, &inactive(other)).await, number);
    }
    assert_eq!(functions(&*store).await, [function("f", 6, Some(1))]);
    let (row, _) = store.version("f", 1).await.expect("read").expect("there");
    assert_eq!((row.author.as_str(), row.created_at), ("ann", at(1)));
}

async fn deploys_at_the_same_time_leave_no_gaps(database: Database) {
    let instances = join_all((0..8).map(|_| database.open())).await;
    let deploys = instances
        .iter()
        .enumerate()
        .map(|(n, store)| async move { add(&**store, &version("f", &format!("code {n}"))).await });
    let mut numbers = join_all(deploys).await;
    numbers.sort_unstable();
    assert_eq!(numbers, (1..=8).collect::<Vec<_>>());
    let rows = instances[0].versions("f", None, 9).await.expect("read");
    assert_eq!(rows.iter().map(|row| row.number).collect::<Vec<_>>(), (1..=8).rev().collect::<Vec<_>>());
    assert_eq!(instances[0].registry_revision().await.expect("read"), 8);
}

async fn activation_changes_what_it_names(database: Database) {
    let store = database.open().await;
    let activate = async |activation: Activation| store.activate("f", &activation).await.expect("it answers");
    assert_eq!(activate(Activation::default()).await, None, "there is no such function");
    for code in ["a", "b"] {
        add(&*store, &version("f", code)).await;
    }
    let unknown = Activation { active: Some(Some(3)), canary: Some("x".to_owned()), ..Activation::default() };
    assert_eq!(activate(unknown).await, None);
    assert_eq!(functions(&*store).await, [function("f", 2, Some(2))]);
    let disable = Activation { active: Some(None), ..Activation::default() };
    assert_eq!(activate(disable).await, Some(function("f", 2, None)));
    let all = Activation {
        active: Some(Some(1)),
        canary: Some("{\"version\":2}".to_owned()),
        rolled_back: Some("{}".to_owned()),
        only_canary: None,
    };
    let wanted =
        FunctionRow { canary: "{\"version\":2}".to_owned(), rolled_back: "{}".to_owned(), ..function("f", 2, Some(1)) };
    assert_eq!(activate(all).await.as_ref(), Some(&wanted));
    assert_eq!(activate(Activation::default()).await.as_ref(), Some(&wanted));
    assert_eq!(functions(&*database.open().await).await, [wanted]);
    add(&*store, &version("f", "c")).await;
    let deployed = FunctionRow { rolled_back: "{}".to_owned(), ..function("f", 3, Some(3)) };
    assert_eq!(functions(&*store).await, [deployed], "a version that is deployed as active ends the canary");
}

async fn a_canary_is_rolled_back_by_one_and_no_other_is_ended(database: Database) {
    let store = database.open().await;
    add(&*store, &version("f", "a")).await;
    let begin = Activation { canary: Some("first".to_owned()), ..Activation::default() };
    store.activate("f", &begin).await.expect("activated");
    let end = |of: &str| Activation {
        canary: Some(String::new()),
        rolled_back: Some(format!("{of} failed")),
        only_canary: Some(of.to_owned()),
        ..Activation::default()
    };
    assert_eq!(store.activate("f", &end("second")).await.expect("it answers"), None);
    assert_eq!(functions(&*store).await[0].canary, "first");
    let instances = join_all((0..4).map(|_| database.open())).await;
    let first = end("first");
    let ends = join_all(instances.iter().map(|store| persist(|| store.activate("f", &first)))).await;
    assert_eq!(ends.into_iter().filter(|ended| matches!(ended, Ok(Some(_)))).count(), 1);
    let wanted = FunctionRow { rolled_back: "first failed".to_owned(), ..function("f", 1, Some(1)) };
    assert_eq!(functions(&*store).await, [wanted]);
}

async fn a_deleted_function_takes_its_versions_along_but_not_its_numbers(database: Database) {
    let store = database.open().await;
    assert!(!store.delete_function("f").await.expect("it answers"));
    for code in ["a", "b"] {
        add(&*store, &version("f", code)).await;
    }
    add(&*store, &version("other", "a")).await;
    store.add_dead_letters(&[letter("f", "1", 1), letter("other", "2", 1)]).await.expect("added");
    assert!(store.delete_function("f").await.expect("deleted"));
    assert!(!store.delete_function("f").await.expect("it answers"));
    assert_eq!(functions(&*store).await, [function("other", 1, Some(1))]);
    assert_eq!(store.versions("f", None, 9).await.expect("read"), []);
    assert_eq!(store.version("f", 2).await.expect("read"), None);
    assert_eq!(store.count_dead_letters().await.expect("read"), [("other".to_owned(), 1)]);
    let disable = Activation { active: Some(None), ..Activation::default() };
    assert_eq!(store.activate("f", &disable).await.expect("it answers"), None);
    let same = NewVersion { activate: false, ..version("f", "b") };
    assert_eq!(add(&*store, &same).await, 3);
    assert_eq!(functions(&*store).await, [function("f", 3, None), function("other", 1, Some(1))]);
    let former = Activation { active: Some(Some(2)), ..Activation::default() };
    assert_eq!(store.activate("f", &former).await.expect("it answers"), None);
}

async fn tables_are_replaced_whole(database: Database) {
    let store = database.open().await;
    let row = |name: &str, content: &str, seconds| {
        let NewVersion { sha256, .. } = version("-", content);
        let format = "csv".to_owned();
        TableRow { name: name.to_owned(), format, rows: 1, size: content.len() as u64, sha256, changed_at: at(seconds) }
    };
    let put = async |row: &TableRow, content: &str| store.put_table(row, content.as_bytes()).await.expect("put");
    put(&row("hosts", "k,v\na,1\n", 1), "k,v\na,1\n").await;
    put(&row("apps", "k,v", 1), "k,v").await;
    put(&row("apps", "k,v", 2), "k,v").await;
    assert_eq!(
        store.tables().await.expect("read"),
        [row("apps", "k,v", 1), row("hosts", "k,v\na,1\n", 1)],
        "the same content changes nothing"
    );
    put(&row("apps", "k,é", 3), "k,é").await;
    let other = database.open().await;
    assert_eq!(other.table("apps").await.expect("read"), Some("k,é".as_bytes().to_vec()));
    assert_eq!(other.tables().await.expect("read")[0], row("apps", "k,é", 3));
    assert!(store.delete_table("apps").await.expect("deleted"));
    assert!(!store.delete_table("apps").await.expect("it answers"));
    assert_eq!(store.table("apps").await.expect("read"), None);
    assert_eq!(store.tables().await.expect("read").len(), 1);
}

async fn dead_letters_are_kept_until_they_are_taken_or_expire(database: Database) {
    let store = database.open().await;
    let letters =
        [letter("f", "3", 30), letter("g", "4", 10), letter("f", "1", 10), letter("f", "2", 20), letter("f", "é", 5)];
    store.add_dead_letters(&letters).await.expect("added");
    let changed = DeadLetter { reason: "another".to_owned(), ..letter("f", "1", 99) };
    store.add_dead_letters(&[changed, letter("f", "4", 40)]).await.expect("added");
    store.add_dead_letters(&[]).await.expect("nothing is added");
    let page = async |after, limit| store.dead_letters("f", after, limit).await.expect("letters are read");
    assert_eq!(page(None, 2).await, [letter("f", "1", 10), letter("f", "2", 20)], "each as it was first");
    assert_eq!(page(Some("2"), 2).await, [letter("f", "3", 30), letter("f", "4", 40)]);
    assert_eq!(page(Some("4"), 2).await, [letter("f", "é", 5)]);
    let counts = [("f".to_owned(), 5), ("g".to_owned(), 1)];
    assert_eq!(store.count_dead_letters().await.expect("read"), counts);
    let replayed = ["2", "é", "no such"].map(str::to_owned);
    assert_eq!(store.delete_dead_letters("f", Some(&replayed)).await.expect("deleted"), 2);
    assert_eq!(store.delete_dead_letters("g", Some(&replayed)).await.expect("deleted"), 0);
    assert_eq!(ids(&*store, "f").await, ["1", "3", "4"]);
    assert_eq!(store.expire_dead_letters(at(30)).await.expect("deleted"), 2, "one of each function");
    assert_eq!(ids(&*store, "f").await, ["3", "4"]);
    assert_eq!(store.count_dead_letters().await.expect("read"), [("f".to_owned(), 2)]);
    assert_eq!(store.delete_dead_letters("f", None).await.expect("deleted"), 2);
    assert_eq!(store.count_dead_letters().await.expect("read"), []);
}

async fn the_newest_dead_letters_of_each_function_stay(database: Database) {
    let store = database.open().await;
    let id = |n: u32| format!("{n:06}");
    let letters: Vec<_> = (0..DEAD_LETTERS + 2).map(|n| letter("f", &id(n), n.into())).collect();
    store.add_dead_letters(&[letter("g", "0", 1)]).await.expect("added");
    store.add_dead_letters(&letters[..DEAD_LETTERS as usize]).await.expect("added");
    assert_eq!(ids(&*store, "f").await.len(), DEAD_LETTERS as usize);
    let instances = join_all((0..2).map(|_| database.open())).await;
    let adds = instances.iter().zip(&letters[DEAD_LETTERS as usize..]);
    for added in
        join_all(adds.map(|(store, letter)| persist(|| store.add_dead_letters(std::slice::from_ref(letter))))).await
    {
        added.expect("added, with no deadlock");
    }
    // Two that add at the same time do not see each other's: the next one takes away what they left.
    store.add_dead_letters(&[letter("f", &id(DEAD_LETTERS + 2), 1)]).await.expect("added");
    assert_eq!(ids(&*store, "f").await, (3..DEAD_LETTERS + 3).map(id).collect::<Vec<_>>());
    assert_eq!(ids(&*store, "g").await, ["0"]);
}

async fn the_revision_grows_with_each_change_and_only_then(database: Database) {
    let store = database.open().await;
    let other = database.open().await;
    let mut before = other.registry_revision().await.expect("read");
    let mut grows = async |what: &str, by: u64| {
        let after = other.registry_revision().await.expect("read");
        assert_eq!(after, before + by, "{what}");
        before = after;
    };
    add(&*store, &version("f", "a")).await;
    grows("a version", 1).await;
    add(&*store, &version("f", "a")).await;
    grows("the same version", 0).await;
    let canary = Activation { canary: Some("x".to_owned()), ..Activation::default() };
    store.activate("f", &canary).await.expect("activated");
    grows("a canary", 1).await;
    store.activate("f", &canary).await.expect("activated");
    grows("the same canary", 0).await;
    add(&*store, &version("f", "a")).await;
    grows("the end of the canary", 1).await;
    store.activate("f", &Activation { active: Some(Some(7)), ..Activation::default() }).await.expect("it answers");
    grows("an unknown version", 0).await;
    let NewVersion { sha256, .. } = version("-", "k");
    let (name, format) = ("t".to_owned(), "csv".to_owned());
    let table = TableRow { name, format, rows: 1, size: 1, sha256, changed_at: at(1) };
    store.put_table(&table, b"k").await.expect("put");
    grows("a table", 1).await;
    store.put_table(&table, b"k").await.expect("put");
    grows("the same table", 0).await;
    store.delete_table("t").await.expect("deleted");
    grows("a table less", 1).await;
    store.delete_table("t").await.expect("it answers");
    grows("no table less", 0).await;
    store.add_dead_letters(&[letter("f", "1", 1)]).await.expect("added");
    store.delete_dead_letters("f", None).await.expect("deleted");
    report(&*store, "deploy", Target::Active, key("db", ""), start(1)).await;
    grows("letters and reports", 0).await;
    store.delete_function("f").await.expect("deleted");
    grows("a function less", 1).await;
    store.delete_function("f").await.expect("it answers");
    grows("no function less", 0).await;
}

async fn a_change_wakes_whoever_waits_for_one(database: Database) {
    let store = database.open().await;
    let woken = async |listener: &dyn Store| {
        tokio::time::timeout(Duration::from_secs(30), listener.registry_changed()).await.expect("it is told");
    };
    // On a server it is told of what other instances do, in a file or in memory of what is done through the same handle.
    let listener = if database.is_server() { database.open().await } else { Arc::clone(&store) };
    if database.is_postgres() {
        // It may have missed what was before it began to listen.
        woken(&*listener).await;
    }
    if database.is_server() && !database.tells_of_changes() {
        // Through a pooler and from Redis nothing comes, which costs nothing but time: whoever asks sees the change.
        let before = listener.registry_revision().await.expect("read");
        add(&*store, &version("f", "a")).await;
        assert!(listener.registry_revision().await.expect("read") > before);
        return;
    }
    for code in ["a", "b"] {
        add(&*store, &version("f", code)).await;
        woken(&*listener).await;
    }
    // Nothing is left, and nothing is told of what changes nothing.
    add(&*store, &version("f", "b")).await;
    store.add_dead_letters(&[letter("f", "1", 1)]).await.expect("added");
    assert!(futures::poll!(listener.registry_changed()).is_pending());
    // Giving up on waiting, as above, loses nothing.
    store.delete_function("f").await.expect("deleted");
    woken(&*listener).await;
}

on_every_store! {
    versions_are_numbered_and_never_change,
    what_is_the_same_as_the_newest_version_is_no_other_one,
    deploys_at_the_same_time_leave_no_gaps,
    activation_changes_what_it_names,
    a_canary_is_rolled_back_by_one_and_no_other_is_ended,
    a_deleted_function_takes_its_versions_along_but_not_its_numbers,
    tables_are_replaced_whole,
    dead_letters_are_kept_until_they_are_taken_or_expire,
    the_newest_dead_letters_of_each_function_stay,
    the_revision_grows_with_each_change_and_only_then,
    a_change_wakes_whoever_waits_for_one,
}
