//! `run`: the command's own life comes first, and both its ends are reported.

mod support;

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::ptr::null_mut;
use std::time::{Duration, Instant};

use support::{DeadPort, Ended, Http, Udp, decode, run, upto_client};
use upto_wire::{Kind, Report, Status};

/// Runs a shell's script under `run`, and gives what came of it and the two reports.
fn shell(script: &str) -> (Ended, Report<'static>, Report<'static>) {
    let server = Udp::new();
    let mut command = upto_client(&["run", "ctx", "ev", "--", "sh", "-c", script]);
    let ended = run(command.env("UPTO_URL", server.url()));
    let [start, end] = server.reports(2).try_into().unwrap();
    (ended, start, end)
}

#[test]
fn a_command_is_reported_at_both_ends_and_its_code_kept() {
    for (code, status) in [(0, Status::Success), (1, Status::Failure), (42, Status::Failure), (255, Status::Failure)] {
        let (ended, start, end) = shell(&format!("exit {code}"));
        assert_eq!((ended.code, ended.stdout, ended.stderr), (code, String::new(), String::new()));
        assert_eq!((start.kind, start.status), (Kind::Start, None));
        assert!(start.labels.is_empty());
        assert_eq!((end.kind, end.status), (Kind::End, Some(status)));
        assert_eq!(end.labels.get("exit_code"), Some(code.to_string().as_str()));
        assert!(start.time.unwrap() <= end.time.unwrap());
    }
}

#[test]
fn both_reports_carry_what_the_flags_say() {
    let server = Udp::new();
    let mut command =
        upto_client(&["run", "-n", "web", "ctx", "ev", "--label", "a=b", "--timeline", "t", "--", "true"]);
    assert_eq!(run(command.env("UPTO_URL", server.url())).code, 0);
    for report in server.reports(2) {
        assert_eq!((&*report.context, &*report.name, &*report.host), ("ctx", "ev", "web"));
        assert_eq!((report.timeline.as_deref(), report.labels.get("a")), (Some("t"), Some("b")));
    }
}

#[test]
fn a_command_that_is_not_there_or_not_executable_exits_as_in_a_shell() {
    for (program, code) in [("no-such-command-anywhere", 127), ("/no/such/file", 127), ("/etc/passwd", 126), ("/", 126)]
    {
        let server = Udp::new();
        let mut command = upto_client(&["run", "ctx", "ev", "--", program]);
        let ended = run(command.env("UPTO_URL", server.url()));
        assert_eq!((ended.code, ended.stdout.as_str()), (code, ""));
        assert!(ended.stderr.starts_with(&format!("upto-client: {program}: ")), "{ended:?}");
        let end = server.reports(2).remove(1);
        assert_eq!((end.status, end.labels.get("exit_code")), (Some(Status::Failure), Some(code.to_string().as_str())));
    }
}

#[test]
fn arguments_and_standard_streams_are_the_commands_own() {
    let script = r#"cat; printf '%s|' "$@"; echo oops >&2"#;
    let mut command = upto_client(&["run", "ctx", "ev", "--", "sh", "-c", script, "sh", "a b", "--", "-v", "$HOME"]);
    let dead = DeadPort::new();
    command.env("UPTO_URL", format!("udp://127.0.0.1:{}", dead.port()));
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(b"input;").unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.stdout, b"input;a b|--|-v|$HOME|");
    assert_eq!(output.stderr, b"oops\n");
}

#[test]
fn the_command_runs_whatever_is_wrong_with_the_server() {
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let silent = format!("http://{}", silent.local_addr().unwrap());
    let dead_port = DeadPort::new();
    let dead = format!("udp://127.0.0.1:{}", dead_port.port());
    for url in ["https://upto", "nonsense", "udp://nosuchhost.invalid", "http://nosuchhost.invalid", &silent, &dead] {
        let mut command = upto_client(&["run", "ctx", "ev", "--fail", "--", "sh", "-c", "echo ran; exit 9"]);
        let started = Instant::now();
        let ended = run(command.env("UPTO_URL", url));
        assert_eq!((ended.code, ended.stdout.as_str()), (9, "ran\n"), "{url}: {ended:?}");
        assert!(started.elapsed() < Duration::from_secs(5), "{url}: {:?}", started.elapsed());
        if !url.contains("://") || url.starts_with("https") {
            assert!(ended.stderr.contains("(the command runs, unreported)"), "{ended:?}");
        }
    }
}

#[test]
fn the_command_waits_for_no_server() {
    // The server answers only once the command has run: were the command to wait for it, nothing would ever happen.
    let (sender, has_run) = std::sync::mpsc::channel::<()>();
    let server = Http::serving(move |_, mut stream| {
        let _ = has_run.recv_timeout(support::PATIENCE);
        let _ = stream.write_all(support::response("200 OK", "").as_bytes());
    });
    let mut command = upto_client(&["run", "ctx", "ev", "-v", "--", "echo", "ran"]);
    let mut child = command.env("UPTO_URL", server.url()).stdout(Stdio::piped()).spawn().unwrap();
    assert_eq!(line(&mut BufReader::new(child.stdout.take().unwrap())), "ran");
    drop(sender);
    let (start, end) = (decode(&server.request().body), decode(&server.request().body));
    assert_eq!((start.kind, end.kind), (Kind::Start, Kind::End), "in this order, as the end waits for the start");
    assert!(child.wait().unwrap().success());
}

#[test]
fn runs_within_runs_are_dotted_names() {
    let server = Udp::new();
    let program = env!("CARGO_BIN_EXE_upto-client");
    let script = format!(
        r#"echo "$UPTO_CONTEXT $UPTO_PARENT $UPTO_TIMELINE" && {program} start leaf && {program} run other x -- env"#
    );
    let mut command = upto_client(&[
        "run",
        "ctx",
        "build",
        "--timeline",
        "t 1",
        "--",
        program,
        "run",
        "inner",
        "--",
        "sh",
        "-c",
        &script,
    ]);
    let ended = run(command.env("UPTO_URL", server.url()));
    assert_eq!(ended.code, 0, "{ended:?}");
    assert_eq!(ended.stdout.lines().next(), Some("ctx build.inner t 1"));
    let inside_other: Vec<&str> =
        ended.stdout.lines().filter(|line| line.starts_with("UPTO_") && !line.contains("URL")).collect();
    assert!(inside_other.contains(&"UPTO_CONTEXT=other") && inside_other.contains(&"UPTO_PARENT=x"));
    assert!(!inside_other.iter().any(|line| line.starts_with("UPTO_TIMELINE")), "the timeline is of ctx");
    let named: Vec<_> = server
        .reports(7)
        .into_iter()
        .map(|report| (report.context.into_owned(), report.name.into_owned(), report.timeline.map(|t| t.into_owned())))
        .collect();
    let timeline = || Some("t 1".to_owned());
    let expected = [
        ("ctx", "build", timeline()),
        ("ctx", "build", timeline()),
        ("ctx", "build.inner", timeline()),
        ("ctx", "build.inner", timeline()),
        ("ctx", "build.inner.leaf", timeline()),
        ("other", "x", None),
        ("other", "x", None),
    ];
    assert_eq!(named, expected.map(|(context, name, timeline)| (context.to_owned(), name.to_owned(), timeline)));
}

#[test]
fn what_reports_from_within_goes_to_the_server_of_the_flags() {
    let server = Udp::new();
    let program = env!("CARGO_BIN_EXE_upto-client");
    let port = server.port().to_string();
    let mut command = upto_client(&["--rh=127.0.0.1", "--rp", &port, "run", "ctx", "ev", "--", program, "start", "in"]);
    assert_eq!(run(command.env("UPTO_URL", "udp://nosuchhost.invalid")).code, 0);
    assert_eq!(server.reports(3).remove(2).name, "ev.in");
}

fn line(reader: &mut impl BufRead) -> String {
    let mut line = String::new();
    reader.read_line(&mut line).expect("a line");
    line.trim_end().to_owned()
}

/// A script under `run` that said `ready`, and the rest of what it prints.
fn ready(server: &Udp, script: &str) -> (Child, impl BufRead + use<>) {
    let mut command = upto_client(&["run", "ctx", "ev", "--", "sh", "-c", script]);
    let mut child = command.env("UPTO_URL", server.url()).stdout(Stdio::piped()).spawn().unwrap();
    let mut output = BufReader::new(child.stdout.take().unwrap());
    assert_eq!(line(&mut output), "ready");
    (child, output)
}

fn kill(process: u32, signal: &str) {
    let status = Command::new("sh").args(["-c", &format!("kill -{signal} {process}")]).status().unwrap();
    assert!(status.success());
}

#[test]
fn a_signal_goes_on_to_the_command_and_cancels_it() {
    for (signal, number) in [("TERM", 15), ("INT", 2), ("HUP", 1), ("QUIT", 3)] {
        let server = Udp::new();
        let (mut child, _) = ready(&server, "echo ready; exec sleep 60");
        kill(child.id(), signal);
        assert_eq!(child.wait().unwrap().code(), Some(128 + number), "{signal}");
        let end = server.reports(2).remove(1);
        assert_eq!((end.status, end.labels.get("signal")), (Some(Status::Cancelled), Some(signal)));
    }
}

#[test]
fn a_command_that_catches_the_signal_decides_its_end() {
    for (code, status) in [(7, Status::Failure), (0, Status::Success), (143, Status::Cancelled)] {
        let server = Udp::new();
        let script = format!("trap 'kill $!; echo caught; exit {code}' TERM; sleep 60 >&2 & echo ready; wait");
        let (mut child, mut output) = ready(&server, &script);
        kill(child.id(), "TERM");
        assert_eq!(line(&mut output), "caught");
        assert_eq!(child.wait().unwrap().code(), Some(code));
        let end = server.reports(2).remove(1);
        assert_eq!((end.status, end.labels.get("exit_code")), (Some(status), Some(code.to_string().as_str())));
    }
}

#[test]
fn a_command_that_a_foreign_signal_kills_has_failed() {
    let (ended, _, end) = shell("kill -KILL $$");
    assert_eq!((ended.code, end.status, end.labels.get("signal")), (137, Some(Status::Failure), Some("KILL")));
    let (ended, _, end) = shell("kill -TERM $$");
    assert_eq!((ended.code, end.status, end.labels.get("signal")), (143, Some(Status::Failure), Some("TERM")));
}

#[test]
fn what_was_ignored_stays_ignored() {
    let server = Udp::new();
    let program = env!("CARGO_BIN_EXE_upto-client");
    let script = format!("trap '' HUP; exec {program} run ctx ev -- sh -c 'kill -HUP $PPID; kill -HUP $$; echo alive'");
    let mut shell = Command::new("sh");
    let ended = run(shell.args(["-c", &script]).env("UPTO_URL", server.url()));
    assert_eq!((ended.code, ended.stdout.as_str()), (0, "alive\n"));
}

#[test]
fn the_code_is_kept_where_children_are_ignored() {
    let server = Udp::new();
    let mut command = upto_client(&["run", "ctx", "ev", "--", "sh", "-c", "exit 3"]);
    let ignore_children = || {
        // SAFETY: `signal` is async-signal-safe, and to ignore a signal runs no code of ours.
        unsafe { libc::signal(libc::SIGCHLD, libc::SIG_IGN) };
        Ok(())
    };
    // SAFETY: the closure allocates nothing and calls only an async-signal-safe function.
    unsafe { command.pre_exec(ignore_children) };
    let ended = run(command.env("UPTO_URL", server.url()));
    assert_eq!((ended.code, ended.stderr.as_str()), (3, ""));
}

/// A terminal: the side that types and reads, and the side that programs run on.
fn terminal() -> (File, OwnedFd) {
    let (mut master, mut slave) = (0, 0);
    // SAFETY: `openpty` writes two descriptors to the places given and takes null for what is left out.
    let result = unsafe { libc::openpty(&raw mut master, &raw mut slave, null_mut(), null_mut(), null_mut()) };
    assert_eq!(result, 0, "a terminal");
    // SAFETY: both descriptors are open and nobody else owns them.
    unsafe { (File::from_raw_fd(master), OwnedFd::from_raw_fd(slave)) }
}

/// Lets a command run in a session of its own, on this terminal.
fn on_terminal(command: &mut Command, slave: OwnedFd) -> &mut Command {
    command.stdin(slave.try_clone().unwrap()).stdout(slave.try_clone().unwrap()).stderr(slave.try_clone().unwrap());
    let take_terminal = move || {
        // SAFETY: both calls are async-signal-safe; `slave` is moved here, so that its number is open.
        let failed = unsafe { libc::setsid() < 0 || libc::ioctl(slave.as_raw_fd(), libc::TIOCSCTTY, 0) < 0 };
        if failed { Err(std::io::Error::last_os_error()) } else { Ok(()) }
    };
    // SAFETY: the closure allocates nothing and calls only async-signal-safe functions.
    unsafe { command.pre_exec(take_terminal) }
}

/// Ctrl-C, up to where the terminal shows it: by then, it has sent the signal.
fn type_ctrl_c(typing: &mut File, output: &mut impl Read) {
    typing.write_all(b"\x03").unwrap();
    let (mut shown, mut byte) = (Vec::new(), [0]);
    while !shown.ends_with(b"^C") {
        output.read_exact(&mut byte).unwrap();
        shown.extend(byte);
    }
}

#[test]
fn ctrl_c_at_a_terminal_is_not_passed_on() {
    let server = Udp::new();
    let (mut typing, slave) = terminal();
    // In a session of its own, the command gets from the terminal nothing, and so any signal from us.
    let script = "trap 'echo int' INT; trap 'echo term; kill $!; exit 5' TERM; sleep 60 & echo ready; \
        while :; do wait $!; done";
    let mut command = upto_client(&["run", "ctx", "ev", "--", "setsid", "sh", "-c", script]);
    let mut child = on_terminal(command.env("UPTO_URL", server.url()), slave).spawn().unwrap();
    drop(command);
    let mut output = BufReader::new(typing.try_clone().unwrap());
    assert_eq!(line(&mut output), "ready");
    type_ctrl_c(&mut typing, &mut output);
    // Signals are passed on in their order: had the first been, it would arrive before this one.
    kill(child.id(), "TERM");
    let mut rest = String::new();
    // A terminal whose programs are gone reads as an error, not as an end.
    let _ = output.read_to_string(&mut rest);
    assert_eq!(child.wait().unwrap().code(), Some(5));
    assert_eq!((rest.matches("int").count(), rest.matches("term").count()), (0, 1), "{rest:?}");
}

#[test]
fn ctrl_c_that_ends_the_command_cancels_it() {
    let server = Udp::new();
    let (mut typing, slave) = terminal();
    let mut command = upto_client(&["run", "ctx", "ev", "--", "sh", "-c", "echo ready; exec sleep 60"]);
    let mut child = on_terminal(command.env("UPTO_URL", server.url()), slave).spawn().unwrap();
    drop(command);
    let mut output = BufReader::new(typing.try_clone().unwrap());
    assert_eq!(line(&mut output), "ready");
    typing.write_all(b"\x03").unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130));
    let end = server.reports(2).remove(1);
    assert_eq!((end.status, end.labels.get("signal")), (Some(Status::Cancelled), Some("INT")));
}
