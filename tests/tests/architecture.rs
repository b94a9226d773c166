//! The rules of ARCHITECTURE.md that can be seen in the imports.

use std::fs;
use std::path::{Path, PathBuf};

use upto_tests::server::root;

/// All Rust files below a folder, or the file itself.
fn sources(path: &Path) -> Vec<PathBuf> {
    if path.is_file() {
        return vec![path.to_owned()];
    }
    let entries = fs::read_dir(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let entries = entries.map(|entry| entry.expect("the folder can be read").path());
    let mut files: Vec<PathBuf> =
        entries.flat_map(|entry| if entry.is_dir() { sources(&entry) } else { vec![entry] }).collect();
    files.retain(|file| file.extension().is_some_and(|extension| extension == "rs"));
    files
}

fn host(part: &str) -> PathBuf {
    root().join("host/src").join(part)
}

/// Lines of code (no comments) of the files at `path` that hold one of `words`.
fn lines_with(path: &Path, words: &[&str]) -> Vec<String> {
    let mut found = Vec::new();
    for file in sources(path) {
        let text = fs::read_to_string(&file).expect("source is text");
        for (number, line) in text.lines().enumerate() {
            let code = line.split("//").next().unwrap_or_default();
            if words.iter().any(|word| code.contains(word)) {
                found.push(format!("{}:{}: {line}", file.display(), number + 1));
            }
        }
    }
    found
}

fn assert_free_of(part: &Path, words: &[&str]) {
    let found = lines_with(part, words);
    assert!(found.is_empty(), "{} must not use {words:?}:\n{}", part.display(), found.join("\n"));
}

#[test]
fn pure_parts_do_no_io_and_know_no_runtime() {
    let io = ["std::fs", "std::net", "std::io", "std::thread", "SystemTime", "Instant::", "tokio", "tracing"];
    for part in [root().join("wire/src"), host("event.rs"), host("timeline")] {
        assert_free_of(&part, &io);
    }
}

#[test]
fn arrows_run_down_only() {
    let layers: [(&str, &[&str]); 9] = [
        ("event.rs", &["store", "timeline", "transform", "batch", "functions", "ingest", "api", "pipeline"]),
        ("timeline", &["transform", "batch", "functions", "ingest", "api", "pipeline"]),
        ("store", &["transform", "batch", "functions", "ingest", "api", "pipeline"]),
        ("transform", &["store", "batch", "functions", "ingest", "api", "pipeline"]),
        ("functions", &["ingest", "api", "pipeline"]),
        ("batch.rs", &["ingest", "api", "pipeline"]),
        ("retention", &["transform", "batch", "functions", "ingest", "api", "pipeline", "config"]),
        ("ingest", &["api", "pipeline"]),
        ("api", &["pipeline", "config"]),
    ];
    for (part, forbidden) in layers {
        let imports: Vec<String> =
            forbidden.iter().flat_map(|other| [format!("crate::{other}::"), format!("crate::{other};")]).collect();
        assert_free_of(&host(part), &imports.iter().map(String::as_str).collect::<Vec<_>>());
    }
}

#[test]
fn engines_and_drivers_are_named_in_one_place_each() {
    let homes: [(&[&str], &[&str]); 7] = [
        (&["mlua"], &["transform/lua"]),
        (&["wasmtime"], &["transform/wasm"]),
        // The conformance suite opens files to read them directly.
        (&["rusqlite"], &["store/sqlite", "store/conformance"]),
        (&["tokio_postgres", "deadpool"], &["store/postgres"]),
        // The module has the name of its driver.
        (&["use redis::", " ::redis::"], &["store/redis"]),
        (&["rustls"], &["store/postgres", "store/redis"]),
        (&["libc::"], &["ingest/udp.rs", "transform/", "functions/limits.rs"]),
    ];
    for (words, allowed) in homes {
        for file in sources(&host("")) {
            let path = file.strip_prefix(host("")).expect("a file of the host").to_string_lossy().into_owned();
            if !allowed.iter().any(|home| path.starts_with(home)) {
                assert_free_of(&file, words);
            }
        }
    }
}

#[test]
fn the_map_names_what_exists() {
    let map = fs::read_to_string(root().join("ARCHITECTURE.md")).expect("ARCHITECTURE.md");
    assert!(map.lines().count() <= 250, "ARCHITECTURE.md has at most 250 lines");
    for entry in fs::read_dir(host("")).expect("host/src") {
        let name = entry.expect("the folder can be read").file_name().to_string_lossy().into_owned();
        assert!(name == "lib.rs" || map.contains(&name), "ARCHITECTURE.md does not say what host/src/{name} is");
    }
}
