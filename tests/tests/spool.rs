//! Datagrams that wait on disk while the store is away.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use upto_tests::postgres::{Database, Postgres};
use upto_tests::server::{Balance, Server};
use upto_wire::{Kind, Labels, Report, msgpack};

/// Steps that are reported while the store is away: twice what the queue, the batches and a socket's buffer hold.
const STEPS: usize = 24_000;
/// Steps before a new timeline begins in between.
const FIRST: usize = 20_000;

/// A step in some 2 KiB, or a new timeline.
fn datagram(kind: Kind, name: &str) -> Vec<u8> {
    let padding = "x".repeat(480);
    let labels: Labels<'_> = ["a", "b", "c", "d"].map(|key| (key, padding.as_str())).into_iter().collect();
    let mut report = Report::new(kind, "deploy", name);
    report.labels = if kind == Kind::New { Labels::default() } else { labels };
    let mut bytes = Vec::new();
    msgpack::encode(&report, &mut bytes);
    bytes
}

fn flood() -> Vec<Vec<u8>> {
    let step = |number: usize| datagram(Kind::Point, &format!("step {number}"));
    let new = datagram(Kind::New, "");
    (0..FIRST).map(step).chain([new]).chain((FIRST..STEPS).map(step)).collect()
}

struct Setting {
    postgres: Arc<Postgres>,
    database: Database,
}

impl Setting {
    fn new() -> Self {
        let postgres = Arc::new(Postgres::start().expect("a server"));
        let database = Database::fresh_on(&postgres).expect("a database");
        Setting { postgres, database }
    }

    fn arguments(&self) -> [&str; 4] {
        ["--store", self.database.url(), "--spool", "spool"]
    }

    /// Events in the store.
    fn stored(&self) -> u64 {
        let rows = self.database.query("SELECT count(*) FROM upto.events").expect("it answers");
        rows[0][0].as_deref().expect("a count").parse().expect("a number")
    }
}

/// Bytes of the segments in the spool's folder.
fn spooled(folder: &Path) -> u64 {
    let entries = fs::read_dir(folder.join("spool")).expect("made at the start");
    entries.map(|entry| entry.expect("readable").metadata().map_or(0, |metadata| metadata.len())).sum()
}

#[test]
fn more_than_the_queue_holds_arrives_when_the_store_is_back_and_in_order() {
    let setting = Setting::new();
    let server = Server::with(&setting.arguments());
    setting.postgres.kill().expect("it ends");
    let flood = flood();
    server.send_paced(&flood);
    server.wait_for("chunks on disk", |server| (server.metric("upto_spool_chunks_written_total") > 0).then_some(()));
    assert!(server.metric("upto_spool_bytes") > 0 && spooled(server.folder.path()) > 0);

    setting.postgres.restart().expect("it comes back");
    let balance = server.wait_for_rest(flood.len() as u64);
    let count = flood.len() as u64;
    assert_eq!((balance.received, balance.stored, balance.overflowed, balance.lost), (count, count, 0, 0));
    assert_eq!(setting.stored(), STEPS as u64);
    let events = |timeline| server.timeline("deploy", timeline).expect("made")["events"].clone();
    assert_eq!((events("1"), events("2")), (FIRST.into(), (STEPS - FIRST).into()));
    server.wait_for("an empty spool", |server| (server.metric("upto_spool_bytes") == 0).then_some(()));
    assert_eq!(spooled(server.folder.path()), 0);
    // What comes now goes the short way again.
    let written = server.metric("upto_spool_chunks_written_total");
    server.send_paced(&[datagram(Kind::Point, "after")]);
    server.wait_for_event("deploy", "latest", "after", "");
    assert_eq!(server.metric("upto_spool_chunks_written_total"), written);
}

#[test]
fn what_is_on_disk_survives_the_server() {
    let setting = Setting::new();
    let server = Server::with(&setting.arguments());
    setting.postgres.kill().expect("it ends");
    server.send_paced(&flood());
    server.signal(libc::SIGTERM);
    // What was in memory had nowhere to go, and is counted.
    let line = server.wait_for_log("stopped received=");
    let lost = line.split_whitespace().find_map(|word| word.strip_prefix("lost=")).expect("the count of those lost");
    let lost: u64 = lost.parse().expect("a number");
    let (status, folder) = server.stop().expect("it ends");
    assert_eq!(status.code(), Some(0));
    assert!(spooled(folder.path()) > 1 << 20 && lost > 0 && lost < STEPS as u64);

    setting.postgres.restart().expect("it comes back");
    let server = Server::in_folder(folder, &setting.arguments());
    server.wait_for("an empty spool", |server| {
        (server.metric("upto_spool_chunks_read_total") > 0 && server.metric("upto_spool_bytes") == 0).then_some(())
    });
    // What was on its way from the disk at the stop is counted as lost, and comes again.
    let stored = setting.stored();
    assert!((STEPS as u64 - lost..=STEPS as u64).contains(&stored), "{stored} stored, {lost} lost");
    let Balance { received, stored: reports, .. } = server.wait_for_rest(stored);
    assert_eq!(received, reports);
    assert_eq!(spooled(server.folder.path()), 0);
}

#[test]
fn what_the_spool_has_no_room_for_is_dropped_and_counted() {
    let setting = Setting::new();
    let server = Server::with(&[setting.arguments().as_slice(), &["--spool-max", "1MiB"]].concat());
    setting.postgres.kill().expect("it ends");
    let flood = flood();
    server.send_paced(&flood);
    assert!(server.metric("upto_spool_chunks_dropped_total") > 0);
    assert!(spooled(server.folder.path()) <= 1 << 20);
    setting.postgres.restart().expect("it comes back");
    let balance = server.wait_for_rest(flood.len() as u64);
    assert!(balance.overflowed > 0 && balance.lost == 0, "{balance:?}");
    assert_eq!(balance.stored + balance.overflowed, flood.len() as u64);
    server.wait_for("an empty spool", |server| (server.metric("upto_spool_bytes") == 0).then_some(()));
}
