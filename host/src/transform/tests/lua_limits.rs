use super::*;
use crate::transform::{FailureCause, budget};

/// Runs `attack` for the first report, checks how it ends, and that the next report is served.
fn attack(source: &str, cause: FailureCause, words: &str) {
    let source = format!(
        "{source}\nfunction transform(report) if report.name == 'evil' then attack(report) end return report end"
    );
    let program = lua_program(&source);
    let mut function = function(&program);
    match bounded_outcome(function.as_mut(), &report("evil")) {
        Outcome::Fail(failure) => {
            assert_eq!(failure.cause, cause, "{source}: {failure}");
            assert!(failure.message.contains(words), "{source}: {failure}");
        }
        other => panic!("{source}: {other:?}"),
    }
    assert_eq!(outcome(function.as_mut(), &report("good")), Outcome::Keep);
}

#[test]
fn time_is_limited() {
    for source in [
        "function attack() while true do end end",
        "function attack() while true do pcall(function() while true do end end) end end",
        "function attack() pcall(function() while true do end end) end",
        "local function deep(n) pcall(deep, n + 1) while true do end end function attack() deep(1) end",
        "function attack() local s = ('a'):rep(10000) s:find('.-.-.-.-b$') end",
        "function attack() local s = ('a'):rep(100000) for i = 1, 1e9 do s:match('.-b') end end",
        "function attack() local s = ('a'):rep(10000) for i = 1, 1e9 do s:upper() end end",
        "function attack() local t = table.create(60000, 1) for i = 1, 1e9 do table.sort(t, function(a, b) return a < b end) end end",
        "function attack() for i = 1, 1e9 do upto.lookup('hosts', 'x') end end",
        "function attack(report) for i = 1, 1e9 do report.host = 'x' end end",
        "function attack(report) report.name = 'x' while true do end end",
    ] {
        attack(source, FailureCause::Time, "it ran longer than 10 ms");
    }
}

#[test]
fn memory_is_limited() {
    attack(
        "function attack() local s = 'x' while true do s = s .. s end end",
        FailureCause::Memory,
        "more than 16 MiB",
    );
    // To fill memory piece by piece may take longer than a report has, where code is not optimised.
    for body in [
        "for i = 1, 1e9 do t[i] = ('x'):rep(1000000) .. i end",
        "for i = 1, 1e9 do t[i] = table.create(60000, 0) end",
        "local s = ('x'):rep(1000000) return s:gsub('x', ('y'):rep(1000000))",
    ] {
        let program = lua_program(&format!("function transform(report) local t = {{}} {body} end"));
        let Outcome::Fail(failure) = bounded_outcome(function(&program).as_mut(), &report("a")) else {
            panic!("{body}")
        };
        assert!(matches!(failure.cause, FailureCause::Memory | FailureCause::Time), "{body}: {failure}");
    }
}

#[test]
fn what_no_interrupt_reaches_is_refused() {
    attack("function attack() return ('x'):rep(1e9) end", FailureCause::Error, "more than 1 MiB");
    let search = "function attack() local s = ('a'):rep(1000000) return s:find(('a'):rep(500000) .. 'b', 1, true) end";
    attack(search, FailureCause::Error, "test.lua:1: string.find: the texts are too long");
    attack("function attack() return (' '):rep(1e6):split((' '):rep(1e3)) end", FailureCause::Error, "too long");
    attack("function attack() return table.create(1e9) end", FailureCause::Error, "more than 65536");
    attack("local function f() return 1 + f() end function attack() f() end", FailureCause::Error, "stack overflow");
}

#[test]
fn what_no_interrupt_reached_counts_as_late_in_the_end() {
    let sums = "digits + 1,".repeat(450);
    let source = format!(
        "local nines = ('9'):rep(1000000)
         local digits = nines .. nines .. nines .. nines .. nines .. nines .. nines .. nines
         function transform(report) local t = {{ {sums} }} return report end"
    );
    let Outcome::Fail(failure) = outcome(function(&lua_program(&source)).as_mut(), &report("a")) else { panic!() };
    assert_eq!(failure.cause, FailureCause::Time, "{failure}");
}

#[test]
fn an_error_within_a_library_names_the_line_of_the_script() {
    attack("function attack() return ('x'):match('[') end", FailureCause::Error, "test.lua:1: malformed pattern");
    let sort = "function attack()\n table.sort({ 1, 'x' }) end";
    attack(sort, FailureCause::Error, "test.lua:2: attempt to compare");
}

#[test]
fn a_swallowed_time_out_still_counts() {
    // The error is caught, and nothing after it is interrupted.
    attack("function attack() pcall(function() while true do end end) end", FailureCause::Time, "longer than 10 ms");
}

#[test]
fn a_call_with_many_bad_reports_ends_in_time() {
    let program = lua_program("function transform(report) while true do end end");
    let reports = vec![report("evil"); budget::BATCH];
    let (start, mut outcomes) = (Instant::now(), Vec::new());
    function(&program).transform(&reports, &mut outcomes);
    assert!(start.elapsed() < 2 * LIMIT, "{:?}", start.elapsed());
    assert_eq!(outcomes.len(), reports.len());
    assert!(outcomes.iter().all(|o| matches!(o, Outcome::Fail(f) if f.cause == FailureCause::Time)));
}

#[test]
fn the_top_level_is_limited_too() {
    let start = Instant::now();
    assert!(program("a.lua", b"while true do end").err().unwrap().0.contains("it ran longer"));
    assert!(program("a.lua", b"local s = 'x' while true do s = s .. s end").err().unwrap().0.contains("16 MiB"));
    assert!(start.elapsed() < 2 * LIMIT);
}

#[test]
fn only_text_is_loaded() {
    assert!(program("a.lua", b"\x1bLua").err().unwrap().0.contains("bytecode"));
    assert!(program("a.lua", b"\x06\x03\x00").err().unwrap().0.contains("bytecode or binary"));
    assert_eq!(program("a.lua", b"\n--\xff").err().unwrap().0, "a.lua: line 2 is not UTF-8");
    assert!(program("a.lua", &vec![b' '; budget::SOURCE + 1]).err().unwrap().0.contains("at most 65536"));
    assert!(program("A.lua", b"").err().unwrap().0.contains("lower-case"));
}

#[test]
fn dangerous_globals_are_gone() {
    let source = "function transform(report)
        for _, name in { 'require', 'loadstring', 'load', 'dofile', 'collectgarbage', 'gcinfo', 'getfenv', 'setfenv', 'newproxy',
            'print', 'xpcall', '_G', 'os', 'io', 'debug', 'coroutine', 'buffer', 'package', 'vector' } do
            report.labels[name] = nil
        end
        assert(not (require or loadstring or load or dofile or collectgarbage or gcinfo or getfenv or setfenv or newproxy))
        assert(not (print or xpcall or _G or os or io or debug or coroutine or buffer or package or vector))
        assert(not (table.move or math.random or string.pack or string.dump))
        return report
    end";
    assert_eq!(outcome(function(&lua_program(source)).as_mut(), &report("a")), Outcome::Keep);
}

#[test]
fn nothing_shared_can_be_tampered_with() {
    for body in [
        "getmetatable('').__index = {}",
        "string.lower = nil",
        "string.lower = function() return 'evil' end",
        "table.insert(string, 1)",
        "rawset(string, 'lower', nil)",
        "upto.lookup = nil",
        "leak = report.name",
        "setmetatable(string, {})",
        "getmetatable(report).__index = nil",
        "setmetatable(report, {})",
    ] {
        let program = lua_program(&format!("function transform(report) {body} return report end"));
        let Outcome::Fail(failure) = outcome(function(&program).as_mut(), &report("a")) else { panic!("{body}") };
        assert_eq!(failure.cause, FailureCause::Error, "{body}: {failure}");
    }
}

#[test]
fn addresses_do_not_show() {
    let source = "function transform(report)
        for _, value in { {}, print, tostring, string, function() end } do
            assert(not (tostring(value) .. string.format('%s %d', value, 1)):find('0x'))
        end
        report.name = string.format('%s-%05.1f-%s', 'a', 2.25, {})
        return report
    end";
    let made = outcome(function(&lua_program(source)).as_mut(), &report("a"));
    assert_eq!(&*changed(made, &report("a")).name, "a-002.2-table");
}

#[test]
fn a_report_is_gone_after_its_call() {
    let source = "local kept
    function transform(report)
        if report.name == 'second' then return assert(kept.name == 'second') and report end
        kept = report
        return report
    end";
    let mut function = function(&program_with("test.lua", source.as_bytes(), true).unwrap());
    assert_eq!(outcome(function.as_mut(), &report("first")), Outcome::Keep);
    // It is one value, which shows the current report and never an earlier one.
    assert_eq!(outcome(function.as_mut(), &report("second")), Outcome::Keep);
}
