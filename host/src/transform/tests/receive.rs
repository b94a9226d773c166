//! What functions make of requests, in both languages.

use upto_wire::WireError;

use super::wasm::{COUNT, component, component_of};
use super::*;
use crate::transform::live::Around;
use crate::transform::lua::LuaProgram;
use crate::transform::stats::FailedRequest;
use crate::transform::{EntryPoints, Failure, FailureCause, Receiver, Rejection, Request, budget};

pub(super) fn request(body: &str) -> Request<'_> {
    Request {
        method: "POST".into(),
        path: "/a/b".into(),
        query: vec![("q".into(), "1 2".into())],
        headers: vec![("source".into(), "192.0.2.7".into()), ("x-token".into(), "t".into())],
        body: body.as_bytes().into(),
        received: Time::from_micros(1_700_000_000_000_000),
    }
}

/// Runs a `receive` with this body.
fn run(code: &str, body: &str) -> Result<Vec<Report<'static>>, Rejection> {
    let program = lua_program(&format!("function receive(request) {code}\nend"));
    function(&program).receive(&request(body))
}

/// The name of the one report that it makes.
fn told(code: &str, body: &str) -> String {
    let made = run(&format!("local r = '' {code} return {{ context = 'c', type = 'point', name = r }}"), body);
    made.unwrap_or_else(|error| panic!("{code}: {error}"))[0].name.to_string()
}

fn failed(code: &str, body: &str) -> (FailureCause, String) {
    match run(code, body) {
        Err(Rejection::Failed(Failure { cause, message })) => (cause, message),
        other => panic!("{code}: {other:?}"),
    }
}

#[test]
fn a_script_has_one_entry_point_or_both() {
    let points = |source: &str| lua_program(source).entry_points();
    let transform = "function transform(report) return report end ";
    let receive = "function receive(request) end ";
    assert_eq!(points(transform), EntryPoints { transform: true, receive: false });
    assert_eq!(points(receive), EntryPoints { transform: false, receive: true });
    assert_eq!(points(&format!("{transform}{receive}")), EntryPoints { transform: true, receive: true });
    let stats = Stats::default();
    let applied = Chain::new(&live(&[lua_program(receive)], &stats)).apply(vec![report("a")]);
    assert_eq!((applied.reports.len(), applied.counts), (1, Counts::default()));
    assert_eq!(stats.snapshot()[0].received, 0, "reports pass by what only receives");
}

#[test]
fn a_request_is_a_table() {
    let code = "local q = request r = table.concat({ q.method, q.path, q.query.q, q.headers['x-token'], q.headers.source, q.body }, ' ')";
    assert_eq!(told(code, "b"), "POST /a/b 1 2 t 192.0.2.7 b");
    assert_eq!(told("r = tostring(request.time)", ""), "1700000000000000");
}

#[test]
fn it_returns_a_report_a_list_or_nothing() {
    assert_eq!(run("return nil", ""), Ok(vec![]));
    assert_eq!(run("return {}", ""), Ok(vec![]));
    let made = run("local a = { context = 'c', name = 'a', type = 'start' } return { a, { context = 'c', name = 'b', type = 'end', status = 'failure', time = request.time } }", "").unwrap();
    assert_eq!(made.iter().map(|report| &*report.name).collect::<Vec<_>>(), ["a", "b"]);
    assert_eq!((made[0].time, made[1].time), (None, Some(request("").received)));
    assert!(!made[0].auto_ip);
}

#[test]
fn what_is_no_report_is_refused() {
    for (code, words) in [
        ("return 7", "the result of receive must be a report, a list of reports or nil, not a number"),
        ("return { x = 1 }", "neither a report (it has no context) nor a list"),
        ("return { 1 }", "item 1 of the result must be a report, not a number"),
        ("return { { context = 'c', type = 'start' } }", "name is missing or empty"),
        ("local all = {} for i = 1, 1001 do all[i] = 1 end return all", "returned 1001 reports; at most 1000"),
    ] {
        let (cause, message) = failed(code, "");
        assert_eq!(cause, FailureCause::Output, "{code}: {message}");
        assert!(message.contains(words), "{code}: {message}");
    }
}

#[test]
fn time_and_memory_are_limited_and_the_next_request_is_served() {
    let program = lua_program(
        "function receive(request)
           if request.body == 'loop' then while true do end end
           if request.body == 'grow' then local s = 'x' while true do s = s .. s end end
           return nil
         end",
    );
    let mut function = function(&program);
    for (body, cause) in [("loop", FailureCause::Time), ("grow", FailureCause::Memory)] {
        let start = Instant::now();
        match function.receive(&request(body)) {
            Err(Rejection::Failed(failure)) => assert_eq!(failure.cause, cause, "{failure}"),
            other => panic!("{other:?}"),
        }
        assert!(start.elapsed() < LIMIT, "took {:?}", start.elapsed());
        assert_eq!(function.receive(&request("fine")), Ok(vec![]));
    }
}

#[test]
fn a_function_refuses_with_a_status() {
    let refused = |status, message: &str| Err(Rejection::Refused { status, message: message.into() });
    assert_eq!(run("upto.refuse(401, 'the signature is wrong')", ""), refused(401, "the signature is wrong"));
    assert_eq!(
        failed("\nupto.refuse(200, 'x')", "").1,
        "test.lua:2: a request is refused with a status from 400 to 499, not 200"
    );
    assert_eq!(failed("upto.refuse(401)", "").1, "test.lua:1: upto.refuse takes a status and a message");
    assert_eq!(failed("error('no')", "").1, "test.lua:1: no");
}

#[test]
fn json_becomes_tables_and_text_again() {
    let decoded =
        |code: &str, text: &str| told(&format!("local v = upto.json.decode(request.body) r = tostring({code})"), text);
    assert_eq!(decoded("v.a[2].b", r#"{"a": [1, {"b": "é"}], "n": null}"#), "é");
    assert_eq!(decoded("v.n == nil and v[1] == nil", r#"{"n": null}"#), "true");
    assert_eq!(decoded("v[1] == upto.json.null and v[2]", "[null, 2]"), "2");
    assert_eq!(decoded("v", "30433642001"), "30433642001");
    assert_eq!(decoded("v", "true"), "true");
    let encoded = |code: &str| told(&format!("r = upto.json.encode({code})"), "");
    assert_eq!(
        encoded("{ b = { 1, 2.5, upto.json.null }, a = 'x\"y' }"),
        r#"{"a":"x\"y","b":[1,2,5,null]}"#.replace("2,5", "2.5")
    );
    assert_eq!(encoded("{}"), "{}");
    assert_eq!(encoded("nil"), "null");
}

#[test]
fn what_is_no_json_is_explained_and_bounded() {
    let decode = "\nupto.json.decode(request.body)";
    assert_eq!(
        failed(decode, "{").1,
        "test.lua:2: the text is no JSON: EOF while parsing an object at line 1 column 1"
    );
    assert!(failed(decode, "[1] x").1.contains("trailing characters"));
    assert!(failed(decode, &"[".repeat(65)).1.contains("nested more than 64 deep"));
    assert!(run(decode, &format!("{}{}", "[".repeat(64), "]".repeat(64))).is_ok());
    // Nulls of an object are left out, so that they cost no time but to be counted.
    let counted = |values| failed(decode, &format!("{{{}\"a\":null}}", "\"a\":null,".repeat(values))).1;
    assert!(counted(20_000).contains("more than 20000 values"));
    for many in [format!("[{}[]]", "[],".repeat(500_000)), format!("{{{}}}", "\"a\":1,".repeat(20_000))] {
        // A slow machine is out of time first.
        let (_, message) = failed(decode, &many);
        let bounds = ["more than 20000 values", "longer than 20 ms"];
        assert!(bounds.iter().any(|bound| message.contains(bound)), "{message}");
    }
    for (value, words) in [
        ("tostring", "a function has no JSON form"),
        ("0/0", "not finite"),
        ("'\\xff'", "not valid UTF-8"),
        ("{ [1] = 1, a = 2 }", "not both"),
        ("{ [true] = 1 }", "a key must be text, not a boolean"),
    ] {
        let (_, message) = failed(&format!("upto.json.encode({value})"), "");
        assert!(message.starts_with("test.lua:1: ") && message.contains(words), "{value}: {message}");
    }
    assert!(failed("local t = {} t.t = t upto.json.encode(t)", "").1.contains("nested more than 64 deep"));
    let long = "local t = {} for i = 1, 2000 do t[i] = ('x'):rep(1000) end upto.json.encode(t)";
    assert!(failed(long, "").1.contains("more than 1048576 bytes"));
    assert_eq!(failed("upto.json.decode(7)", "").1, "test.lua:1: upto.json.decode takes text");
    assert!(failed("upto.json.decode = nil", "").1.contains("readonly"));
}

#[test]
fn times_signatures_and_secrets() {
    assert_eq!(told("r = tostring(upto.time('2023-11-14T22:13:20.5Z'))", ""), "1700000000500000");
    for none in ["nil", "upto.json.null", "''", "'0001-01-01T00:00:00Z'"] {
        assert_eq!(told(&format!("r = tostring(upto.time({none}))"), ""), "nil", "{none}");
    }
    assert!(failed("\nupto.time('yesterday')", "").1.starts_with("test.lua:2: time is \"yesterday\"; use RFC 3339"));
    let signature = "upto.hmac_sha256('github', request.body)";
    let wanted = "2e9ad674b92fb66036e8f010052926cd2588d6ae2171cba8ff70f820cf14e91d";
    assert_eq!(told(&format!("r = {signature}"), "x"), wanted);
    assert_eq!(told("r = tostring(upto.secret_equals('github', 'swordfish'))", ""), "true");
    assert_eq!(told("r = tostring(upto.secret_equals('github', 'swordfisH'))", ""), "false");
    assert_eq!(told("r = tostring(upto.equal('a', 'a')) .. tostring(upto.equal('a', 'ab'))", ""), "truefalse");
    assert!(
        failed("\nupto.secret_equals('x', 'y')", "")
            .1
            .starts_with("test.lua:2: there is no secret \"x\"; set it in upto.toml")
    );
    assert!(failed("upto.hmac_sha256('x', 'y')", "").1.contains("UPTO_SECRET_X"));
}

#[test]
fn a_receiver_is_found_counted_and_rests() {
    let stats = Stats::default();
    let source = "function receive(request)
        if request.body == 'loop' then while true do end end
        if request.body == 'refuse' then upto.refuse(403, 'no') end
        error('always')
      end";
    let set = live(&[lua_program("function transform(r) return r end"), lua_program(source)], &stats);
    assert!(Receiver::find(&set, "other").is_none());
    let mut receiver = Receiver::find(&set, "test").unwrap();
    let mut datagram = request("loop");
    datagram.method = Request::UDP.into();
    for _ in 0..5 {
        assert!(receiver.receive(&datagram).is_err());
    }
    assert_eq!(receiver.receive(&request("x")), Err(Rejection::Resting));
    let mut another = Receiver::find(&set, "test").unwrap();
    assert_eq!(another.receive(&request("x")), Err(Rejection::Resting), "so do all of the version");
    let last = stats.snapshot().remove(0).last_error.unwrap();
    assert_eq!(last.failure.cause, FailureCause::Time, "it tells why it rests: {last:?}");
    let set = live(&[lua_program(source)], &stats);
    let mut receiver = Receiver::find(&set, "test").unwrap();
    assert!(receiver.receive(&request("refuse")).is_err() && receiver.receive(&request("x")).is_err());
    let counted = stats.snapshot().remove(0);
    assert_eq!((counted.requests, counted.requests_refused, counted.requests_failed), (9, 1, 8));
    assert!(counted.busy > Duration::ZERO && counted.p50 > Duration::ZERO && counted.memory_peak > 0, "{counted:?}");
    let last = counted.last_error.unwrap();
    assert_eq!((counted.received, last.failure.message.as_str()), (0, "test.lua:4: always"));
    let wanted = FailedRequest { method: "POST".into(), path: "/a/b".into(), body: "x".into(), size: 1 };
    assert_eq!((last.report, last.request), (None, Some(wanted)));
}

#[test]
fn of_a_large_request_that_failed_the_beginning_is_kept() {
    let stats = Stats::default();
    let set = live(&[lua_program("function receive(request) error('always') end")], &stats);
    let mut receiver = Receiver::find(&set, "test").unwrap();
    let body = format!("a{}", "é".repeat(5_000));
    let failing = Request { path: "/é".repeat(1_000).into(), ..request(&body) };
    assert!(receiver.receive(&failing).is_err());
    let kept = stats.snapshot().remove(0).last_error.unwrap().request.unwrap();
    assert_eq!((kept.body, kept.path.len(), kept.size), (body[..4_095].to_owned(), 1_024, body.len()));
}

#[test]
fn each_request_sees_the_tables_as_they_are_then() {
    let (around, stats) = (Around::default(), Stats::default());
    let source = "function receive(request)
        return { context = 'c', type = 'point', name = upto.lookup('hosts', 'a') or 'none' }
      end";
    let program = LuaProgram::compile("test", source.as_bytes(), around.of("test", FOLDER, false)).unwrap();
    let program: Arc<dyn Program> = Arc::new(program);
    // Its entry points are known once it has run.
    drop(function(&program));
    let mut receiver = Receiver::find(&live(&[program], &stats), "test").unwrap();
    for value in ["old", "new"] {
        around.tables.set(Layer::Folder, "hosts", Arc::new(Table::from_iter([("a", value)])));
        assert_eq!(receiver.receive(&request("")).unwrap()[0].name, value);
    }
    assert_eq!(stats.snapshot()[0].requests_made, 2);
}

/// A function that takes 2 ms for each request but the empty one.
struct Slow;

impl Program for Slow {
    fn name(&self) -> &str {
        "slow"
    }

    fn entry_points(&self) -> EntryPoints {
        EntryPoints { transform: false, receive: true }
    }

    fn instantiate(&self) -> Result<Box<dyn Function>, Failure> {
        Ok(Box::new(Slow))
    }
}

impl Function for Slow {
    fn transform(&mut self, _: &[Report<'_>], _: &mut Vec<Outcome>) {}

    fn receive(&mut self, request: &Request<'_>) -> Result<Vec<Report<'static>>, Rejection> {
        let start = Instant::now();
        while !request.body.is_empty() && start.elapsed() < Duration::from_millis(2) {}
        Ok(vec![])
    }
}

#[test]
fn datagrams_that_came_together_have_the_time_of_one_call() {
    let stats = Stats::default();
    let mut receiver = Receiver::find(&live(&[Arc::new(Slow)], &stats), "slow").unwrap();
    let requests = (0..=budget::BATCH).map(|at| request(if at < budget::BATCH { "x" } else { "" }));
    let mut made = Vec::new();
    receiver.receive_all(requests, |_, result| made.push(result));
    assert!(made[0].is_ok() && made[budget::BATCH].is_ok(), "the next batch has a time of its own");
    let Err(Rejection::Failed(failure)) = &made[budget::BATCH - 1] else { panic!("it came too late") };
    assert_eq!(failure.cause, FailureCause::Time);
    assert_eq!(stats.snapshot()[0].requests, made.len() as u64);
}

#[test]
fn a_datagram_has_the_time_of_a_report() {
    let mut datagram = request("");
    datagram.method = Request::UDP.into();
    assert_eq!((datagram.time(), request("").time()), (budget::REPORT_TIME, budget::REQUEST_TIME));
    // A report that is refused is so by the same rules as any other.
    let error = WireError::from(upto_wire::Refusal::Missing { field: "name" });
    assert!(failed("return { context = 'c', type = 'start' }", "").1.ends_with(&error.to_string()));
}

/// What a guest makes of a request whose `receive` runs `code`. It returns the result at 64, which is an empty list.
fn guest(code: &str) -> Result<Vec<Report<'static>>, Rejection> {
    let core = format!(
        r#"(module
          (memory (export "memory") 64)
          (data (i32.const 16) "no way")
          (global $top (mut i32) (i32.const 65536))
          (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
            (local $at i32)
            (local.set $at (i32.and (i32.add (global.get $top) (i32.const 7)) (i32.const -8)))
            (global.set $top (i32.add (local.get $at) (local.get 3)))
            (local.get $at))
          (func (export "receive")
            (param i32 i32 i32 i32 i32 i32 i32 i32) (param $body i32) (param $length i32) (param $received i64) (result i32)
            {code}
            (i32.const 64)))"#
    );
    let component = component(&core, "include upto:transform/receiver@0.1.0;");
    let program = program("test.wasm", &component).unwrap();
    assert_eq!(program.entry_points(), EntryPoints { transform: false, receive: true });
    let start = Instant::now();
    let made = function(&program).receive(&request("body"));
    assert!(start.elapsed() < LIMIT, "took {:?}", start.elapsed());
    made
}

#[test]
fn a_component_that_only_receives_is_a_function_and_is_held_to_the_same_limits() {
    assert_eq!(guest(""), Ok(vec![]));
    let list = |length: u32| {
        format!("(i32.store (i32.const 68) (i32.const 2097152)) (i32.store (i32.const 72) (i32.const {length}))")
    };
    for (code, cause, words) in [
        ("(loop $l (br $l))", FailureCause::Time, "out of time"),
        ("unreachable", FailureCause::Error, "unreachable"),
        (
            "(loop $l (if (i32.eq (memory.grow (i32.const 16)) (i32.const -1)) (then unreachable)) (br $l))",
            FailureCause::Memory,
            "16 MiB",
        ),
        (&list(1_001), FailureCause::Output, "made 1001 reports of one request; at most 1000"),
        (&list(1), FailureCause::Output, "context is missing or empty"),
    ] {
        match guest(code) {
            Err(Rejection::Failed(failure)) => {
                assert!(failure.cause == cause && failure.message.contains(words), "{code}: {failure:?}");
            }
            other => panic!("{code}: {other:?}"),
        }
    }
}

#[test]
fn a_component_refuses_with_a_status_or_says_that_it_failed() {
    let refuse = |status: u16| {
        format!(
            "(i32.store8 (i32.const 64) (i32.const 1)) (i32.store16 (i32.const 72) (i32.const {status}))
             (i32.store (i32.const 76) (i32.const 16)) (i32.store (i32.const 80) (i32.const 6))"
        )
    };
    assert_eq!(guest(&refuse(401)), Err(Rejection::Refused { status: 401, message: "no way".into() }));
    let Err(Rejection::Failed(failure)) = guest(&refuse(200)) else { panic!("200 is no refusal") };
    assert!(failure.message.contains("a status from 400 to 499, not 200"), "{failure}");
    let fail = "(i32.store8 (i32.const 64) (i32.const 1)) (i32.store8 (i32.const 68) (i32.const 1))
        (i32.store (i32.const 72) (i32.const 16)) (i32.store (i32.const 76) (i32.const 6))";
    let failure = Failure { cause: FailureCause::Error, message: "no way".into() };
    assert_eq!(guest(fail), Err(Rejection::Failed(failure)));
}

#[test]
fn a_component_of_two_worlds_has_both_entry_points() {
    let core = format!(
        r#"(module
          (memory (export "memory") 64)
          (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
            (i32.const 65536))
          (func (export "transform") (param $batch i32) (result i32)
            (i32.store (i32.const 8) (i32.const 1024))
            (i32.store (i32.const 12) {COUNT})
            (i32.const 8))
          (func (export "receive") (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i64) (result i32)
            (i32.const 64)))"#
    );
    let worlds = ["function", "receiver"].map(|world| format!("include upto:transform/{world}@0.1.0;"));
    let program = program("test.wasm", &component_of(&core, &worlds.each_ref().map(String::as_str))).unwrap();
    assert_eq!(program.entry_points(), EntryPoints { transform: true, receive: true });
    let mut function = function(&program);
    assert_eq!(outcome(function.as_mut(), &report("a")), Outcome::Keep);
    assert_eq!(function.receive(&request("body")), Ok(vec![]));
}

#[test]
fn a_component_with_neither_entry_point_is_refused() {
    let error = program("test.wasm", &component("(module)", "")).err().unwrap().0;
    assert_eq!(error, "test.wasm: it exports neither a function \"transform\" nor \"receive\"");
}
