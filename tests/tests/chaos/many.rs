//! Several instances that write the same events at once.

use std::time::{Duration, Instant};

use upto_tests::load::{Client, Random, address_of, datagram, end, start};
use upto_tests::oracle::Oracle;
use upto_tests::postgres::Database;
use upto_tests::server::Server;
use upto_wire::{Report, Status};

use crate::size;

const INSTANCES: usize = 3;

fn instances(database: &Database) -> Vec<Server> {
    (0..INSTANCES).map(|_| Server::with(&["--store", database.url()])).collect()
}

/// How many deadlocks a database has seen. Sessions tell of theirs when they end, at the latest.
fn deadlocks(database: &Database) -> u64 {
    let rows = database.query("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()");
    rows.expect("the view answers")[0][0].as_ref().and_then(|count| count.parse().ok()).expect("a count")
}

#[test]
fn writers_of_shared_steps_never_wait_for_each_other_in_a_circle() {
    const SEED: u64 = 0xd1;
    const WRITERS: usize = 8;
    let (steps, time) = size((1_000, Duration::from_secs(15)), (1_000, Duration::from_secs(2)));
    let database = Database::fresh().expect("a database");
    let servers = instances(&database);
    let begun = Instant::now();
    let (mut oracle, mut batches) = (Oracle::default(), 0);
    std::thread::scope(|scope| {
        let write = |writer: usize| {
            let client = Client::to(&address_of(&servers[writer % INSTANCES]));
            scope.spawn(move || {
                let (mut random, mut oracle, mut batches) = (Random::of(SEED ^ writer as u64), Oracle::default(), 0);
                while begun.elapsed() < time {
                    let reports: Vec<_> = (0..1 + random.below(500)).map(|_| any_report(&mut random, steps)).collect();
                    client.deliver(&reports);
                    reports.iter().for_each(|report| oracle.tell(report));
                    batches += 1;
                }
                (oracle, batches)
            })
        };
        let writers: Vec<_> = (0..INSTANCES * WRITERS).map(write).collect();
        for writer in writers {
            let (told, count) = writer.join().expect("it writes");
            oracle.merge(told);
            batches += count;
        }
    });
    servers.iter().for_each(|server| oracle.assert_is_all_of(server, SEED));
    let retries: u64 = servers.iter().map(|server| server.metric("upto_store_retries_total")).sum();
    let lost: u64 = servers.iter().map(|server| server.metric("upto_reports_lost_total")).sum();
    servers.into_iter().for_each(|server| drop(server.stop().expect("it stops")));
    assert_eq!((deadlocks(&database), lost), (0, 0), "seed {SEED}");
    println!(
        "shared steps: seed {SEED}, {INSTANCES} instances with {WRITERS} writers, {steps} steps, {batches} requests, \
         0 deadlocks, {retries} retries, {:.1?}",
        begun.elapsed()
    );
}

fn any_report(random: &mut Random, steps: usize) -> Report<'static> {
    let (step, at) = (format!("step-{}", random.below(steps)), random.below(1_000_000));
    match random.below(2) {
        0 => start(&step, at),
        _ => end(&step, at, Status::ALL[random.below(6)]),
    }
}

/// Somebody who locks rows in another order than upto does shows that such circles are seen, and what comes of them.
#[test]
fn a_deadlock_with_a_stranger_loses_nothing() {
    const SEED: u64 = 0xd2;
    let database = Database::fresh().expect("a database");
    // upto looks for a deadlock before its limit on waiting for locks, and the stranger after that: upto is the one to yield.
    let server = Server::with(&["--store", &format!("{}?options=-c%20deadlock_timeout%3D1500", database.url())]);
    let client = Client::to(&address_of(&server));
    let starts = ["first", "second"].map(|step| start(step, 1));
    let ends = ["first", "second"].map(|step| end(step, 2, Status::Success));
    client.deliver(&starts);
    let mut stranger = database.connect().expect("a session");
    let mut work = stranger.transaction().expect("a transaction");
    work.batch_execute("SET LOCAL deadlock_timeout = '60s'").expect("a superuser may");
    lock(&mut work, "second");
    std::thread::scope(|scope| {
        let delivered = scope.spawn(|| client.deliver(&ends));
        let waiting = "SELECT 1 FROM pg_locks l JOIN pg_stat_activity a USING (pid) \
             WHERE a.datname = current_database() AND NOT l.granted";
        server.wait_for("a wait for the row", |_| (!database.query(waiting).ok()?.is_empty()).then_some(()));
        lock(&mut work, "first");
        work.commit().expect("it was not the one to yield");
        assert_eq!(delivered.join().expect("it is taken"), 1);
    });
    Oracle::of(starts.iter().chain(&ends)).assert_is_all_of(&server, SEED);
    let retries = server.metric("upto_store_retries_total");
    server.stop().expect("it stops");
    let deadlocks = deadlocks(&database);
    assert_eq!((deadlocks, retries), (1, 1));
    println!("a stranger's order: {deadlocks} deadlock, {retries} retry");
}

fn lock(transaction: &mut postgres::Transaction<'_>, step: &str) {
    let sql = "SELECT 1 FROM upto.events WHERE name_id = (SELECT id FROM upto.texts WHERE text = $1) FOR UPDATE";
    assert_eq!(transaction.query(sql, &[&step]).expect("the step is there").len(), 1, "{step}");
}

#[test]
fn reports_spread_over_instances_make_what_the_rule_says() {
    const SEED: u64 = 0xe1;
    let steps = size(100_000, 3_000);
    let database = Database::fresh().expect("a database");
    let servers = instances(&database);
    let mut random = Random::of(SEED);
    let mut reports = history(&mut random, steps);
    random.shuffle(&mut reports);
    let oracle = Oracle::of(&reports);
    let begun = Instant::now();
    // By HTTP there are two clients for each instance; a tenth goes by UDP meanwhile.
    let by_datagram = reports.len() / 10;
    let (by_datagram, by_http) = reports.split_at(by_datagram);
    std::thread::scope(|scope| {
        for (part, reports) in by_http.chunks(by_http.len().div_ceil(2 * INSTANCES)).enumerate() {
            let client = Client::to(&address_of(&servers[part % INSTANCES]));
            scope.spawn(move || reports.chunks(500).map(|batch| client.deliver(batch)).sum::<usize>());
        }
        for (server, reports) in servers.iter().zip(by_datagram.chunks(by_datagram.len().div_ceil(INSTANCES))) {
            let datagrams: Vec<Vec<u8>> =
                reports.chunks(8).map(|few| few.iter().flat_map(datagram).collect()).collect();
            server.send_paced(&datagrams);
        }
    });
    let balances: Vec<_> = servers.iter().map(|server| server.wait_for_rest(0)).collect();
    for (server, balance) in servers.iter().zip(&balances) {
        let kernel = server.metric("upto_kernel_dropped_datagrams_total");
        assert_eq!((balance.stored, kernel), (balance.received, 0), "seed {SEED}: {balance:?}");
    }
    servers.iter().for_each(|server| oracle.assert_is_all_of(server, SEED));
    println!(
        "spread reports: seed {SEED}, {} reports ({} by UDP) of {} steps over {INSTANCES} instances, {:.1?}",
        reports.len(),
        by_datagram.len(),
        oracle.len(),
        begun.elapsed()
    );
}

/// Starts and ends, some twice, some tried again, some without the one or the other.
fn history(random: &mut Random, steps: usize) -> Vec<Report<'static>> {
    let mut reports = Vec::with_capacity(steps * 5 / 2);
    for number in 0..steps {
        let (step, begin) = (format!("step-{number}"), random.below(1_000_000));
        let done = begin + random.below(1_000_000);
        let status = Status::ALL[random.below(6)];
        let kind = random.below(100);
        if kind != 0 {
            reports.push(start(&step, begin));
        }
        if kind != 1 {
            reports.push(end(&step, done, status));
        }
        match kind {
            10..20 => reports.push(start(&step, begin)),
            20..30 => reports.push(end(&step, done, status)),
            // Tried again, and not always ended again.
            30..35 => reports.push(start(&step, begin + random.below(2_000_000))),
            35..40 => reports.push(end(&step, begin + random.below(2_000_000), Status::Error)),
            _ => {}
        }
    }
    reports
}
