//! `deploy`: from files to a version that runs.

use serde_json::json;

use super::file::FunctionFile;
use super::screen::{Screen, count};
use super::server::{Server, function};
use super::{Done, ToolError};
use crate::config::functions::DeployArgs;

/// Sends a function with its cases and settings.
pub fn run(args: DeployArgs, screen: &mut Screen) -> Done {
    let server = Server::at(&args.server)?;
    let mut file = FunctionFile::read(&args.file, args.name)?;
    file.override_settings(args.settings);
    let mut body = file.to_json();
    body["activate"] = json!(!args.no_activate);
    let deployed = match server.put(&function(&file.name)?, &body) {
        Err(ToolError::Refused(refusal)) => return Err(file.explain(&refusal)),
        answer => answer?,
    };
    let (name, version) = (&file.name, &deployed["version"]);
    let cases = match &file.cases {
        Some(_) => format!("{} passed", count(deployed["cases"]["passed"].as_u64().unwrap_or(0) as usize, "case")),
        None => format!("it has no cases ({} would hold them)", file.path.with_extension("cases.json").display()),
    };
    if let Some(problem) = deployed["problem"].as_str() {
        screen.line(format!("{name}@{version} does not run: {problem}"))?;
        return Ok(false);
    }
    if deployed["active"] == *version {
        screen.line(format!("{name}@{version} runs: {cases}"))?;
    } else {
        screen.line(format!("{name}@{version} is kept, and does not run yet: {cases}"))?;
        screen.line(format!("upto function activate {name} {version} lets it run"))?;
    }
    Ok(true)
}
