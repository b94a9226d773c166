use upto_wire::Status;

use super::*;
use crate::transform::FailureCause;

fn run(body: &str, report: &Report<'_>) -> Outcome {
    outcome(function(&lua_program(&format!("function transform(report) {body} end"))).as_mut(), report)
}

fn changed(body: &str) -> Report<'static> {
    super::changed(run(body, &report("Db.Migrate")), &report("Db.Migrate"))
}

fn failed(body: &str) -> (FailureCause, String) {
    match run(body, &report("Db.Migrate")) {
        Outcome::Fail(failure) => (failure.cause, failure.message),
        other => panic!("{other:?}"),
    }
}

#[test]
fn reading_changes_nothing() {
    for body in [
        "return report",
        "return assert(report.context == 'deploy' and report.name == 'Db.Migrate' and report.type == 'end') and report",
        "return assert(report.time == 1700000000123456 and report.host == 'ip-10-0-3-17') and report",
        "return assert(report.timeline == nil and report.status == nil and report.labels.branch == 'main') and report",
        "report.name = 'x'; report.name = 'Db.Migrate'; return report",
        "report.labels.branch = 'x'; report.labels.branch = 'main'; return report",
        "local n = 0; for field in report do n += 1 end; assert(n == 6, n); return report",
        "return assert(tostring(report) == 'end deploy Db.Migrate') and report",
    ] {
        assert_eq!(run(body, &report("Db.Migrate")), Outcome::Keep, "{body}");
    }
}

#[test]
fn each_field_can_be_changed() {
    let mut wanted = report("Db.Migrate").into_owned();
    wanted.name = "db.migrate".into();
    assert_eq!(changed("report.name = report.name:lower() return report"), wanted);
    let all = changed(
        "report.context = 'c' report.name = 'n' report.type = 'point' report.time = report.time + 1.5 report.host = nil
         report.timeline = 't' report.status = 'failure' report.labels = { a = 'b' } return report",
    );
    assert_eq!((&*all.context, &*all.name, all.kind, &*all.host), ("c", "n", Kind::Point, ""));
    assert_eq!(all.time, Some(Time::from_micros(1_700_000_000_123_457)));
    assert_eq!((all.timeline.as_deref(), all.status), (Some("t"), Some(Status::Failure)));
    assert_eq!(all.labels.iter().collect::<Vec<_>>(), [("a", "b")]);
    assert_eq!(changed("report.time = nil return report").time, None);
    assert_eq!(changed("report.labels.x = 'y' return report").labels.get("x"), Some("y"));
    assert_eq!(&*changed("report.name = '.a..b.' return report").name, "a.b");
}

#[test]
fn lists_drop_and_multiply() {
    assert_eq!(run("return nil", &report("a")), Outcome::Drop);
    assert_eq!(run("return {}", &report("a")), Outcome::Drop);
    assert_eq!(run("", &report("a")), Outcome::Drop);
    let body = "report.host = 'h' return { report, upto.copy(report, { name = 'b', labels = { x = 'y' } }) }";
    let Outcome::Expand(several) = run(body, &report("a")) else { panic!() };
    assert_eq!(several.iter().map(|r| (&*r.name, &*r.host)).collect::<Vec<_>>(), [("a", "h"), ("b", "h")]);
    assert_eq!(several[1].labels.get("x"), Some("y"));
    assert_eq!(several[1].time, report("a").time);
    assert_eq!(&*changed("return { context = 'c', name = 'n', type = 'start' }").context, "c");
    assert_eq!(changed("return { context = 'c', type = 'new' }").kind, Kind::New);
}

#[test]
fn lookups_and_logs() {
    assert_eq!(&*changed("report.host = upto.lookup('hosts', report.host) return report").host, "web-1");
    assert_eq!(run("return assert(upto.lookup('hosts', 'x') == nil) and report", &report("a")), Outcome::Keep);
    assert_eq!(run("upto.log('info', 'seen ' .. report.name) return report", &report("a")), Outcome::Keep);
    assert!(failed("upto.log('loud', 'x')").1.starts_with("test.lua:1: the level of upto.log is"));
    assert!(failed("\nupto.lookup('none', 'x')").1.starts_with("test.lua:2: there is no table \"none\""));
}

#[test]
fn errors_name_the_line() {
    assert_eq!(failed("\n\nerror('no')"), (FailureCause::Error, "test.lua:3: no".into()));
    assert_eq!(failed("\nreport.host = 7").1, "test.lua:2: host must be text, not a number");
    assert_eq!(failed("\nreport.name = nil").1, "test.lua:2: name must be text, not nil");
    assert!(
        failed("\nreport.nmae = 'x'").1.starts_with("test.lua:2: a report has no field \"nmae\"; it has context, ")
    );
    assert!(failed("return report.hots").1.starts_with("test.lua:1: a report has no field \"hots\""));
    assert!(failed("report.type = 'begin'").1.starts_with("test.lua:1: type must be start, end"));
    assert!(program("a.lua", b"function transform(").err().unwrap().0.starts_with("a.lua:1: "));
    assert_eq!(
        program("a.lua", b"local x = 1").err().unwrap().0,
        "a.lua: it defines neither a function \"transform\" nor \"receive\""
    );
    assert_eq!(program("a.lua", b"\n\nerror('top')").err().unwrap().0, "a.lua:3: top");
}

#[test]
fn results_that_are_no_reports_are_refused() {
    for (body, words) in [
        ("return 7", "not a number"),
        ("return 'x'", "not a string"),
        ("return { 1 }", "item 1 of the result must be a report, not a number"),
        ("return { { x = 1 } }", "type must be"),
        ("return { name = 'c' }", "neither a report (it has no context) nor a list"),
        ("return { context = 'c', name = 'n', type = 'start', extra = 1 }", "and no others"),
        ("return { context = 'c', name = 'n', type = 'start', labels = { a = 1 } }", "label \"a\" must be text"),
        ("report.labels[1] = 'x' return report", "a label's key must be text"),
        ("report.name = ('x'):rep(501) return report", "name has 501 bytes; at most 500"),
        ("report.name = '' return report", "name is missing or empty"),
        ("report.name = 'a\\0b' return report", "NUL"),
        ("for i = 1, 65 do report.labels['k' .. i] = 'v' end return report", "at most 64 labels"),
        ("local all = {} for i = 1, 101 do all[i] = report end return all", "returned 101 reports; at most 100"),
    ] {
        let (cause, message) = failed(body);
        assert_eq!(cause, FailureCause::Output, "{body}: {message}");
        assert!(message.contains(words), "{body}: {message}");
    }
    assert_eq!(failed("report.name = '\\xff' return report").1, "test.lua:1: name is not valid UTF-8");
    assert!(failed("report.time = 0/0").1.contains("within the years 1970 to 2261"));
    assert_eq!(failed("report.status = 'success' report.type = 'start' return report").0, FailureCause::Output);
}

#[test]
fn each_report_of_a_batch_is_its_own() {
    let source = "function transform(report)
            if report.name == 'error' then report.host = 'gone' report.labels.gone = 'x' error('no') end
            if report.name == 'drop' then return nil end
            if report.name == 'label' then report.labels.n = report.name end
            if report.name == 'wrong' then return 7 end
            return report
        end";
    let names = ["keep", "error", "keep", "label", "drop", "label", "wrong", "error"];
    let reports = names.map(report);
    let mut outcomes = vec![Outcome::Drop];
    function(&lua_program(source)).transform(&reports, &mut outcomes);
    let said = |outcome: &Outcome| match outcome {
        Outcome::Keep => "keep".to_owned(),
        Outcome::Drop => "drop".to_owned(),
        Outcome::Change(_) => {
            let report = super::changed(outcome.clone(), &report("label"));
            format!("{} {:?}", report.host, report.labels.iter().collect::<Vec<_>>())
        }
        Outcome::Fail(failure) => failure.message.clone(),
        Outcome::Expand(_) => "expand".to_owned(),
    };
    let label = "ip-10-0-3-17 [(\"branch\", \"main\"), (\"n\", \"label\")]";
    let wrong = "the result of transform must be a report, a list of reports or nil, not a number";
    let error = "test.lua:2: no";
    let wanted = ["drop", "keep", error, "keep", label, "drop", label, wrong, error];
    assert_eq!(outcomes.iter().map(said).collect::<Vec<_>>(), wanted);
}

#[test]
fn a_report_has_a_type_of_its_own() {
    assert_eq!(run("return assert(typeof(report) == 'report') and report", &report("a")), Outcome::Keep);
    let body = "for field, value in upto.copy(report) do assert(report[field] == value or field == 'labels') end";
    assert_eq!(run(&format!("{body} return report"), &report("a")), Outcome::Keep);
    assert!(failed("return report[1]").1.starts_with("test.lua:1: a report has no field that is a number; it has"));
}
