//! What the README, the first timeline and the page on functions tell users to type, typed.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};
use upto_tests::postgres::Database;
use upto_tests::server::{Server, bin_dir, command, root};

/// The blocks of shell in a page, in order.
fn blocks(page: &str) -> Vec<String> {
    let text = fs::read_to_string(root().join(page)).expect("the page exists");
    let parts = text.split("```sh\n").skip(1);
    parts.map(|part| part.split("```").next().unwrap_or_default().to_owned()).collect()
}

/// The block that holds `mark`.
fn block(page: &str, mark: &str) -> String {
    let found = blocks(page).into_iter().find(|block| block.contains(mark));
    found.unwrap_or_else(|| panic!("{page} has no block with {mark:?}"))
}

/// The blocks of shell and of what is shown by it, in order, of a section that ends at the next of its level.
fn session(page: &str, heading: &str) -> Vec<(String, String)> {
    let text = fs::read_to_string(root().join(page)).expect("the page exists");
    let level = heading.split(' ').next().expect("a heading has a level");
    let section = text.split(&format!("\n{heading}\n")).nth(1).unwrap_or_else(|| panic!("{page} has no {heading}"));
    let section = section.split(&format!("\n{level} ")).next().unwrap_or_default();
    let fenced = section.split("```").skip(1).step_by(2);
    fenced.filter_map(|block| block.split_once('\n')).map(|(kind, text)| (kind.to_owned(), text.to_owned())).collect()
}

/// Types a session, but for the start of the server, and compares what each block of shell says with what the page shows.
fn type_session(server: &Server, folder: &Path, page: &str, heading: &str) -> String {
    let (mut last, mut all) = (String::new(), String::new());
    for (kind, text) in session(page, heading) {
        match kind.as_str() {
            "sh" if text.starts_with("upto serve") => {}
            "sh" => {
                let output = shell(server, folder, &text).env("UPTO_URL", server.url("")).output().expect("sh runs");
                last = [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).expect("text")).concat();
                all.push_str(&last);
            }
            "text" => {
                for line in text.lines() {
                    assert!(last.contains(line), "{page} shows {line:?}, and there came {last}");
                }
            }
            _ => {}
        }
    }
    all
}

/// A shell in `folder` as the user has it: the client on the path, the server where it is.
fn shell(server: &Server, folder: &Path, script: &str) -> Command {
    let path = std::env::var("PATH").unwrap_or_default();
    let mut shell = Command::new("sh");
    shell.arg("-c").arg(script.replace("http://127.0.0.1:8080", &server.url("")));
    shell.current_dir(folder).env("UPTO_URL", format!("udp://{}", server.udp));
    shell.env("PATH", format!("{}:{}:{path}", folder.display(), bin_dir().display()));
    shell
}

/// The events of a context's newest timeline by name and host, once there are as many as expected and none runs.
fn events(server: &Server, context: &str, expected: usize) -> Vec<Value> {
    let path = format!("/api/contexts/{context}/timelines/latest/events");
    server.wait_for("the events", |server| {
        let answer = server.get(&path);
        let events = answer.json()["_embedded"]["events"].as_array()?.clone();
        (events.len() == expected && events.iter().all(|event| event["state"] != "running")).then_some(events)
    })
}

fn names_and_states(events: &[Value]) -> Vec<String> {
    let text = |event: &Value, key: &str| event[key].as_str().unwrap_or_default().to_owned();
    events
        .iter()
        .map(|event| format!("{} {} {}", text(event, "name"), text(event, "host"), text(event, "state")))
        .collect()
}

#[test]
fn the_first_ten_minutes_of_the_readme_do_what_they_say() {
    let server = Server::start();
    let script: String = blocks("README.md")
        .into_iter()
        .filter(|block| block.contains("upto-client") || block.contains("curl"))
        .collect();
    let script = script.replace("export PATH=\"$PWD/target/release:$PATH\"", "");
    let output = shell(&server, server.folder.path(), &script).output().expect("sh runs");
    assert!(output.status.success(), "{output:?}");
    assert!(String::from_utf8_lossy(&output.stdout).contains("exit code 3"), "{output:?}");
    let events = events(&server, "my%20build", 5);
    assert_eq!(
        names_and_states(&events),
        ["check  failed", "deploy.copy web-1 ended", "deploy.copy web-2 failed", "gave up  ended", "notify  ended"]
    );
    assert_eq!(server.get("/api/contexts/my%20build").json()["timelines"], 2);
}

#[test]
fn a_cargo_build_reports_each_crate_through_the_wrapper_of_the_docs() {
    let server = Server::start();
    let folder = server.folder.path();
    let wrapper = folder.join("upto-rustc");
    fs::write(&wrapper, block("docs/first-timeline.md", "# RUSTC_WRAPPER")).expect("written");
    fs::set_permissions(&wrapper, fs::Permissions::from_mode(0o755)).expect("executable");
    fs::create_dir_all(folder.join("src")).expect("made");
    fs::write(
        folder.join("Cargo.toml"),
        "[package]\nname = \"tiny\"\nversion = \"1.2.3\"\nedition = \"2024\"\n[workspace]\n",
    )
    .expect("written");
    fs::write(folder.join("src/lib.rs"), "").expect("written");
    fs::write(folder.join("src/main.rs"), "fn main() {}").expect("written");
    let script = block("docs/first-timeline.md", "RUSTC_WRAPPER=upto-rustc");
    let output = shell(&server, folder, &script).env_remove("CARGO_TARGET_DIR").output().expect("sh runs");
    assert!(output.status.success(), "{output:?}");
    assert_eq!(
        names_and_states(&events(&server, "cargo%20build", 2)),
        ["bin.tiny 1_2_3  ended", "lib.tiny 1_2_3  ended"]
    );
}

#[test]
fn the_shell_script_of_the_docs_reports_its_steps() {
    let server = Server::start();
    let script = block("docs/first-timeline.md", "nightly backup").replace("sleep ", "sleep 0.0");
    let output = shell(&server, server.folder.path(), &script).output().expect("sh runs");
    assert!(output.status.success(), "{output:?}");
    assert_eq!(
        names_and_states(&events(&server, "nightly%20backup", 5)),
        ["compress.fast  ended", "compress.small  ended", "done  ended", "dump  ended", "upload  ended"]
    );
}

#[test]
fn the_answer_that_the_http_page_shows_is_the_answer() {
    let server = Server::start();
    let output = shell(&server, server.folder.path(), &block("docs/http.md", "\"begin\"")).output().expect("sh runs");
    let page = fs::read_to_string(root().join("docs/http.md")).expect("the page exists");
    let answer = String::from_utf8(output.stdout).expect("text");
    assert!(page.contains(&answer), "docs/http.md does not show {answer}");
}

#[test]
fn every_flag_of_the_server_is_in_the_operations_page() {
    let help = command("upto").args(["serve", "--help"]).output().expect("upto runs");
    let page = fs::read_to_string(root().join("docs/operations.md")).expect("the page exists");
    let help = String::from_utf8(help.stdout).expect("text");
    let flags: Vec<&str> = help.split_whitespace().filter(|word| word.starts_with("--")).collect();
    assert!(flags.len() > 5, "{help}");
    for flag in flags.into_iter().filter(|flag| *flag != "--help") {
        assert!(page.contains(flag), "docs/operations.md does not tell of {flag}");
    }
}

#[test]
fn the_tutorial_of_functions_does_what_it_says() {
    let server = Server::start();
    let folder = tempfile::tempdir().expect("a temporary folder");
    let said = type_session(&server, folder.path(), "docs/functions.md", "## Tutorial");
    // One function is refused, as it shows; nothing else is.
    assert_eq!(said.matches("upto: ").count(), 1, "{said}");
    assert!(!said.contains("\"title\":") && !said.contains("curl: "), "{said}");
    let table = server.get("/api/tables/hosts").json();
    assert_eq!((&table["rows"], &table["source"]), (&serde_json::json!(1), &serde_json::json!("store")));
}

#[test]
fn the_example_scripts_do_what_the_page_on_functions_says() {
    let server = Server::with(&["--scripts", root().join("scripts").to_str().expect("UTF-8")]);
    let said = type_session(&server, &root(), "docs/functions.md", "## Folders");
    for part in ["\"name\":\"db.migrate\"", "\"host\":\"db-1\"", "\"role\":\"database\"", " 0 failed\n"] {
        assert!(said.contains(part), "{part} is not in {said}");
    }
}

#[test]
fn events_are_spread_over_partitions_as_the_page_on_scaling_says() {
    let database = Database::fresh().expect("a database");
    let mut server = Server::with(&["--store", database.url()]);
    let contexts: Vec<String> = (0..8).map(|number| format!("context {number}")).collect();
    // So many are copied.
    let report = |server: &Server, kind: &str, time: &str| {
        for context in &contexts {
            let one = |n: u32| json!({"context": context, "name": format!("step {n}"), "type": kind, "time": time});
            let answer = server.post(&(0..300).map(one).collect());
            assert_eq!(answer.json()["accepted"], 300, "{answer:?}");
        }
    };
    let start = "2026-01-02T03:04:05Z";
    report(&server, "start", start);
    let page = fs::read_to_string(root().join("docs/scaling.md")).expect("the page exists");
    let sql = page.split("```sql\n").nth(1).and_then(|rest| rest.split("```").next()).expect("a block of SQL");
    database.execute(sql).expect("it is fit for use");
    let schema = fs::read_to_string(root().join("schema.sql")).expect("the schema exists");
    database.execute(&schema).expect("it can be applied again");
    database.execute("DROP TABLE upto.events_before").expect("nothing needs it");
    server.restart(&["--store", database.url()]).expect("it stops well");

    report(&server, "end", "2026-01-02T03:04:06Z");
    assert_eq!(server.post_as("/api/contexts/context%200/timelines", "application/json", b"{}").status, 201);
    report(&server, "start", start);
    assert_eq!(server.delete("/api/contexts/context%203").status, 204);
    let counts =
        "SELECT context, timeline, state, count(*) FROM upto.event_durations GROUP BY 1, 2, 3 ORDER BY 1, 2, 3";
    let row = |context: &str, timeline: &str, state: &str| {
        [context, timeline, state, "300"].map(|text| Some(text.to_owned())).to_vec()
    };
    let kept = contexts.iter().filter(|context| *context != "context 3").map(|context| row(context, "1", "ended"));
    let mut wanted: Vec<_> = kept.collect();
    wanted.insert(1, row("context 0", "2", "running"));
    assert_eq!(database.query(counts).expect("the view answers"), wanted);
    let partitions = "SELECT count(DISTINCT tableoid)::text FROM upto.events";
    assert_eq!(database.query(partitions).expect("an answer"), [[Some("4".to_owned())]], "all partitions are used");
}
