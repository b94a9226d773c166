//! The example runs that fill an empty store.

use serde_json::json;
use upto_tests::hal::items;
use upto_tests::server::Server;

#[test]
fn the_demo_fills_an_empty_store_and_adds_nothing_to_one_that_is_not() {
    let server = Server::with(&["--demo"]);
    server.wait_for_log("finished runs are in");
    // The last event of the last finished run.
    server.wait_for("the finished runs", |server| {
        server
            .event("deploy of shop", "release-41", "database.migrate.contract", "db-1")
            .filter(|event| event["state"] == "ended")
    });
    let contexts = items(&server, &server.get("/api").json(), "contexts");
    assert_eq!(contexts.iter().map(|context| &context["name"]).collect::<Vec<_>>(), ["deploy of shop", "test"]);

    let hierarchy = server.timeline("test", "2").expect("the second run");
    let names: Vec<_> = items(&server, &hierarchy, "events").iter().map(|event| event["name"].clone()).collect();
    assert_eq!(names, ["a.b", "a.c.d.e", "a.c.d.f"]);

    let runs = [37, 38, 39, 40, 41]
        .map(|number| server.timeline("deploy of shop", &format!("release-{number}")).expect("a finished run"));
    let slow =
        runs.iter().max_by(|a, b| a["duration_s"].as_f64().unwrap().total_cmp(&b["duration_s"].as_f64().unwrap()));
    assert_eq!(slow.expect("five runs")["name"], "release-40");
    for run in &runs {
        let events = items(&server, run, "events");
        let hosts = events.iter().filter(|event| event["name"] == "rollout.install").count();
        assert_eq!((hosts, &run["running"]), (40, &json!(0)), "{run}");
    }
    let trouble = runs.iter().map(|run| run["failed"] != 0).collect::<Vec<_>>();
    assert_eq!(trouble, [false, false, true, false, false]);

    let (status, folder) = server.stop().expect("it stops");
    assert_eq!(status.code(), Some(0));
    let server = Server::in_folder(folder, &["--demo"]);
    server.wait_for_log("the demo adds nothing");
    assert_eq!(server.metric("upto_datagrams_total"), 0);
}
