//! `list`: the functions of a server, in the order in which reports pass them.

use serde_json::Value;

use super::Done;
use super::screen::Screen;
use super::server::Server;

const COLUMNS: [&str; 10] =
    ["NAME", "STATE", "VERSION", "ORDER", "ON ERROR", "IN", "CHANGED", "DROPPED", "FAILED", "P50 µs"];

/// Shows them as a table, and what is wrong with those that do not run as they should below it.
pub fn run(server: &Server, screen: &mut Screen) -> Done {
    let answer = server.get("/api/functions")?;
    let functions = answer["_embedded"]["functions"].as_array().cloned().unwrap_or_default();
    if functions.is_empty() {
        screen.line("there are no functions; upto function new NAME begins one")?;
        return Ok(true);
    }
    let rows: Vec<[String; 10]> =
        std::iter::once(COLUMNS.map(str::to_owned)).chain(functions.iter().map(row)).collect();
    let widths: Vec<usize> =
        (0..COLUMNS.len()).map(|at| rows.iter().map(|row| row[at].chars().count()).max().unwrap_or(0)).collect();
    for row in &rows {
        let cells: Vec<String> = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}")).collect();
        screen.line(cells.join("  ").trim_end())?;
    }
    functions.iter().flat_map(remarks).try_for_each(|remark| screen.line(remark))?;
    Ok(true)
}

/// What else there is to know of a function.
fn remarks(function: &Value) -> Vec<String> {
    let name = function["name"].as_str().unwrap_or_default();
    let problem = function["problem"].as_str().map(|problem| format!("{name}: {problem}"));
    let (canary, rolled_back) = (&function["canary"], &function["rolled_back"]);
    let place = if canary["shadow"] == true { "in the shadow" } else { "as a canary" };
    let canary = canary["version"].as_u64().map(|version| format!("{name}@{version} runs {place}"));
    let rolled_back = rolled_back["version"].as_u64().map(|version| {
        format!("{name}@{version} was rolled back: {}", rolled_back["reason"].as_str().unwrap_or_default())
    });
    let fails = matches!(function["state"].as_str(), Some("failing" | "resting"));
    let last_error = function["last_error"]["message"].as_str().filter(|_| fails);
    let last_error = last_error.map(|message| format!("{name}: its last error: {message}"));
    [problem, last_error, canary, rolled_back].into_iter().flatten().collect()
}

fn row(function: &Value) -> [String; 10] {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let number = |value: &Value| value.as_u64().map_or_else(String::new, |number| number.to_string());
    let counts = &function["counts"];
    let count = |member: &str| counts[member].as_u64().unwrap_or(0);
    let failed: u64 =
        counts["failed"].as_object().into_iter().flat_map(|causes| causes.values()).filter_map(Value::as_u64).sum();
    let version = match (function["source"].as_str(), function["active"].as_u64()) {
        (Some("folder"), _) => "folder".to_owned(),
        (_, Some(active)) => format!("{active} of {}", function["versions"]),
        (_, None) => format!("none of {}", function["versions"]),
    };
    [
        text(&function["name"]),
        text(&function["state"]),
        version,
        function["settings"]["order"].to_string(),
        text(&function["settings"]["on_error"]),
        (count("received") + count("requests")).to_string(),
        number(&counts["changed"]),
        number(&counts["dropped"]),
        (failed + count("requests_failed")).to_string(),
        function["time_us"]["p50"].as_f64().map_or_else(String::new, |time| format!("{time:.1}")),
    ]
}
