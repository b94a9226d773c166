//! What functions remember from one report to the next: nothing, unless their settings ask for it.

use super::wasm::guest;
use super::*;

/// What a script makes of three reports in one call and of a fourth in another: their names, or how it failed.
fn names(source: &str, memory: bool) -> [String; 4] {
    let program = program_with("test.lua", source.as_bytes(), memory).unwrap();
    names_by(function(&program).as_mut())
}

fn names_by(function: &mut dyn Function) -> [String; 4] {
    let reports = ["e1", "b", "c", "e4"].map(report);
    let mut outcomes = Vec::new();
    function.transform(&reports[..3], &mut outcomes);
    function.transform(&reports[3..], &mut outcomes);
    let mut outcomes = outcomes.into_iter().zip(reports);
    std::array::from_fn(|_| match outcomes.next() {
        Some((Outcome::Keep, report)) => report.name.to_string(),
        Some((Outcome::Change(changes), report)) => changes.apply(report).name.to_string(),
        Some((Outcome::Fail(failure), _)) => failure.message,
        other => panic!("{other:?}"),
    })
}

/// Scripts that count the reports that they have seen, each in another place.
const COUNTS: [&str; 5] = [
    "local count = 0
     function transform(report) count += 1 report.name = 'n' .. count return report end",
    "local count = 0
     local function step() count += 1 end
     function transform(report) step() report.name = 'n' .. count return report end",
    "local function counter() local count = 0 return function() count += 1 return count end end
     local step = counter()
     function transform(report) report.name = 'n' .. step() return report end",
    "local step = ('1 2 3 4 5'):gmatch('%d')
     function transform(report) report.name = 'n' .. step() return report end",
    "local step
     function step() step = function() return 2 end return 1 end
     function transform(report) report.name = 'n' .. step() return report end",
];

#[test]
fn each_report_meets_a_script_as_its_top_level_left_it() {
    for source in COUNTS {
        assert_eq!(names(source, false), ["n1"; 4], "{source}");
    }
    assert_eq!(names(COUNTS[0], true), ["n1", "n2", "n3", "n4"]);
    assert_eq!(names(COUNTS[3], true), ["n1", "n2", "n3", "n4"]);
}

#[test]
fn what_a_failed_report_left_is_set_back() {
    let source = "local count = 0
        function transform(report) count += 1 if report.name == 'b' then error('no') end
        report.name = 'n' .. count return report end";
    assert_eq!(names(source, false), ["n1", "test.lua:2: no", "n1", "n1"]);
    assert_eq!(names(source, true), ["n1", "test.lua:2: no", "n3", "n4"]);
}

#[test]
fn no_table_of_a_script_can_be_written_to() {
    let write = "function transform(report) seen[report.name] = true report.name = 'kept' return report end";
    for tables in [
        "local seen = {}",
        "local all = { { {} } } local seen = all[1][1]",
        "local key = {} local all = { [key] = 1 } local seen = next(all)",
        "seen = {}",
        "local seen = setmetatable({}, { __metatable = false, __newindex = {} })",
        "local seen = {} local hidden = setmetatable({}, { __metatable = false, __index = seen })
         function get() return hidden end",
    ] {
        let source = format!("{tables} {write}");
        for name in names(&source, false) {
            assert!(name.contains("attempt to modify a readonly table; "), "{name}: {source}");
            assert!(name.contains("setting \"memory\""), "{name}: {source}");
        }
        assert_eq!(names(&source, true), ["kept"; 4], "{source}");
    }
}

#[test]
fn nothing_that_a_script_can_reach_keeps_anything() {
    let source = r#"
        local number, text, list = 0, "", {}
        local hidden = setmetatable({}, { __metatable = false, __index = {} })
        local step = ("1 2 3 4 5 6 7 8 9"):gmatch("%d")

        function transform(report)
            assert(number == 0 and text == "" and step() == "1" and next(list) == nil and hidden.seen == nil)
            number, text = 1, "seen"
            for _, place in { list, hidden, string, upto, upto.json, getmetatable("").__index or string } do
                pcall(function()
                    place.seen = true
                end)
                pcall(rawset, place, "seen", true)
                pcall(setmetatable, place, { __index = { seen = true } })
                pcall(table.insert, place, true)
                pcall(table.clear, place)
            end
            return report
        end
    "#;
    assert_eq!(names(source, false), ["e1", "b", "c", "e4"]);
}

#[test]
fn constants_and_functions_that_call_each_other_cost_nothing() {
    let source = "local PREFIX, even = 'x', nil
        local function odd(n) return n > 0 and even(n - 1) end
        function even(n) return n == 0 or odd(n - 1) end
        function transform(report) report.name = PREFIX .. tostring(even(4)) return report end";
    assert_eq!(names(source, false), ["xtrue"; 4]);
}

#[test]
fn a_script_has_so_many_locals_that_change() {
    let many = (0..300).fold(String::from("local all = {}"), |all, _| {
        all + " do local n = 0 table.insert(all, function() n += 1 end) end"
    });
    // Operators are limited, too; each of these counts one.
    let source = format!("{many} function transform(report) for _, f in all do f() end return report end");
    let error = program("test.lua", source.as_bytes()).map(|_| ()).unwrap_err();
    assert!(error.0.contains("more than 256 locals"), "{error}");
}

#[test]
fn a_component_starts_anew_for_each_call() {
    let component = guest(
        "(if (i32.load (i32.const 200)) (then
            (i32.store8 (local.get $outcome) (i32.const 4))
            (i32.store offset=8 (local.get $outcome) (i32.const 16))
            (i32.store offset=12 (local.get $outcome) (i32.const 6))))
         (i32.store (i32.const 200) (i32.const 1))",
    );
    for (memory, last) in [(false, "e4"), (true, "no way")] {
        let program = program_with("test.wasm", &component, memory).unwrap();
        assert_eq!(names_by(function(&program).as_mut()), ["e1", "b", "c", last]);
    }
}

#[test]
fn a_request_meets_a_script_as_its_top_level_left_it() {
    let source = "local count = 0
        function receive(request) count += 1 return { context = 'c', type = 'point', name = 'n' .. count } end";
    let request = super::receive::request("");
    for (memory, second) in [(false, "n1"), (true, "n2")] {
        let mut function = function(&program_with("test.lua", source.as_bytes(), memory).unwrap());
        assert_eq!(&*function.receive(&request).unwrap()[0].name, "n1");
        assert_eq!(&*function.receive(&request).unwrap()[0].name, second);
    }
}
