//! A function as it lies in files: code, cases and settings beside each other.

use std::fs;
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

use super::ToolError;
use super::screen::count;
use super::server::Refusal;
use crate::config::functions::SettingsArgs;
use crate::functions::diff;
use crate::transform::{Language, compile};

/// A function that is to be tried or deployed.
pub struct FunctionFile {
    /// Where it is.
    pub path: PathBuf,
    /// Its name.
    pub name: String,
    /// Its language.
    pub language: Language,
    /// Its code.
    pub code: Vec<u8>,
    /// Its cases; none where there is no file of them.
    pub cases: Option<Value>,
    /// Its settings, as far as something says them.
    pub settings: Map<String, Value>,
}

impl FunctionFile {
    /// Reads a function with what lies beside it.
    pub fn read(path: &Path, name: Option<String>) -> Result<FunctionFile, ToolError> {
        let unusable = |reason: String| ToolError::Unusable(format!("{}: {reason}", path.display()));
        let language =
            compile::language(path).ok_or_else(|| unusable("a function is a .lua or a .wasm file".into()))?;
        let stem = path.file_stem().unwrap_or_default().to_string_lossy();
        let name = name.unwrap_or_else(|| stem.into_owned());
        compile::check_name(&name)
            .map_err(|error| unusable(format!("{error}; rename the file, or deploy it with --name")))?;
        let code = fs::read(path).map_err(|error| unusable(error.to_string()))?;
        let cases = beside(path, "cases.json")?;
        let settings = match beside(path, "settings.json")? {
            None => Map::new(),
            Some(Value::Object(settings)) => settings,
            Some(_) => return Err(unusable("its settings.json must hold an object".into())),
        };
        Ok(FunctionFile { path: path.to_owned(), name, language, code, cases, settings })
    }

    /// What was said on the command line wins.
    pub fn override_settings(&mut self, args: SettingsArgs) {
        let contexts = (!args.contexts.is_empty()).then(|| json!(args.contexts));
        let given = [
            ("contexts", contexts),
            ("order", args.order.map(Value::from)),
            ("on_error", args.on_error.map(Value::from)),
            ("memory", args.memory.then_some(true.into())),
        ];
        self.settings.extend(given.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))));
    }

    /// The function as the API takes it.
    pub fn to_json(&self) -> Value {
        let mut body = json!({"language": self.language.as_str(), "settings": self.settings});
        match self.language {
            Language::Lua => body["source"] = json!(String::from_utf8_lossy(&self.code)),
            Language::Wasm => body["component_base64"] = json!(STANDARD.encode(&self.code)),
        }
        if let Some(cases) = &self.cases {
            body["cases"] = cases.clone();
        }
        body
    }

    /// What a refusal says, with the paths of the files.
    pub fn explain(&self, refusal: &Refusal) -> ToolError {
        let failed: Vec<_> = refusal.cases.iter().filter(|case| !case.passed).collect();
        if failed.is_empty() {
            return ToolError::Failed(self.with_path(&refusal.to_string()));
        }
        let cases_file = self.path.with_extension("cases.json");
        let differences = failed
            .iter()
            .map(|case| format!("{}: {}\n{}", cases_file.display(), case.name, diff::indented(&case.difference)))
            .collect::<String>();
        let failed = format!("{} of {} failed", failed.len(), count(refusal.cases.len(), "case"));
        ToolError::Failed(format!("{failed}; - is what the case wants, + what came\n{}", differences.trim_end()))
    }

    /// A message of the compiler, which knows the function by its name, with the path of its file, so that an editor
    /// finds the line.
    pub fn with_path(&self, message: &str) -> String {
        let known = format!("{}.{}:", self.name, self.language.as_str());
        message.replacen(&known, &format!("{}:", self.path.display()), 1)
    }
}

/// The JSON in a file beside a function's.
fn beside(path: &Path, extension: &str) -> Result<Option<Value>, ToolError> {
    let path = path.with_extension(extension);
    let unusable = |reason: String| ToolError::Unusable(format!("{}: {reason}", path.display()));
    match fs::read_to_string(&path) {
        Ok(text) => serde_json::from_str(&text).map(Some).map_err(|error| unusable(error.to_string())),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(unusable(error.to_string())),
    }
}
