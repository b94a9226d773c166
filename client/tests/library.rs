//! The library's `Client`, as a program that goes on uses it.

mod support;

use support::{DeadPort, Http, Udp, decode};
use upto_client::{Client, Kind, Report, SendError, Target, UrlError, WireError};

fn report(name: &str) -> Report<'_> {
    Report::new(Kind::Point, "ctx", name)
}

#[test]
fn a_server_that_comes_late_or_again_gets_what_is_sent_from_then_on() {
    let dead = DeadPort::new();
    let address = format!("127.0.0.1:{}", dead.port());
    let client: Client = format!("udp://{address}").parse().unwrap();
    assert!(matches!(client.send(&report("lost")), Err(SendError::Udp { .. })));
    drop(dead);
    let server = Udp::on(&address).unwrap();
    client.send(&report("first")).unwrap();
    client.send(&report("second")).unwrap();
    assert_eq!((server.report().name.as_ref(), server.report().name.as_ref()), ("first", "second"));
    drop(server);
    assert!(client.send(&report("lost")).is_err());
    let server = Udp::on(&address).unwrap();
    client.send(&report("third")).unwrap();
    assert_eq!(server.report().name, "third");
}

#[test]
fn a_client_is_shared_between_threads() {
    let server = Udp::new();
    let client = Client::new(server.url().parse::<Target>().unwrap());
    std::thread::scope(|scope| {
        for name in ["a", "b", "c"] {
            let client = &client;
            scope.spawn(move || client.send(&report(name)).unwrap());
        }
    });
    let names: Vec<_> = server.reports(3).into_iter().map(|report| report.name.into_owned()).collect();
    assert_eq!(names, ["a", "b", "c"]);
}

#[test]
fn by_http_no_connection_is_used_twice() {
    // It says that it keeps the connection, and closes it: a second request on it would be lost.
    let server = Http::answering("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n");
    let client: Client = server.url().parse().unwrap();
    for name in ["a", "b", "c"] {
        client.send(&report(name)).unwrap();
        assert_eq!(decode(&server.request().body).name, name);
    }
}

#[test]
fn a_report_that_no_server_takes_is_sent_and_told() {
    let server = Udp::new();
    let client: Client = server.url().parse().unwrap();
    let refused = client.send(&report("."));
    assert!(matches!(refused, Err(SendError::Refused(WireError::Refused(_)))), "{refused:?}");
    assert_eq!(server.report().name, ".");
}

#[test]
fn neither_errors_nor_debugging_show_the_token() {
    let server = Http::with_status("403 Forbidden", "{}");
    let client = server.url().parse::<Client>().unwrap().with_token("hunter2");
    let error = client.send(&report("ev")).unwrap_err();
    assert_eq!(error.to_string(), format!("{} answered 403", server.url()));
    assert!(server.request().head.contains("bearer hunter2"));
    assert!(!format!("{client:?} {error:?}").contains("hunter2"));
    assert_eq!(client.target().to_string(), server.url());
}

#[test]
fn a_wrong_url_is_told_at_once() {
    assert_eq!("https://web".parse::<Client>().unwrap_err(), UrlError::Https);
}
