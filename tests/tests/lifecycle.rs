//! How the server starts, refuses to start, and stops.

use std::collections::BTreeSet;
use std::fs;
use std::net::{TcpStream, UdpSocket};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use serde_json::json;
use upto_tests::postgres::Database;
use upto_tests::server::{Answer, Ended, Server, command, run};
use upto_tests::stream::Stream;
use upto_wire::{Kind, Report, msgpack};

/// How long a stop may take.
const STOP_WITHIN: Duration = Duration::from_secs(10);

/// Runs `upto serve` on free ports where it must not start.
fn refused(arguments: &[&str]) -> Ended {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let ports = ["serve", "--udp", "127.0.0.1:0", "--http", "127.0.0.1:0"];
    let ended = run(command("upto").args(ports).args(arguments).current_dir(folder.path()));
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(2), ""), "{arguments:?}: {}", ended.stderr);
    ended
}

#[test]
fn what_was_acknowledged_before_a_stop_is_there_after_the_next_start() {
    let server = Server::start();
    assert_eq!(server.post(&json!({"context": "ctx", "name": "first", "type": "start"})).status, 200);
    // None of these may hold up the stop: a silent connection, and a page that watches.
    let _silent = TcpStream::connect(server.http).expect("it listens");
    let mut stream = Stream::open(&server, "/api/contexts/ctx/timelines/1/stream");
    stream.notice().expect("a notice at once");

    let (acknowledge, acknowledged) = mpsc::channel();
    let url = server.url("/api/events");
    let poster = std::thread::spawn(move || {
        for number in 0.. {
            let name = format!("request {number}");
            match Answer::to_post(&url, &json!({"context": "ctx", "name": name, "type": "point"})) {
                Ok(answer) if answer.status == 200 => acknowledge.send(name).expect("the test listens"),
                _ => return,
            }
        }
    });
    let mut names: BTreeSet<String> = acknowledged.iter().take(50).collect();
    // Nobody acknowledges these: they are there to be under way.
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a free port");
    for number in 0..200 {
        let mut bytes = Vec::new();
        msgpack::encode(&Report::new(Kind::Point, "datagrams", number.to_string()), &mut bytes);
        socket.send_to(&bytes, server.udp).expect("loopback takes datagrams");
    }
    let begun = Instant::now();
    let (status, folder) = server.stop().expect("it stops");
    assert_eq!(status.code(), Some(0));
    assert!(begun.elapsed() < STOP_WITHIN, "it took {:?}", begun.elapsed());
    assert_eq!(stream.notice(), None);
    poster.join().expect("no panic");
    names.extend(acknowledged);

    let server = Server::in_folder(folder, &[]);
    for name in names {
        assert!(server.event("ctx", "1", &name, "").is_some(), "{name} was acknowledged");
    }
}

#[test]
fn a_port_in_use_stops_the_start() {
    let server = Server::start();
    for (flag, address) in [("--udp", server.udp), ("--http", server.http)] {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let other = if flag == "--udp" { "--http" } else { "--udp" };
        let address = address.to_string();
        let arguments = ["serve", flag, &address, other, "127.0.0.1:0"];
        let ended = run(command("upto").args(arguments).current_dir(folder.path()));
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(2), ""));
        assert!(ended.stderr.contains(&address) && ended.stderr.contains(flag), "{}", ended.stderr);
    }
}

#[test]
fn a_store_that_can_not_be_opened_stops_the_start_and_no_password_is_told() {
    let database = Database::fresh().expect("Postgres");
    let (_, server) = database.url().rsplit_once('@').expect("a user");
    let wrong = format!("postgres://upto:s3cret@{server}");
    for (store, says) in [
        ("sqlite:nowhere/upto.db", "nowhere"),
        (wrong.as_str(), "password authentication failed"),
        ("postgres://upto:s3cret@127.0.0.1:1/upto", "refused"),
        ("redis://upto:s3cret@127.0.0.1:1", "refused"),
        ("mysql://upto:s3cret@127.0.0.1/upto", "mysql"),
        ("upto.db", "use sqlite:PATH"),
    ] {
        let Ended { stderr, .. } = refused(&["--store", store]);
        assert!(stderr.contains(says) && !stderr.contains("s3cret"), "{store}: {stderr}");
    }
}

#[test]
fn a_faulty_configuration_stops_the_start_and_is_told_by_file_and_line() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("mine.toml");
    let path = file.to_str().expect("UTF-8");
    fs::write(&file, "http = \"127.0.0.1:0\"\nudb = \"127.0.0.1:0\"\n").expect("it can be written");
    let Ended { stderr, .. } = refused(&["--config", path]);
    assert!(stderr.contains("mine.toml") && stderr.contains("line 2") && stderr.contains("udb"), "{stderr}");
    assert!(refused(&["--config", "missing.toml"]).stderr.contains("missing.toml"));
    let ended = run(command("upto").args(["serve", "--udp", "nonsense"]).current_dir(folder.path()));
    assert_eq!(ended.code, Some(2));
    assert!(ended.stderr.contains("--udp") && ended.stderr.contains("nonsense"), "{}", ended.stderr);
}

#[test]
fn a_flag_wins_over_the_environment_and_that_over_the_file() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    // A migration makes the file that the store's URL names, and nothing else.
    let migrate = |flag: Option<&str>, variable: Option<(&str, &str)>| {
        let mut upto = command("upto");
        upto.arg("migrate").args(flag.map(|url| ["--store", url]).into_iter().flatten()).envs(variable);
        let ended = run(upto.current_dir(folder.path()));
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(0), ""), "{}", ended.stderr);
        let names = fs::read_dir(folder.path()).expect("it is there").flatten().map(|entry| entry.file_name());
        let made: Vec<_> =
            names.filter_map(|name| name.into_string().ok()).filter(|name| name.ends_with(".db")).collect();
        made.iter().for_each(|name| fs::remove_file(folder.path().join(name)).expect("it can be removed"));
        made
    };
    assert_eq!(migrate(None, None), ["upto.db"]);
    fs::write(folder.path().join("upto.toml"), "store = \"sqlite:file.db\"\n").expect("it can be written");
    assert_eq!(migrate(None, None), ["file.db"]);
    assert_eq!(migrate(None, Some(("DATABASE_URL", "sqlite:alias.db"))), ["alias.db"]);
    assert_eq!(migrate(None, Some(("UPTO_STORE", "sqlite:variable.db"))), ["variable.db"]);
    assert_eq!(migrate(Some("sqlite:flag.db"), Some(("UPTO_STORE", "sqlite:variable.db"))), ["flag.db"]);
}

#[test]
fn a_migration_makes_the_schema_and_can_be_repeated() {
    let database = Database::fresh().expect("Postgres");
    for _ in 0..2 {
        assert_eq!(run(command("upto").args(["migrate", "--store", database.url()])).code, Some(0));
    }
    let rows = database.query("SELECT count(*) FROM upto.event_durations").expect("the views are there");
    assert_eq!(rows, [[Some("0".to_owned())]]);
    let redis = upto_tests::redis::Database::fresh().expect("Redis");
    for _ in 0..2 {
        assert_eq!(run(command("upto").args(["migrate", "--store", redis.url()])).code, Some(0));
    }
    assert_eq!(redis.command(&["GET", "upto:schema"]).expect("it answers"), ["1"]);
}

#[test]
fn wrong_usage_exits_with_two() {
    for arguments in [&[][..], &["sevre"], &["serve", "--port", "1"], &["migrate", "extra"], &["function", "test"]] {
        let ended = run(command("upto").args(arguments));
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(2), ""), "{arguments:?}");
        assert!(ended.stderr.contains("Usage: upto"), "{arguments:?}: {}", ended.stderr);
    }
}
