//! `logs`, `tap` and `dead-letters`: looking at a function while it works.

use std::time::Duration;

use serde_json::{Value, json};

use super::screen::{Screen, count};
use super::server::{Server, function, link};
use super::trial::describe;
use super::{Done, ToolError};
use crate::functions::diff;

/// How often a log is looked at.
const LOOK: Duration = Duration::from_millis(500);

/// Shows what a function logged; with `follow` for ever.
pub fn logs(server: &Server, name: &str, follow: bool, screen: &mut Screen) -> Done {
    let mut path = format!("{}/logs", function(name)?);
    loop {
        let page = server.get(&path)?;
        for line in page["_embedded"]["lines"].as_array().into_iter().flatten() {
            let text = |member: &str| line[member].as_str().unwrap_or_default();
            // A folder's functions have no versions.
            let version = line["version"].as_u64().filter(|version| *version > 0);
            let version = version.map_or_else(String::new, |version| format!("@{version}"));
            screen.line(format!("{} {:5} {name}{version}: {}", text("at"), text("level"), text("text")))?;
        }
        if !follow {
            return Ok(true);
        }
        if let Some(next) = link(&page, "next") {
            next.clone_into(&mut path);
        }
        std::thread::sleep(LOOK);
    }
}

/// Shows reports before and after a function, until the server ends.
pub fn tap(server: &Server, name: &str, screen: &mut Screen) -> Done {
    for line in server.lines(&format!("{}/tap", function(name)?))? {
        let line = line.map_err(|error| ToolError::Unusable(format!("the tap ended: {error}")))?;
        // Everything else in the stream keeps the connection alive.
        let Some(sample) = line.strip_prefix("data:").and_then(|data| serde_json::from_str::<Value>(data).ok()) else {
            continue;
        };
        let outcome = sample["outcome"].as_str().unwrap_or_default();
        let reason = sample["failure"]["message"].as_str().map_or_else(String::new, |reason| format!(": {reason}"));
        let before = &sample["before"];
        screen.line(format!(
            "{} {}: {outcome}{reason}",
            sample["at"].as_str().unwrap_or_default(),
            describe(before)
        ))?;
        if let (Some(after), "changed" | "expanded") = (sample["after"].as_array(), outcome) {
            screen.difference(&diff::values(std::slice::from_ref(before), after))?;
        }
    }
    Ok(true)
}

/// Shows the reports that were kept because a function failed on them, or sends them through it again.
pub fn dead_letters(server: &Server, name: &str, replay: bool, screen: &mut Screen) -> Done {
    let mut path = format!("{}/dead-letters", function(name)?);
    if replay {
        let answer = server.post(&format!("{path}/replay"), &json!({}))?;
        let (replayed, failed) = (&answer["replayed"], answer["failed_again"].as_u64().unwrap_or(0));
        screen.line(format!("{replayed} replayed, {failed} failed again"))?;
        return Ok(failed == 0);
    }
    let mut shown = 0;
    loop {
        let page = server.get(&path)?;
        for letter in page["_embedded"]["dead_letters"].as_array().into_iter().flatten() {
            let text = |member: &str| letter[member].as_str().unwrap_or_default();
            screen.line(format!(
                "{} {name}@{} {}: {}",
                text("at"),
                letter["version"],
                text("cause"),
                text("reason")
            ))?;
            screen.line(format!("    {}", letter["report"]))?;
            shown += 1;
        }
        match link(&page, "next") {
            Some(next) => next.clone_into(&mut path),
            None => break,
        }
    }
    screen.line(count(shown, "dead letter"))?;
    Ok(true)
}
