//! Tests of what a script can reach, and of what each function that it can reach does with the worst arguments.

use std::fmt::Write;

use mlua::Table;
use upto_wire::{Kind, Report};

use super::LuaProgram;
use super::sandbox::State;
use crate::transform::live::Around;
use crate::transform::{Program, cpu, tests::LIMIT};

/// All that is reachable, one path a line, sorted. To be looked through whenever it changes.
const REACHABLE: &str = include_str!("../../../../tests/hostile/reachable.txt");

/// Lists the paths from the globals and from the values that a script has, with their types.
const WALK: &str = r#"
local globals, report = ...
local paths, seen = {}, {}
local function walk(path, value)
	table.insert(paths, path .. ": " .. type(value))
	local meta = if type(value) == "table" then nil else getmetatable(value)
	if meta ~= nil then
		walk(path .. "<metatable>", meta)
	end
	if type(value) ~= "table" or seen[value] then
		return
	end
	seen[value] = true
	local keys = {}
	for key in next, value do
		table.insert(keys, key)
	end
	table.sort(keys)
	for _, key in keys do
		walk(path .. "." .. key, value[key])
	end
end
walk("globals", globals)
-- A global that is not set is looked for here.
walk("globals", getmetatable(globals).__index)
local _, problem = pcall(function() report.nonsense = 1 end)
for name, value in { text = "", ["function"] = walk, native = next, report = report, error = problem } do
	walk("<" .. name .. ">", value)
end
return paths
"#;

fn program(source: &str) -> LuaProgram {
    LuaProgram::compile("test", source.as_bytes(), Around::default().of("test", 1, false)).unwrap()
}

#[test]
fn what_is_reachable_is_known() {
    let mut state = State::new(&program("function transform(report) return report end").0).unwrap();
    let paths: Table = state.eval(WALK, &Report::new(Kind::Start, "deploy", "x")).unwrap();
    let mut paths: Vec<String> = paths.sequence_values::<String>().map(Result::unwrap).collect();
    paths.sort();
    paths.dedup();
    let found = paths.iter().fold(String::new(), |mut all, path| {
        writeln!(all, "{path}").unwrap();
        all
    });
    assert!(found == REACHABLE, "tests/hostile/reachable.txt is another; found:\n{found}");
}

/// Values that are large, odd or lie.
const WORST: [&str; 10] = [
    "string.rep('x', 2 ^ 20)",
    "string.rep('x', 2 ^ 20) .. string.rep('x', 2 ^ 20)",
    "table.create(65536, 'x')",
    "'[' .. string.rep('b', 1000) .. 'x]*c'",
    "string.rep('%0', 1000)",
    "2 ^ 31 - 1",
    "-2 ^ 53",
    "0 / 0",
    "function(...) return ... end",
    "setmetatable({}, { __len = function() return 2 ^ 31 end, __index = function(_, key) return key end })",
];

#[test]
fn no_function_runs_for_long_whatever_it_is_given() {
    let values = WORST.join(", ");
    let reachable = REACHABLE.lines().filter_map(|path| path.strip_prefix("globals.")?.strip_suffix(": function"));
    for path in reachable.filter(|path| *path != "transform") {
        let source = format!(
            "local values = {{ {values} }}
             function transform(report)
                 local a, b, c = report.name:match('(%d+) (%d+) (%d+)')
                 {path}(values[tonumber(a)], values[tonumber(b)], values[tonumber(c)])
                 return report
             end"
        );
        let mut function = program(&source).instantiate().unwrap();
        // 0 is nil.
        let all = 0..=WORST.len();
        for (a, b, c) in all.clone().flat_map(|a| all.clone().flat_map(move |b| [0, 1, 6, 9].map(|c| (a, b, c)))) {
            let name = format!("{a} {b} {c}");
            let (before, mut outcomes) = (cpu::time(), Vec::new());
            function.transform(&[Report::new(Kind::Start, "deploy", &name)], &mut outcomes);
            let ran = cpu::time() - before;
            assert!(ran < LIMIT, "{path} of {name} ran for {ran:?}");
            assert_eq!(outcomes.len(), 1);
        }
    }
}
