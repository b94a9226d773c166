mod registry;

use std::fs;
use std::path::{Path, PathBuf};

use super::cases::{Summary, test};

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

fn run(paths: &[PathBuf]) -> (Summary, String) {
    let mut out = Vec::new();
    let summary = test(paths, &mut out).unwrap();
    (summary, String::from_utf8(out).unwrap())
}

#[test]
fn the_scripts_pass_their_cases() {
    let (summary, out) = run(&[repository().join("scripts"), repository().join("scripts/hooks")]);
    assert!(summary.is_ok() && summary.without_cases == 0 && summary.functions >= 10, "{out}");
}

#[test]
fn the_plugins_pass_their_cases() {
    let built = repository().join("plugins/built");
    let names = ["rust-normalise.wasm", "c-hosts.wasm"].map(|name| built.join(name));
    assert!(names.iter().all(|name| name.exists()), "the example plugins are not built: run `make -C plugins`");
    let (summary, out) = run(&names);
    assert!(summary.is_ok() && summary.without_cases == 0, "{out}");
}

#[test]
fn failures_are_shown_as_differences() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
    write("a.lua", "function transform(report)\n  report.name = report.name:upper()\n  return report\nend");
    write(
        "a.cases.json",
        r#"[{"name": "good", "in": [{"context": "c", "name": "x", "type": "start"}], "out": [{"context": "c", "name": "X", "type": "start"}]},
            {"name": "bad", "in": [{"context": "c", "name": "x", "type": "start"}], "out": [{"context": "c", "name": "y", "type": "start"}]},
            {"name": "worse", "in": [{"context": "c", "type": "start"}], "out": []}]"#,
    );
    write("b.lua", "function transform(report) error('always') end");
    write("b.cases.json", r#"[{"name": "drops", "in": [{"context": "c", "name": "x", "type": "start"}], "out": []}]"#);
    write("c.lua", "function transform(");
    write("d.lua", "function transform(report) return report end");
    write("e.lua", "function transform(report) return report end");
    write("e.cases.json", r#"[{"name": "x"}]"#);
    let (summary, out) = run(&[folder.path().to_owned()]);
    let wanted = Summary { functions: 5, broken: 1, without_cases: 1, passed: 1, failed: 4 };
    assert_eq!(summary, wanted, "{out}");
    assert!(!summary.is_ok());
    for line in [
        "a.lua: good: ok",
        "a.lua: bad: failed",
        "    -     \"name\": \"y\",",
        "    +     \"name\": \"X\",",
        "    \"in\", report 1: name is missing or empty; give one",
        "    it failed on report 1: b.lua:1: always",
        "c.lua: broken\n    c.lua:1: ",
        "d.lua: compiles, has no cases (",
        "e.lua: x: failed\n    it needs either \"in\" or \"request\"",
        "5 functions: 1 case passed, 4 failed, 1 function broken, 1 function without cases\n",
    ] {
        assert!(out.contains(line), "{line}\n---\n{out}");
    }
}

#[test]
fn no_functions_is_not_well() {
    let folder = tempfile::tempdir().unwrap();
    let (summary, out) = run(&[folder.path().to_owned()]);
    assert!(!summary.is_ok());
    assert_eq!(out, "0 functions: 0 cases passed, 0 failed\n");
    let error = test(&["/nowhere".into()], &mut Vec::new()).unwrap_err().to_string();
    assert!(error.starts_with("/nowhere: No such file"), "{error}");
}
