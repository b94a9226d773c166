//! An event that the store refuses, and reports that come again.

use std::time::Instant;

use upto_tests::load::{Client, address_of, end, start};
use upto_tests::oracle::Oracle;
use upto_tests::postgres::Database;
use upto_tests::server::{Balance, Server};
use upto_wire::{Report, Status};

use crate::size;

/// The microsecond of the run that the store refuses.
const POISON_AT: usize = 4_242_424;

#[test]
fn a_poisoned_report_loses_itself_alone_and_what_is_sent_again_changes_nothing() {
    const SEED: u64 = 0x91;
    const BATCH: usize = 100;
    let (count, again) = size((40_000, 5_000), (2_000, 500));
    let database = Database::fresh().expect("a database");
    let server = Server::with(&["--store", database.url()]);
    let client = Client::to(&address_of(&server));
    client.deliver(&[start("step-0", 0)]);
    database
        .execute(
            "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
               IF NEW.started_at = '2026-11-22T14:00:04.242424Z' THEN RAISE 'poisoned' USING ERRCODE = '22000'; END IF; \
               RETURN NEW; END $$; \
             CREATE TRIGGER refuse BEFORE INSERT ON upto.events FOR EACH ROW EXECUTE FUNCTION refuse()",
        )
        .expect("a trigger");
    let mut reports: Vec<Report<'static>> = (0..count / 2)
        .flat_map(|step| {
            let name = format!("step-{step}");
            [start(&name, step), end(&name, step + 1, Status::Success)]
        })
        .collect();
    reports[count / 2 + 1] = start("poison", POISON_AT);
    let begun = Instant::now();
    // Several at once, so that others share a batch with the poisoned.
    let refused: usize = std::thread::scope(|scope| {
        let post = |part: &'_ [Report<'static>]| {
            let (part, client) = (part.to_vec(), client.clone());
            scope.spawn(move || {
                let statuses = part.chunks(BATCH).map(|batch| (client.post(batch).expect("an answer").status, batch));
                let poisoned = |batch: &[Report<'_>]| batch.iter().any(|report| report.name == "poison");
                statuses
                    .map(|(status, batch)| {
                        assert_eq!(status, if poisoned(batch) { 422 } else { 200 });
                        usize::from(status == 422)
                    })
                    .sum::<usize>()
            })
        };
        let posters: Vec<_> = reports.chunks(count / 8).map(post).collect();
        posters.into_iter().map(|poster| poster.join().expect("it posts")).sum()
    });
    let balance = Balance::of(&server);
    assert_eq!((refused, balance.lost, balance.stored), (1, 1, count as u64), "{balance:?}");
    let sound = reports.iter().filter(|report| report.name != "poison");
    let oracle = Oracle::of(sound.clone());
    oracle.assert_is_all_of(&server, SEED);

    // Where a row is and which transaction wrote it tell of each change, also of one to the same values.
    let dump = || database.query("SELECT ctid, xmin, e.* FROM upto.events e ORDER BY name_id").expect("rows");
    let before = dump();
    let repeated: Vec<_> = sound.take(again).cloned().collect();
    repeated.chunks(BATCH).for_each(|batch| assert_eq!(client.deliver(batch), 1));
    // Once more in one batch, as new rows go another way into the store.
    client.deliver(&repeated);
    assert!(before == dump(), "rows changed");
    println!(
        "poison: {count} reports, {} lost, {} stored; {again} sent again twice change none of {} rows, {:.1?}",
        balance.lost,
        balance.stored,
        before.len(),
        begun.elapsed()
    );
}
