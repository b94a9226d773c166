//! Components that are large, or too much to compile.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use serde_json::json;
use upto_tests::components;
use upto_tests::postgres::Database;
use upto_tests::server::{Answer, Server};

#[test]
fn a_component_that_takes_too_much_to_compile_is_refused_while_reports_are_answered() {
    let server = Server::start();
    let harmless = server.put_as("/api/functions/bomb", "application/wasm", &components::bomb(2, 10));
    assert!(harmless.text.contains("exports neither"), "it is a component: {harmless:?}");
    // It needs more than the 512 MiB, and a slow machine some 10 s to get there.
    let bomb = components::bomb(150_000, 17);
    let (begun, done, url) = (Instant::now(), AtomicBool::new(false), server.url("/api/events"));
    let refused = std::thread::scope(|scope| {
        let reporter = scope.spawn(|| {
            for number in 0.. {
                let report = json!({"context": "ctx", "name": format!("n{number}"), "type": "point"});
                assert_eq!(Answer::to_post(&url, &report).expect("it is answered").status, 200);
                if done.load(Ordering::Relaxed) {
                    break;
                }
            }
        });
        let refused = server.put_as("/api/functions/bomb", "application/wasm", &bomb);
        done.store(true, Ordering::Relaxed);
        reporter.join().expect("all are answered");
        refused
    });
    assert_eq!(refused.status, 422, "{refused:?}");
    assert!(refused.text.contains("too large to be checked"), "{refused:?}");
    assert!(begun.elapsed() < Duration::from_secs(15), "{:?}", begun.elapsed());
}

#[test]
#[cfg_attr(not(target_arch = "x86_64"), ignore = "they run on x86-64 only")]
fn large_components_run_where_the_server_is_told_to_take_them() {
    let database = Database::fresh().expect("a database");
    let store = ["--store", database.url(), "--large-components"];
    let (server, other) = (Server::with(&store), Server::with(&store[..2]));
    let built = concat!(env!("CARGO_MANIFEST_DIR"), "/../plugins/built/rust-normalise.wasm");
    let component = components::padded(std::fs::read(built).expect("`make -C plugins` builds it"), 11 << 20);
    for large in [&component, &components::padded(component.clone(), 7 << 20)] {
        let refused = other.put_as("/api/functions/normalise", "application/wasm", large);
        assert_eq!(refused.status, 422, "{refused:?}");
        assert!(refused.text.contains("without --large-components, a component has at most 10485760"), "{refused:?}");
    }
    let deployed = server.put_as("/api/functions/normalise", "application/wasm", &component);
    assert_eq!(deployed.status, 201, "{deployed:?}");
    let report = json!({"context": "ctx", "name": "Build/Compile", "type": "point"});
    assert_eq!(server.post(&report).status, 200);
    let events = server.get("/api/contexts/ctx/timelines/latest/events").json();
    assert_eq!(events["_embedded"]["events"][0]["name"], "build.compile", "{events}");
    assert_eq!(events["_embedded"]["events"][0]["functions"], json!(["normalise@1"]), "{events}");
    let problem = |other: &Server| {
        let answer = other.get("/api/functions/normalise");
        (answer.status == 200).then(|| answer.json()["problem"].as_str().map(str::to_owned)).flatten()
    };
    let problem = other.wait_for("what it can't load", problem);
    assert!(problem.contains("without --large-components"), "{problem}");
}

#[test]
#[cfg_attr(not(target_arch = "x86_64"), ignore = "they run on x86-64 only")]
fn a_large_component_that_takes_too_much_to_compile_is_refused_too() {
    let server = Server::with(&["--large-components"]);
    let begun = Instant::now();
    // Its compiler makes short work of long bodies, and takes 1 GiB for many.
    let refused = server.put_as("/api/functions/bomb", "application/wasm", &components::bomb(350_000, 16));
    assert_eq!(refused.status, 422, "{refused:?}");
    assert!(refused.text.contains("too large to be checked"), "{refused:?}");
    assert!(begun.elapsed() < Duration::from_secs(25), "{:?}", begun.elapsed());
}
