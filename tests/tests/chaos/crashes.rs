//! Postgres and upto killed under load.

use std::sync::Arc;
use std::time::Instant;

use upto_tests::load::{Address, Client, address_of, start, under_trouble};
use upto_tests::postgres::{Database, Postgres};
use upto_tests::server::{Balance, Server};

use crate::size;

const CLIENTS: usize = 16;

#[test]
fn postgres_killed_under_load_loses_nothing() {
    const SEED: u64 = 0xa1;
    let (requests, kills) = size((10_000, 3), (600, 2));
    let postgres = Arc::new(Postgres::start().expect("a server"));
    let database = Database::fresh_on(&postgres).expect("a database");
    let arguments = ["--store", database.url()];
    let mut upto = Restarted::new(&arguments);
    let address = upto.address.clone();
    let (begun, away) = (Instant::now(), [start("away", 1)]);
    let (mut kill, mut retries) = (0, 0);
    let mut endured = under_trouble(&address, SEED, (requests, CLIENTS), kills, || {
        postgres.crash().expect("it dies");
        kill += 1;
        // At first it is away for so long that clients are told, and at last upto dies with it.
        if kill == 1 {
            assert_eq!(Client::to(&address).post(&away).expect("an answer").status, 503, "seed {SEED}");
        }
        if kill < kills {
            return postgres.restart().expect("it recovers");
        }
        let balance = Balance::of(upto.server());
        retries = upto.server().metric("upto_store_retries_total");
        assert_eq!((balance.lost, balance.refused, balance.overflowed), (0, 0, 0), "seed {SEED}: {balance:?}");
        upto.restart(|| postgres.restart().expect("it recovers"));
    });
    Client::to(&address).deliver(&away);
    endured.oracle.tell(&away[0]);
    endured.oracle.assert_is_all_of(upto.server(), SEED);
    println!(
        "postgres killed: seed {SEED}, {kills} kills, {requests} requests acknowledged ({} sent again, {retries} retries of the \
         server), {} steps, {:.1?}",
        endured.again,
        endured.oracle.len(),
        begun.elapsed()
    );
}

#[test]
fn upto_killed_under_load_loses_nothing_in_postgres() {
    let database = Database::fresh().expect("a database");
    upto_killed_under_load("postgres", 0xb1, &["--store", database.url()]);
}

#[test]
fn upto_killed_under_load_loses_nothing_in_sqlite() {
    upto_killed_under_load("sqlite", 0xb2, &[]);
}

fn upto_killed_under_load(store: &str, seed: u64, arguments: &[&str]) {
    let (requests, kills) = size((10_000, 20), (600, 3));
    let mut upto = Restarted::new(arguments);
    let begun = Instant::now();
    let address = upto.address.clone();
    let endured = under_trouble(&address, seed, (requests, CLIENTS), kills, || upto.restart(|| ()));
    endured.oracle.assert_is_all_of(upto.server(), seed);
    assert!(Balance::of(upto.server()).is_even());
    println!(
        "upto killed, {store}: seed {seed}, {kills} kills, {requests} requests acknowledged ({} sent again), {} steps, {:.1?}",
        endured.again,
        endured.oracle.len(),
        begun.elapsed()
    );
}

/// A server that is killed and started again. Its address is another one each time.
struct Restarted<'a> {
    arguments: &'a [&'a str],
    server: Option<Server>,
    address: Address,
}

impl<'a> Restarted<'a> {
    fn new(arguments: &'a [&'a str]) -> Self {
        let server = Server::with(arguments);
        Restarted { arguments, address: address_of(&server), server: Some(server) }
    }

    fn server(&self) -> &Server {
        self.server.as_ref().expect("it runs")
    }

    /// Kills it, and starts it again after something else.
    fn restart(&mut self, meanwhile: impl FnOnce()) {
        let folder = self.server.take().expect("it runs").kill().expect("it dies");
        meanwhile();
        let server = Server::in_folder(folder, self.arguments);
        *self.address.write().expect("no panic while it is held") = server.http;
        self.server = Some(server);
    }
}
