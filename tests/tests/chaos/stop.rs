//! A stop with much under way.

use std::sync::mpsc;
use std::time::Instant;

use upto_tests::load::{Client, address_of, datagram, start};
use upto_tests::oracle::Oracle;
use upto_tests::postgres::Database;
use upto_tests::server::Server;

use crate::size;

#[test]
fn a_stop_answers_what_is_under_way_and_stores_what_was_received() {
    /// Nothing is chosen by it.
    const SEED: u64 = 0;
    let (clients, datagrams) = size((200, 2_000), (200, 200));
    let database = Database::fresh().expect("a database");
    let server = Server::with(&["--store", database.url()]);
    let address = address_of(&server);
    Client::to(&address).deliver(&[start("before", 0)]);
    let begun = Instant::now();
    let (answered, answers) = mpsc::channel();
    let mut stranger = database.connect().expect("a session");
    let mut work = stranger.transaction().expect("a transaction");
    // Nothing can be committed until this is let go.
    work.batch_execute("SELECT 1 FROM upto.timelines FOR UPDATE").expect("the row is there");

    let waiting: Vec<_> = (0..datagrams).map(|number| start(&format!("datagram-{number}"), 0)).collect();
    server.send_paced(&waiting.iter().map(datagram).collect::<Vec<_>>());

    let (line, code, tries) = std::thread::scope(|scope| {
        for client in 0..clients {
            let (connection, answered) = (Client::to(&address), answered.clone());
            scope.spawn(move || {
                // One is under way when the server is told to stop; then until one is refused or not taken.
                for number in 0.. {
                    let report = [start(&format!("step-{client}-{number}"), number)];
                    let status = connection.post(&report).map(|answer| answer.status).ok();
                    let [report] = report;
                    answered.send((report, number, status)).expect("all are counted");
                    if status != Some(200) {
                        break;
                    }
                }
            });
        }
        drop(answered);
        server.wait_for("the requests", |server| {
            (server.metric("upto_reports_received_total") > (clients + datagrams) as u64).then_some(())
        });
        server.signal(libc::SIGTERM);
        work.rollback().expect("it is let go");
        let line = server.wait_for_log(" received=");
        let code = server.ended().expect("it ends").0.code();
        (line, code, answers.iter().collect::<Vec<_>>())
    });

    assert_eq!(code, Some(0));
    let figure = |name: &str| -> u64 {
        let rest = line.split(&format!(" {name}=")).nth(1).unwrap_or_else(|| panic!("no {name} in {line}"));
        rest.split(' ').next().and_then(|number| number.trim().parse().ok()).expect("a number")
    };
    let lossless = ["lost", "refused", "dropped_by_queue", "dropped_by_kernel"].map(figure);
    assert_eq!((figure("received"), lossless), (figure("stored"), [0; 4]), "{line}");

    let server = Server::with(&["--store", database.url()]);
    let acknowledged: Vec<_> = tries.iter().filter(|(.., status)| *status == Some(200)).collect();
    let mut oracle = Oracle::of(&waiting);
    acknowledged.iter().for_each(|(report, ..)| oracle.tell(report));
    oracle.assert_is_in(&server, SEED);
    let under_way = acknowledged.iter().filter(|(_, number, _)| *number == 0).count();
    let others: Vec<_> = tries.iter().map(|(.., status)| status).filter(|status| **status != Some(200)).collect();
    assert!(others.iter().all(|status| matches!(status, None | Some(503))), "{others:?}");
    // A request waits for 5 s at the most; the others were under way when the server was told to stop.
    assert!(under_way > 0);
    println!(
        "stop: {under_way} requests under way and {} later ones acknowledged, {} refused, {datagrams} datagrams, exit code 0, \
         {:.1?}",
        acknowledged.len() - under_way,
        others.len(),
        begun.elapsed()
    );
}
