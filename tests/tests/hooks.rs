//! Webhooks and foreign datagrams through the real server.

use std::fs;
use std::net::{SocketAddr, UdpSocket};
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};
use tempfile::TempDir;
use upto_tests::server::{Answer, Balance, Server, agent, command, root, run};

/// A folder with a configuration, for a server with the shipped hooks.
fn folder(configuration: &str) -> TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    fs::write(folder.path().join("upto.toml"), configuration).expect("it can be written");
    folder
}

fn text(path: &Path) -> &str {
    path.to_str().expect("UTF-8")
}

fn start(configuration: &str) -> Server {
    Server::in_folder(folder(configuration), &["--scripts", text(&root().join("scripts/hooks"))])
}

/// The case of this name, of a shipped script.
fn case(script: &str, name: &str) -> Value {
    let file = root().join("scripts/hooks").join(format!("{script}.cases.json"));
    let cases: Value = serde_json::from_str(&fs::read_to_string(file).expect("it is there")).expect("JSON");
    let found = cases.as_array().expect("a list").iter().find(|case| case["name"] == name);
    found.unwrap_or_else(|| panic!("{script} has no case {name:?}")).clone()
}

/// Sends the request of a case, as the provider does.
fn deliver(server: &Server, path: &str, request: &Value) -> Answer {
    let mut post = agent().post(server.url(path));
    for (name, value) in request["headers"].as_object().expect("headers") {
        post = post.header(name, value.as_str().expect("text"));
    }
    Answer::of(post.send(request["json"].to_string()).expect("the server answers"))
}

/// Where the server takes datagrams for a function.
fn socket(server: &Server) -> SocketAddr {
    let line = server.wait_for_log("datagrams go to a function");
    let (_, address) = line.rsplit_once("address=").expect("the log says where");
    address.trim().parse().expect("an address")
}

const GITHUB: &str = "[secrets]\ngithub = \"It's a Secret to Everybody\"\n";

#[test]
fn a_signed_delivery_of_github_becomes_events_and_again_changes_nothing() {
    let server = start(GITHUB);
    let case = case("github", "a job that is completed tells of all its steps");
    for _ in 0..2 {
        let answer = deliver(&server, "/hooks/github", &case["request"]);
        assert_eq!((answer.status, answer.json()), (200, json!({"accepted": 13, "rejected": []})));
    }
    let (context, run) = ("octo-org/octo-repo / test", "289782451-1");
    let timeline = server.timeline(context, run).expect("made");
    assert_eq!((&timeline["events"], &timeline["labels"]["branch"]), (&json!(6), &json!("master")));
    let step = "linters (node 18_x).03 Run yarn run format-check";
    let step = server.event(context, run, step, "GitHub Actions 5").expect("made");
    assert_eq!((&step["state"], &step["duration_s"]), (&json!("failed"), &json!(22.0)));
    assert_eq!(step["functions"], json!(["github"]), "it tells who made it");
    assert_eq!(server.get("/api/contexts").json()["_embedded"]["contexts"].as_array().map(Vec::len), Some(1));
    assert_eq!(server.metric("upto_function_requests_total"), 2);
}

#[test]
fn a_delivery_that_is_not_signed_with_the_secret_is_refused_and_nothing_is_stored() {
    let server = start(GITHUB);
    let answer = deliver(&server, "/hooks/github", &case("github", "a wrong signature is refused")["request"]);
    assert_eq!((answer.status, answer.header("content-type")), (401, "application/problem+json"));
    assert!(answer.json()["detail"].as_str().is_some_and(|detail| detail.contains("the signature is wrong")));
    server.wait_for_log("a function refused a request");
    // No secret of this name is set: the function fails, and says so to its author.
    let answer = deliver(&server, "/hooks/gitlab", &case("gitlab", "a job that runs")["request"]);
    assert_eq!(answer.status, 422, "{answer:?}");
    assert!(answer.text.contains("there is no secret"), "{answer:?}");
    assert_eq!(server.get("/api/contexts").json()["_embedded"]["contexts"], json!([]));
    let balance = Balance::of(&server);
    assert!(balance.is_even() && balance.refused == 2, "{balance:?}");
    let metrics = server.get("/metrics").text;
    for line in [
        "upto_reports_refused_total{cause=\"function\"} 2\n",
        "upto_function_requests_refused_total{function=\"github\",version=\"0\"} 1\n",
        "upto_function_requests_failed_total{function=\"gitlab\",version=\"0\"} 1\n",
    ] {
        assert!(metrics.contains(line), "{line} in {metrics}");
    }
}

#[test]
fn an_empty_secret_stops_the_start() {
    let folder = folder("");
    let mut server = command("upto");
    let scripts = root().join("scripts/hooks");
    server.env("UPTO_SECRET_GITHUB", "").args(["serve", "--udp", "127.0.0.1:0", "--http", "127.0.0.1:0"]);
    let ended = run(server.arg("--scripts").arg(scripts).current_dir(folder.path()));
    assert_eq!(ended.code, Some(2));
    assert!(ended.stderr.contains("the secret \"github\" is empty"), "{}", ended.stderr);
}

#[test]
fn only_functions_that_receive_are_hooks() {
    let scripts = tempfile::tempdir().expect("a temporary folder");
    let write = |name: &str, text: &str| fs::write(scripts.path().join(name), text).expect("it can be written");
    write("shout.lua", "function transform(report)\n  report.name = report.name:upper()\n  return report\nend\n");
    write(
        "echo.lua",
        "function receive(request)\n  local name = request.method .. request.path .. (request.query.q or '') .. request.body\n  \
         return { context = 'ctx', type = 'point', name = name }\nend\n",
    );
    let server = Server::with(&["--scripts", text(scripts.path())]);
    assert_eq!(server.post_as("/hooks/shout", "text/plain", b"").status, 404);
    assert_eq!(server.post_as("/hooks/none", "text/plain", b"").status, 404);
    let delete = agent().delete(server.url("/hooks/echo")).call().expect("the server answers");
    assert_eq!(delete.status(), 405);
    let head = agent().head(server.url("/hooks/echo")).call().expect("the server answers");
    assert_eq!((head.status().as_u16(), head.headers()["allow"].to_str().unwrap_or_default()), (405, "GET, POST"));
    let page = agent().get(server.url("/hooks/echo")).header("origin", "http://evil.example");
    assert_eq!(page.call().expect("the server answers").status(), 403);
    assert_eq!(server.metric("upto_reports_received_total"), 0, "none of these ran the function");
    assert_eq!(server.post_as("/hooks/echo/a%20b/c?q=1+2", "text/plain", b" x").json()["accepted"], 1);
    assert_eq!(server.get("/hooks/echo").json()["accepted"], 1);
    // What a hook made passes the functions that transform.
    for (name, functions) in [("POST/A B/C1 2 X", json!(["echo", "shout"])), ("GET/", json!(["echo"]))] {
        assert_eq!(server.event("ctx", "1", name, "").expect("made")["functions"], functions);
    }
    let large = vec![b'x'; (4 << 20) + 1];
    assert_eq!(server.post_as("/hooks/echo", "text/plain", &large).status, 413);
}

#[test]
fn a_hook_remembers_where_it_may_and_rests_where_it_fails_again_and_again() {
    let server = Server::with(&[]);
    let deploy = |name: &str, memory: bool, source: &str| {
        let settings = json!({"memory": memory});
        let function = json!({"language": "lua", "source": source, "settings": settings});
        let body = function.to_string();
        let answer = server.put_as(&format!("/api/functions/{name}"), "application/json", body.as_bytes());
        assert_eq!(answer.status, 201, "{answer:?}");
    };
    let count = "local n = 0\nfunction receive(request)\n  n += 1\n  \
                 return { context = 'ctx', type = 'point', name = 'seen.' .. n }\nend\n";
    deploy("with", true, count);
    deploy("without", false, count);
    for name in ["with", "without", "with", "without"] {
        assert_eq!(server.post_as(&format!("/hooks/{name}"), "text/plain", b"").status, 200);
    }
    assert_eq!(server.event("ctx", "1", "seen.2", "").expect("made")["functions"], json!(["with@1"]));
    deploy("bad", false, "function receive(request)\n  error('no ' .. request.body)\nend\n");
    for _ in 0..100 {
        assert_eq!(server.post_as("/hooks/bad", "text/plain", b"luck").status, 422);
    }
    let answer = server.post_as("/hooks/bad", "text/plain", b"luck");
    assert_eq!((answer.status, answer.header("retry-after")), (503, "5"), "{answer:?}");
    let function = server.get("/api/functions/bad").json();
    assert_eq!((&function["state"], &function["counts"]["requests_failed"]), (&json!("resting"), &json!(101)));
    assert_eq!(function["last_error"]["request"], json!({"method": "POST", "path": "/", "body": "luck", "size": 4}));
    assert!(function["last_error"]["message"].as_str().is_some_and(|text| text.ends_with("no luck")), "{function}");
}

#[test]
fn what_a_foreign_system_sent_is_shown_to_who_may_deploy() {
    let made = run(command("upto").args(["token", "author", "--scope", "deploy"]));
    let (token, entry) = made.stdout.split_once("[[token]]").expect("both are told");
    let token = token.split_whitespace().find(|word| word.starts_with("upto_")).expect("the token is told");
    let server = start(&format!("[[token]]{entry}"));
    assert_eq!(server.post_as("/hooks/gitlab", "text/plain", b"a body with a password").status, 422);
    let last_error = |authorization: Option<&str>| {
        let get = agent().get(server.url("/api/functions/gitlab"));
        let get = authorization.into_iter().fold(get, |get, token| get.header("authorization", token));
        Answer::of(get.call().expect("the server answers")).json()["last_error"].clone()
    };
    let shown = last_error(Some(&format!("Bearer {token}")));
    assert_eq!(shown["request"]["body"], "a body with a password", "{shown}");
    let hidden = last_error(None);
    assert_eq!((&hidden["message"], &hidden["request"]), (&shown["message"], &Value::Null));
}

#[test]
fn datagrams_of_statsd_become_events_and_each_is_accounted_for() {
    let server = start("[[udp]]\naddr = \"127.0.0.1:0\"\nfunction = \"statsd\"\n");
    let (target, socket) = (socket(&server), UdpSocket::bind("127.0.0.1:0").expect("a free port"));
    for datagram in ["deploy.copy:3500|ms|#context:shop,host:web-1", "gorets:1|c", "a:5|ms\nb:6|ms"] {
        socket.send_to(datagram.as_bytes(), target).expect("loopback takes datagrams");
    }
    let step = server.wait_for_event("shop", "latest", "deploy.copy", "web-1");
    assert_eq!((&step["state"], &step["duration_s"]), (&json!("ended"), &json!(3.5)));
    server.wait_for_event("statsd", "latest", "b", "127.0.0.1");
    let balance = server.wait_for_rest(7);
    assert_eq!((balance.received, balance.stored, balance.dropped), (7, 6, 1), "a counter is dropped");
}

#[test]
fn datagrams_on_which_a_function_fails_or_that_have_none_are_counted() {
    for (function, cause) in [("syslog", "no syslog line"), ("none", "nothing takes it")] {
        let server = start(&format!("[[udp]]\naddr = \"127.0.0.1:0\"\nfunction = \"{function}\"\n"));
        let (target, socket) = (socket(&server), UdpSocket::bind("127.0.0.1:0").expect("a free port"));
        socket.send_to(b"hello", target).expect("loopback takes datagrams");
        let balance = server.wait_for_rest(1);
        assert_eq!((balance.received, balance.refused, balance.stored), (1, 1, 0), "{cause}");
        assert!(server.get("/metrics").text.contains("upto_reports_refused_total{cause=\"function\"} 1\n"), "{cause}");
    }
}

/// The blocks of shell in a page that talk to the server, as one script for this server.
fn steps_of(page: &str, server: &Server, udp: Option<SocketAddr>) -> String {
    let text = fs::read_to_string(root().join("docs/hooks").join(page)).expect("the page exists");
    let blocks = text.split("```sh\n").skip(1).filter_map(|part| part.split("```").next());
    let talks = |block: &&str| ["curl ", "/dev/udp/", "logger "].iter().any(|word| block.contains(word));
    let mut script: String = blocks.filter(talks).collect();
    script = script.replace("http://127.0.0.1:8080", &server.url(""));
    if let Some(udp) = udp {
        for (port, here) in
            [("127.0.0.1/8125", format!("127.0.0.1/{}", udp.port())), ("--port 5514", format!("--port {}", udp.port()))]
        {
            script = script.replace(port, &here);
        }
    }
    script
}

#[test]
fn the_pages_of_the_webhooks_do_what_they_say() {
    for (page, secret, context, timeline, name, host) in [
        (
            "github.md",
            "It's a Secret to Everybody",
            "octo-org/octo-repo / test",
            "289782451-1",
            "linters.02 Run make lint",
            "GitHub Actions 5",
        ),
        (
            "gitlab.md",
            "glsecret",
            "gitlab-org/gitlab-test",
            "pipeline-2366",
            "test.unit",
            "shared-runners-manager-6.gitlab.com",
        ),
        ("jenkins.md", "jsecret", "asgard", "build-18", "build", ""),
        ("alertmanager.md", "amsecret", "alerts", "latest", "ProbeFailure.resolved", "web-1"),
    ] {
        let name_of_secret = page.trim_end_matches(".md");
        let server = start(&format!("[secrets]\n{name_of_secret} = \"{secret}\"\n"));
        let ended = run(Command::new("bash").arg("-ec").arg(steps_of(page, &server, None)));
        let text = fs::read_to_string(root().join("docs/hooks").join(page)).expect("the page exists");
        assert!(ended.code == Some(0) && text.contains(&ended.stdout) && ended.stdout.len() > 10, "{page}: {ended:?}");
        assert!(text.contains(secret), "{page} names its secret");
        assert!(server.event(context, timeline, name, host).is_some(), "{page}: {name}");
    }
}

#[test]
fn the_pages_of_the_sockets_do_what_they_say() {
    for (page, function, name, host, duration) in [
        ("statsd.md", "statsd", "deploy.copy", "web-1", Some(3.5)),
        ("syslog.md", "syslog", "db.migrate", "db-1", None),
    ] {
        let server = start(&format!("[[udp]]\naddr = \"127.0.0.1:0\"\nfunction = \"{function}\"\n"));
        let script = steps_of(page, &server, Some(socket(&server)));
        let ended = run(Command::new("bash").arg("-ec").arg(script));
        assert_eq!(ended.code, Some(0), "{page}: {ended:?}");
        let step = server.wait_for("the end of the step", |server| {
            server.event("shop", "latest", name, host).filter(|step| step["state"] == "ended")
        });
        assert!(duration.is_none_or(|duration| step["duration_s"] == json!(duration)), "{page}: {step}");
    }
}

/// The block of that language in the page of the functions that holds `mark`.
fn block(language: &str, mark: &str) -> String {
    let text = fs::read_to_string(root().join("docs/functions.md")).expect("the page exists");
    let fence = format!("```{language}\n");
    let mut blocks = text.split(&fence).skip(1).filter_map(|part| part.split("```").next());
    blocks.find(|block| block.contains(mark)).unwrap_or_else(|| panic!("no block with {mark:?}")).to_owned()
}

#[test]
fn the_hook_of_the_functions_page_does_what_it_says() {
    let folder = folder("[secrets]\ndeployed = \"swordfish\"\n");
    let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).expect("it can be written");
    write("deployed.lua", &block("lua", "function receive"));
    write("deployed.cases.json", &block("json", "\"request\""));
    let ended = run(command("upto").args(["function", "test"]).arg(folder.path()));
    assert!(ended.stdout.ends_with("1 function: 2 cases passed, 0 failed\n"), "{}", ended.stdout);
    let server = Server::in_folder(folder, &["--scripts", "."]);
    let script = block("sh", "/hooks/deployed").replace("http://127.0.0.1:8080", &server.url(""));
    let ended = run(Command::new("sh").arg("-c").arg(script));
    assert_eq!(ended.stdout, "{\"accepted\":1,\"rejected\":[]}", "{ended:?}");
    let point = server.event("shop", "latest", "deployed", "").expect("made");
    assert_eq!(point["labels"]["version"], "1.4.2");
}
