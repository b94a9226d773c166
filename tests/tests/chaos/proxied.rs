//! Connections to Postgres cut around `COMMIT`.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Instant;

use upto_tests::load::{Client, Random, address_of, end, start};
use upto_tests::oracle::Oracle;
use upto_tests::postgres::Database;
use upto_tests::proxy::Proxy;
use upto_tests::server::{Balance, Server};
use upto_wire::{Report, Status};

use crate::size;

/// Clients that post until enough is cut: the more, the more shares a batch.
const CLIENTS: usize = 4;

#[test]
fn a_commit_whose_answer_is_lost_is_neither_lost_nor_doubled() {
    const SEED: u64 = 0xc1;
    let wanted = size(500, 20);
    let database = Database::fresh().expect("a database");
    let proxy = Proxy::before(database.url(), SEED).expect("a proxy");
    let server = Server::with(&["--store", &proxy.url(database.url()).expect("a URL")]);
    let address = address_of(&server);
    let begun = Instant::now();
    proxy.cut(true);
    let (enough, posted) = (AtomicBool::new(false), AtomicUsize::new(0));
    let mut oracle = Oracle::default();
    std::thread::scope(|scope| {
        let post = |client: usize| {
            let (connection, enough, proxy, posted) = (Client::to(&address), &enough, &proxy, &posted);
            scope.spawn(move || {
                let (mut random, mut oracle) = (Random::of(SEED ^ client as u64), Oracle::default());
                for number in 0.. {
                    if enough.load(Ordering::SeqCst) {
                        break;
                    }
                    let reports = request(&mut random, client, number);
                    // upto itself tries again, so that no client has to.
                    let answer = connection.post(&reports).expect("an answer");
                    assert_eq!(answer.status, 200, "seed {SEED}: {answer:?}");
                    reports.iter().for_each(|report| oracle.tell(report));
                    posted.fetch_add(1, Ordering::SeqCst);
                    enough.fetch_or(proxy.cuts().1 >= wanted, Ordering::SeqCst);
                }
                oracle
            })
        };
        let clients: Vec<_> = (0..CLIENTS).map(post).collect();
        clients.into_iter().for_each(|client| oracle.merge(client.join().expect("it posts")));
    });
    proxy.cut(false);
    oracle.assert_is_all_of(&server, SEED);
    let balance = Balance::of(&server);
    assert_eq!((balance.received, balance.lost), (balance.stored, 0), "seed {SEED}: {balance:?}");
    let (before, after) = proxy.cuts();
    assert!(before > 0, "seed {SEED}");
    println!(
        "commits cut: seed {SEED}, {after} after and {before} before, {} requests acknowledged at once, {} steps, {:.1?}",
        posted.into_inner(),
        oracle.len(),
        begun.elapsed()
    );
}

/// Now new steps, few or more than are merged one by one, now ends of some that are there.
fn request(random: &mut Random, client: usize, number: usize) -> Vec<Report<'static>> {
    let count = [1, 20, 400][random.below(3)];
    let name = |of: usize, step: usize| format!("step-{client}-{of}-{step}");
    let at = random.below(1_000_000);
    match number % 2 {
        0 => (0..count).map(|step| start(&name(number, step), at)).collect(),
        _ => (0..count).map(|step| end(&name(number - 1, step), 1_000_000 + at, Status::Success)).collect(),
    }
}
