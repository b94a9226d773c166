//! The function tools, end to end: from `new` to a version that runs, and back.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};
use upto_tests::server::{Ended, Server, command, root, run};

/// `upto function …`, in the folder of a server and told of it.
fn tool(server: &Server, arguments: &[&str]) -> Ended {
    run(command("upto")
        .arg("function")
        .args(arguments)
        .current_dir(server.folder.path())
        .env("UPTO_URL", server.url("")))
}

/// A tool that does what it is told to.
fn done(server: &Server, arguments: &[&str]) -> String {
    let ended = tool(server, arguments);
    assert_eq!(ended.code, Some(0), "{arguments:?}: {ended:?}");
    ended.stdout
}

/// A tool that is refused: its exit code is 1, and stderr says why.
fn refused(server: &Server, arguments: &[&str]) -> String {
    let ended = tool(server, arguments);
    assert_eq!(ended.code, Some(1), "{arguments:?}: {ended:?}");
    ended.stderr
}

fn assert_says(text: &str, lines: &[&str]) {
    for line in lines {
        assert!(text.contains(line), "{line:?} is not in {text}");
    }
}

fn write(server: &Server, file: &str, text: &str) {
    fs::write(server.folder.path().join(file), text).expect("it can be written");
}

fn report(server: &Server, name: &str) {
    let answer = server.post(&json!({"context": "deploy", "name": name, "type": "point", "host": "db-1"}));
    assert_eq!(answer.status, 200, "{answer:?}");
}

fn functions_of(server: &Server, event: &str) -> Value {
    server.event("deploy", "1", event, "db-1").unwrap_or_else(|| panic!("no event {event}"))["functions"].clone()
}

#[test]
fn a_function_goes_from_its_first_line_to_a_version_that_runs_and_back() {
    let server = Server::start();
    assert_says(&done(&server, &["new", "rename"]), &["wrote rename.lua\n", "wrote rename.cases.json\n"]);
    assert_says(&done(&server, &["test", "rename.lua"]), &["1 function: 2 cases passed, 0 failed\n"]);
    report(&server, "Database/Before");
    assert_says(
        &done(&server, &["try", "rename.lua"]),
        &[
            "deploy Database/Before point on db-1: changed",
            "    -   \"name\": \"Database/Before\",\n    +   \"name\": \"db.before\",\n",
            "1 report: 1 changed; 2 cases passed, 0 failed\n",
        ],
    );
    assert_says(&done(&server, &["list"]), &["there are no functions"]);

    assert_eq!(done(&server, &["deploy", "rename.lua"]), "rename@1 runs: 2 cases passed\n");
    report(&server, "Database/One");
    assert_eq!(functions_of(&server, "db.one"), json!(["rename@1"]));
    let source = fs::read_to_string(server.folder.path().join("rename.lua")).expect("written by new");
    write(
        &server,
        "rename.lua",
        &source.replace("\treturn report\nend", "\tupto.log('info', name)\n\treturn report\nend"),
    );
    write(&server, "rename.settings.json", r#"{"order": 7, "contexts": ["deploy"], "on_error": "drop"}"#);
    let kept = done(&server, &["deploy", "rename.lua", "--no-activate", "--on-error", "dead-letter"]);
    assert_says(&kept, &["rename@2 is kept, and does not run yet", "upto function activate rename 2"]);
    let shadow = done(&server, &["canary", "rename", "2", "--shadow"]);
    assert_says(&shadow, &["rename@2 runs in the shadow, for 100 % of the contexts\n"]);
    assert_eq!(done(&server, &["canary", "rename", "--end"]), "the canary of rename has ended\n");
    let share = done(&server, &["canary", "rename", "2", "--share", "0.125", "--by", "host"]);
    assert_says(&share, &["rename@2 runs for 12.5 % of the hosts\n", "upto function activate rename 2 promotes it"]);
    let plan = server.get("/api/functions/rename").json()["canary"].clone();
    assert_eq!((&plan["version"], &plan["by"], &plan["share"]), (&json!(2), &json!("host"), &json!(0.125)));
    assert_says(&refused(&server, &["canary", "rename", "2", "--share", "2"]), &["share is 2"]);
    assert_eq!(tool(&server, &["canary", "rename", "2"]).code, Some(2), "how much is to be said");
    assert_eq!(done(&server, &["activate", "rename", "2"]), "rename@2 runs\n");
    report(&server, "Database/Two");
    assert_eq!(functions_of(&server, "db.two"), json!(["rename@2"]));
    let list = done(&server, &["list"]);
    assert_says(&list, &["rename  active  2 of 2   7      dead-letter  1 "]);
    assert_says(&done(&server, &["logs", "rename"]), &["info  rename@2: database.two\n"]);

    assert_eq!(done(&server, &["rollback", "rename"]), "rename@1 runs\n");
    report(&server, "Database/Three");
    assert_eq!(functions_of(&server, "db.three"), json!(["rename@1"]));
    assert_says(&refused(&server, &["rollback", "rename"]), &["there is no version before rename@1"]);
    assert_says(&done(&server, &["disable", "rename"]), &["its versions are kept"]);
    assert_says(&done(&server, &["list"]), &["disabled  none of 2"]);
    assert_says(&refused(&server, &["rollback", "rename"]), &["no version of rename is active"]);
    done(&server, &["delete", "rename"]);
    assert_says(&refused(&server, &["logs", "rename"]), &["there is no function \"rename\""]);
}

#[test]
fn the_way_back_leads_past_a_canary_that_failed() {
    let server = Server::start();
    let version = |body: &str| format!("function transform(report)\n\t{body}\n\treturn report\nend\n");
    for (body, how) in [("report.host = 'one'", "--memory"), ("error('bad luck')", "--no-activate")] {
        write(&server, "f.lua", &version(body));
        done(&server, &["deploy", "f.lua", how]);
    }
    done(&server, &["canary", "f", "2", "--share", "1"]);
    assert_says(&done(&server, &["list"]), &["f@2 runs as a canary\n"]);
    (0..50).for_each(|i| report(&server, &format!("x{i}")));
    server.wait_for("the rollback", |server| {
        server.get("/api/functions/f").json()["rolled_back"]["version"].as_u64().filter(|version| *version == 2)
    });
    write(&server, "f.lua", &version("report.host = 'three'"));
    done(&server, &["deploy", "f.lua"]);
    assert_says(&done(&server, &["list"]), &["f@2 was rolled back: 50 of 50 reports failed", "f.lua:2: bad luck\n"]);
    assert_eq!(done(&server, &["rollback", "f"]), "f@1 runs\n");
    done(&server, &["activate", "f", "2"]);
    assert!(server.get("/api/functions/f").json()["rolled_back"].is_null(), "it has another chance");
    done(&server, &["activate", "f", "3"]);
    assert_eq!(done(&server, &["rollback", "f"]), "f@2 runs\n");
}

#[test]
fn of_a_hook_the_cases_are_tried() {
    let server = Server::start();
    report(&server, "x");
    write(&server, "hook.lua", "function receive(request)\n  error(request.body)\nend\n");
    write(&server, "hook.cases.json", r#"[{"name": "bad luck", "request": {"body": "no luck"}, "error": "no luck"}]"#);
    assert_eq!(done(&server, &["try", "hook.lua"]), "0 reports; 1 case passed, 0 failed\n");
    done(&server, &["new", "--hook", "begun"]);
    assert_eq!(done(&server, &["try", "begun.lua"]), "0 reports; 2 cases passed, 0 failed\n");
    done(&server, &["deploy", "begun.lua"]);
    done(&server, &["deploy", "hook.lua"]);
    assert_eq!(server.post_as("/hooks/hook", "text/plain", b"bad luck").status, 422);
    let list = done(&server, &["list"]);
    let row: Vec<_> = list.lines().find(|line| line.starts_with("hook ")).expect("a row").split_whitespace().collect();
    assert_eq!(row[..10], ["hook", "failing", "1", "of", "1", "100", "pass", "1", "0", "0"], "{list}");
    assert_eq!(row[10], "1", "{list}");
    assert_says(&list, &["hook: its last error: hook.lua:2: bad luck\n"]);
    assert_says(&refused(&server, &["rollback", "nothing"]), &["there is no function \"nothing\""]);
}

#[test]
fn a_refused_function_shows_the_line_of_its_file_or_what_its_cases_miss() {
    let server = Server::start();
    done(&server, &["new", "rename"]);
    let file = server.folder.path().join("rename.lua");
    let source = fs::read_to_string(&file).expect("written by new");
    let line = source.lines().position(|line| line == "end").expect("it ends") + 1;
    write(&server, "rename.lua", &source.replace("\nend\n", "\nen\n"));
    let path = file.to_str().expect("UTF-8");
    for command in [&["deploy", path] as &[&str], &["try", path]] {
        assert_says(&refused(&server, command), &["the function does not compile", &format!("{path}:{line}:")]);
    }
    write(&server, "rename.lua", &source.replace("\"db\"", "\"database\""));
    assert_says(
        &refused(&server, &["deploy", "rename.lua"]),
        &[
            "1 of 2 cases failed",
            "rename.cases.json: names are dotted and short\n",
            "\n    -     \"name\": \"db.migrate\",\n    +     \"name\": \"database.migrate\",\n",
        ],
    );
    assert_says(&done(&server, &["list"]), &["there are no functions"]);
}

#[test]
fn a_function_is_tried_on_the_reports_of_a_file_without_a_server() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let local = |arguments: &[&str]| run(command("upto").arg("function").args(arguments).current_dir(folder.path()));
    let write = |file: &str, text: &str| fs::write(folder.path().join(file), text).expect("it can be written");
    fs::create_dir(folder.path().join("tables")).expect("made");
    write("tables/hosts.csv", "10.0.0.1,web-1\n");
    write(
        "hosts.lua",
        "function transform(report)\n  report.host = upto.lookup('hosts', report.host)\n  return report\nend\n",
    );
    write("reports.json", "{\"context\": \"c\", \"name\": \"a\", \"type\": \"end\", \"host\": \"10.0.0.1\"}\n");
    let tried = local(&["try", "hosts.lua", "--reports", "reports.json"]);
    assert_eq!(tried.code, Some(0), "{tried:?}");
    assert_says(&tried.stdout, &["c a end on 10.0.0.1: changed", "    +   \"host\": \"web-1\"\n"]);
    write("reports.json", r#"[{"context": "c", "name": "a", "type": "ende"}]"#);
    let tried = local(&["try", "hosts.lua", "--reports", "reports.json"]);
    assert_eq!(tried.code, Some(1), "{tried:?}");
    assert_says(&tried.stdout, &["failed: type is \"ende\""]);
}

#[test]
fn dead_letters_are_shown_and_replayed_through_the_version_that_is_active_then() {
    let server = Server::start();
    write(&server, "strict.lua", "function transform(report)\n  error('not today')\nend\n");
    let deployed = done(&server, &["deploy", "strict.lua", "--on-error", "dead-letter"]);
    assert_says(&deployed, &["strict@1 runs: it has no cases (strict.cases.json would hold them)"]);
    report(&server, "step");
    let letters = server.wait_for("the dead letter", |server| {
        let letters = done(server, &["dead-letters", "strict"]);
        letters.ends_with("1 dead letter\n").then_some(letters)
    });
    assert_says(&letters, &["strict@1 error: strict.lua:2: not today\n", "\"name\":\"step\""]);
    write(&server, "strict.lua", "function transform(report)\n  return report\nend\n");
    done(&server, &["deploy", "strict.lua", "--on-error", "dead-letter"]);
    assert_eq!(done(&server, &["dead-letters", "strict", "--replay"]), "1 replayed, 0 failed again\n");
    server.wait_for_event("deploy", "1", "step", "db-1");
}

#[test]
fn wrong_usage_and_a_server_that_is_away_have_an_exit_code_of_their_own() {
    let server = Server::start();
    done(&server, &["new", "rename"]);
    let away = "http://127.0.0.1:1";
    for (arguments, hint) in [
        (&["deploy", "rename.lua", "--server", away] as &[&str], "--server or UPTO_URL"),
        (&["list", "--server", "udp://127.0.0.1:1"], "--server http://HOST:PORT"),
        (&["deploy", "nowhere.lua"], "nowhere.lua"),
        (&["deploy", "rename.lua", "--name", "Rename"], "rename the file, or deploy it with --name"),
        (&["deploy", "rename.lua", "--on-error", "explode"], "dead-letter"),
        (&["new", "Rename"], "lower-case"),
    ] {
        let ended = tool(&server, arguments);
        assert_eq!(ended.code, Some(2), "{arguments:?}: {ended:?}");
        assert_says(&ended.stderr, &[hint]);
    }
    assert_says(&refused(&server, &["new", "rename"]), &["rename.lua exists; nothing was written"]);
}

#[test]
fn the_token_of_the_environment_opens_a_guarded_server_and_is_the_author() {
    let made = run(command("upto").args(["token", "ci", "--scope", "deploy"])).stdout;
    let token = made.split_whitespace().find(|word| word.starts_with("upto_")).expect("the token is shown");
    let (_, entry) = made.split_once("[[token]]").expect("so is what to write");
    let folder = tempfile::tempdir().expect("a temporary folder");
    fs::write(folder.path().join("upto.toml"), format!("[[token]]{entry}")).expect("it can be written");
    let server = Server::in_folder(folder, &[]);
    done(&server, &["new", "rename"]);
    let deploy = ["function", "deploy", "rename.lua"];
    let mut with = command("upto");
    with.args(deploy).current_dir(server.folder.path()).env("UPTO_URL", server.url(""));
    let refused = run(&mut with);
    assert_eq!(refused.code, Some(2), "{refused:?}");
    assert_says(&refused.stderr, &["scope deploy", "set UPTO_TOKEN"]);
    let deployed = run(with.env("UPTO_TOKEN", token));
    assert_eq!(deployed.code, Some(0), "{deployed:?}");
    assert_eq!(server.get("/api/functions/rename").json()["author"], "ci");
}

#[test]
fn a_guest_in_rust_has_all_of_the_sdk_with_it() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let made = run(command("upto").args(["function", "new", "lower", "--wasm", "rust"]).current_dir(folder.path()));
    assert_eq!(made.code, Some(0), "{made:?}");
    let guest = folder.path().join("lower");
    for (shipped, copy) in [("plugins/sdk/src", "sdk/src"), ("plugins/wit", "wit")] {
        let text = |folder: &Path| -> String {
            let entries = fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("readable").path());
            let mut files: Vec<_> = entries.collect();
            files.sort();
            files.iter().map(|file| fs::read_to_string(file).expect("text")).collect()
        };
        assert!(text(&guest.join(copy)) == text(&root().join(shipped)), "{shipped} has something else or more");
    }
    let sdk = fs::read_to_string(guest.join("sdk/Cargo.toml")).expect("written");
    let workspace = fs::read_to_string(root().join("Cargo.toml")).expect("the version table");
    for dependency in sdk.split("[dependencies]\n").nth(1).expect("it has some").lines() {
        assert!(workspace.contains(dependency), "the version table has another {dependency}");
    }
}

/// The members, in the types for editors, of the table that begins with `head`.
fn members<'a>(types: &'a str, head: &str) -> Vec<&'a str> {
    let body = types.split(&format!("\n{head} {{\n")).nth(1).unwrap_or_else(|| panic!("there is no {head}"));
    let body = body.split("\n}").next().unwrap_or_default();
    let mut names: Vec<&str> = body
        .lines()
        .filter_map(|line| line.strip_prefix('\t').filter(|rest| !rest.starts_with(['\t', '}']))?.split(':').next())
        .collect();
    names.sort_unstable();
    names
}

#[test]
fn the_types_for_editors_name_what_scripts_have() {
    let types = fs::read_to_string(root().join("scripts/upto.d.luau")).expect("the types");
    // A test of the sandbox holds this list to what there is.
    let reachable = fs::read_to_string(root().join("tests/hostile/reachable.txt")).expect("what is reachable");
    let names = |prefix: &str| -> Vec<&str> {
        let below = reachable.lines().filter_map(|line| line.strip_prefix(prefix)?.split(':').next());
        let mut names: Vec<&str> = below.filter(|name| !name.contains(['.', '<'])).collect();
        names.sort_unstable();
        names
    };
    assert_eq!(members(&types, "declare upto:"), names("globals.upto."));
    let json = members(&types.replace("\n\t", "\n"), "json:").join(" ");
    assert_eq!(json, names("globals.upto.json.").join(" "));

    let folder = tempfile::tempdir().expect("a temporary folder");
    let fields = members(&types, "export type Report =").join(" = true, ");
    let script = format!(
        "local fields = {{ {fields} = true }}\n\
         function transform(report: Report): Outcome\n\
         \tfor field in fields do local _ = report[field] end\n\
         \tfor field in report do assert(fields[field], field) end\n\
         \treturn report\n\
         end\n"
    );
    fs::write(folder.path().join("all.lua"), script).expect("it can be written");
    let full = json!({"context": "c", "name": "n", "type": "end", "time": "2026-11-22T14:00:00Z", "host": "h",
        "timeline": "1", "status": "success", "labels": {"a": "b"}});
    let cases = json!([{"name": "all fields", "in": [full], "out": [full]}]);
    fs::write(folder.path().join("all.cases.json"), cases.to_string()).expect("it can be written");
    let tested = run(command("upto").args(["function", "test"]).arg(folder.path()));
    assert_eq!(tested.code, Some(0), "{tested:?}");
}
