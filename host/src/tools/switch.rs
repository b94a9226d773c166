//! `activate`, `rollback`, `canary`, `disable` and `delete`: which version runs.

use serde_json::{Map, Value, json};

use super::screen::Screen;
use super::server::{Server, function, link};
use super::{Done, ToolError};
use crate::config::functions::CanaryArgs;

/// Has a version run from now on.
pub fn activate(server: &Server, name: &str, version: u32, screen: &mut Screen) -> Done {
    let answer = server.post(&format!("{}/activate", function(name)?), &json!({"version": version}))?;
    if let Some(problem) = answer["problem"].as_str() {
        return Err(ToolError::Failed(format!("{name}@{version} is active and does not run: {problem}")));
    }
    screen.line(format!("{name}@{version} runs"))?;
    Ok(true)
}

/// Goes back to the version before the active one; not to one that failed as a canary and was rolled back itself.
pub fn roll_back(server: &Server, name: &str, screen: &mut Screen) -> Done {
    let resource = server.get(&function(name)?)?;
    if resource["source"] == "folder" {
        return Err(ToolError::Failed(format!("{name} is a file of the server and has no versions: change the file")));
    }
    let Some(active) = resource["active"].as_u64() else {
        let hint = format!("upto function activate {name} VERSION lets one run");
        return Err(ToolError::Failed(format!("no version of {name} is active; {hint}")));
    };
    let versions = link(&resource, "versions").unwrap_or_default();
    let before = server.get(&format!("{versions}?after={active}&limit=2"))?;
    let failed = resource["rolled_back"]["version"].as_u64();
    let before = before["_embedded"]["versions"].as_array().into_iter().flatten();
    let mut before =
        before.filter_map(|version| version["version"].as_u64()).filter(|version| Some(*version) != failed);
    match before.next().map(u32::try_from) {
        Some(Ok(version)) => activate(server, name, version, screen),
        _ => Err(ToolError::Failed(format!(
            "there is no version before {name}@{active} to go back to; upto function disable {name} stops it"
        ))),
    }
}

/// Lets a version run beside the active one, or ends that.
pub fn canary(server: &Server, args: &CanaryArgs, screen: &mut Screen) -> Done {
    let name = &args.name;
    let path = format!("{}/canary", function(name)?);
    let Some(version) = args.version else {
        server.delete(&path)?;
        screen.line(format!("the canary of {name} has ended"))?;
        return Ok(true);
    };
    let given = [
        ("version", Some(Value::from(version))),
        ("share", args.share.map(Value::from)),
        ("by", args.by.as_deref().map(Value::from)),
        ("shadow", args.shadow.then_some(Value::from(true))),
        ("max_error_rate", args.max_error_rate.map(Value::from)),
    ];
    let plan: Map<String, Value> =
        given.into_iter().filter_map(|(field, value)| Some((field.to_owned(), value?))).collect();
    let answer = server.post(&path, &Value::Object(plan))?;
    let canary = &answer["canary"];
    if let Some(problem) = canary["problem"].as_str() {
        return Err(ToolError::Failed(format!("{name}@{version} does not run: {problem}")));
    }
    let share = canary["share"].as_f64().unwrap_or_default() * 100.0;
    let share = format!("{share:.4}").trim_end_matches('0').trim_end_matches('.').to_owned();
    let by = canary["by"].as_str().unwrap_or_default();
    screen.line(match args.shadow {
        true => format!("{name}@{version} runs in the shadow, for {share} % of the {by}s"),
        false => format!("{name}@{version} runs for {share} % of the {by}s"),
    })?;
    screen.line(format!(
        "upto function activate {name} {version} promotes it, upto function canary {name} --end ends it"
    ))?;
    Ok(true)
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
