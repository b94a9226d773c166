//! A store whose disk is full.

use std::sync::Arc;
use std::time::Instant;

use upto_tests::disk::SmallDisk;
use upto_tests::load::{Client, Random, address_of, start};
use upto_tests::oracle::Oracle;
use upto_tests::postgres::{Database, Postgres};
use upto_tests::server::{Balance, Server};
use upto_wire::Report;

use crate::size;

/// Steps of a request.
const BULK: usize = 100;

#[test]
fn a_store_without_room_takes_nothing_and_goes_on_when_there_is_some() {
    const SEED: u64 = 0x11;
    let (mib, taken) = size((96, 64), (24, 20));
    let disk = match SmallDisk::mount(mib) {
        Ok(disk) => disk,
        Err(error) => return println!("disk full: skipped, as no file system can be mounted here: {error}"),
    };
    let postgres = Arc::new(Postgres::start().expect("a server"));
    let database = Database::fresh_on(&postgres).expect("a database");
    let server = Server::with(&["--store", database.url()]);
    database.execute(&format!("CREATE TABLESPACE small LOCATION '{}'", disk.path().display())).expect("a tablespace");
    database.execute("ALTER TABLE upto.events SET TABLESPACE small").expect("the table moves");
    disk.take(taken).expect("it has that");

    let client = Client::to(&address_of(&server));
    let (mut random, mut oracle, mut requests) = (Random::of(SEED), Oracle::default(), 0);
    let begun = Instant::now();
    let mut post = |client: &Client| {
        let reports = bulk(&mut random, requests);
        requests += 1;
        let answer = client.post(&reports).expect("an answer");
        if answer.status == 200 {
            reports.iter().for_each(|report| oracle.tell(report));
        }
        (answer, reports)
    };
    // What is told 503 may be stored later, and is sent again as a client does.
    let mut acknowledged = 0;
    let mut refused = loop {
        let (answer, reports) = post(&client);
        if answer.status != 200 {
            assert_eq!((answer.status, answer.header("retry-after")), (503, "1"), "seed {SEED}: {answer:?}");
            break vec![reports];
        }
        acknowledged += 1;
    };
    let (answer, reports) = post(&client);
    assert_eq!(answer.status, 503, "seed {SEED}: there is no room: {answer:?}");
    refused.push(reports);
    assert_eq!(server.get("/livez").status, 200);
    // Not only in the memory of the server.
    oracle.assert_is_in(&server, SEED);

    disk.give_back().expect("it was taken");
    let again: usize = refused.iter().map(|reports| client.deliver(reports)).sum();
    refused.iter().flatten().for_each(|report| oracle.tell(report));
    oracle.assert_is_all_of(&server, SEED);
    assert_eq!(Balance::of(&server).lost, 0, "seed {SEED}");
    println!(
        "disk full: seed {SEED}, {acknowledged} requests of {BULK} steps until {} MiB were full, 2 refused, all stored after \
         {again} more, {:.1?}",
        mib - taken,
        begun.elapsed()
    );
}

/// Reports of some 1,000 bytes in the store, which can't be compressed.
fn bulk(random: &mut Random, request: usize) -> Vec<Report<'static>> {
    let report = |number: usize| {
        let mut report = start(&format!("bulk-{request}-{number}"), number);
        let noise: String = (0..60).map(|_| format!("{:016x}", random.any())).collect();
        report.labels.set("noise", noise);
        report
    };
    (0..BULK).map(report).collect()
}
