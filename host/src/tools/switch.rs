//! `activate`, `rollback`, `disable` and `delete`: which version runs.

use serde_json::{Value, json};

use super::screen::Screen;
use super::server::{Server, function, link};
use super::{Done, ToolError};

/// Has a version run from now on.
pub fn activate(server: &Server, name: &str, version: u32, screen: &mut Screen) -> Done {
    let answer = server.post(&format!("{}/activate", function(name)?), &json!({"version": version}))?;
    if let Some(problem) = answer["problem"].as_str() {
        return Err(ToolError::Failed(format!("{name}@{version} is active and does not run: {problem}")));
    }
    screen.line(format!("{name}@{version} runs"))?;
    Ok(true)
}

/// Goes back to the version before the active one.
pub fn roll_back(server: &Server, name: &str, screen: &mut Screen) -> Done {
    let resource = server.get(&function(name)?)?;
    let Some(active) = resource["active"].as_u64() else {
        let hint = format!("upto function activate {name} VERSION lets one run");
        return Err(ToolError::Failed(format!("no version of {name} is active; {hint}")));
    };
    let versions = link(&resource, "versions").unwrap_or_default();
    let before = server.get(&format!("{versions}?after={active}&limit=1"))?;
    match before["_embedded"]["versions"][0]["version"].as_u64().map(u32::try_from) {
        Some(Ok(version)) => activate(server, name, version, screen),
        _ => Err(ToolError::Failed(format!(
            "{name}@{active} is the first version; upto function disable {name} stops it"
        ))),
    }
}

/// Lets no version run.
pub fn disable(server: &Server, name: &str, screen: &mut Screen) -> Done {
    let _: Value = server.post(&format!("{}/disable", function(name)?), &json!({}))?;
    screen.line(format!("{name} is disabled; its versions are kept"))?;
    Ok(true)
}

/// Deletes a function.
pub fn delete(server: &Server, name: &str, screen: &mut Screen) -> Done {
    server.delete(&function(name)?)?;
    screen.line(format!("{name} is deleted, with its versions and dead letters"))?;
    Ok(true)
}
