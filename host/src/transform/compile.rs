//! From code to a program, whatever its language.

use std::path::Path;
use std::sync::Arc;

use super::log::Log;
use super::secrets::Secrets;
use super::tables::Tables;
use super::{Language, Program, budget, lua, wasm};

/// Why code is no function.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct CompileError(pub String);

impl CompileError {
    /// The line of the script, where one is named.
    pub fn line(&self) -> Option<u32> {
        let (_, rest) = self.0.split_once(".lua:")?;
        rest[..rest.find(':')?].parse().ok()
    }
}

/// What a function may reach beyond its reports.
#[derive(Debug, Clone)]
pub struct Surroundings {
    /// Lookup tables.
    pub tables: Arc<Tables>,
    /// What signatures are checked with.
    pub secrets: Arc<Secrets>,
    /// Where its lines go.
    pub log: Arc<Log>,
    /// Whether what it remembers from one report to the next stays for as long as its instance does. Where it does not, each
    /// report meets a script as its top level left it, and each call a component that has just started.
    pub memory: bool,
    /// Whether it may be a component of up to [`budget::LARGE_COMPONENT`].
    pub large_components: bool,
}

/// The language that a file's ending tells; `None` where it is no function.
pub fn language(path: &Path) -> Option<Language> {
    Language::of(path.extension()?.to_str()?)
}

/// The name of the function in a file.
///
/// # Errors
/// What names there are.
pub fn name(path: &Path) -> Result<&str, CompileError> {
    let stem = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
    check_name(stem).map(|()| stem)
}

/// Refuses what is no name of a function.
///
/// # Errors
/// What names there are.
pub fn check_name(name: &str) -> Result<(), CompileError> {
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    let valid = (1..=64).contains(&name.len())
        && plain(name.as_bytes()[0])
        && name.bytes().all(|b| plain(b) || b == b'-' || b == b'_');
    let words =
        "a function's name has 1 to 64 lower-case letters, digits, - and _, and starts with a letter or a digit";
    if valid { Ok(()) } else { Err(CompileError(words.to_owned())) }
}

/// Compiles a function and runs its top level once. It may take seconds: to be called on a thread that may block.
///
/// # Errors
/// [`CompileError`], which names the line where there is one.
pub fn compile(
    name: &str,
    language: Language,
    code: &[u8],
    surroundings: Surroundings,
) -> Result<Arc<dyn Program>, CompileError> {
    check_name(name)?;
    let (limit, what) = match language {
        Language::Wasm if surroundings.large_components => (budget::LARGE_COMPONENT, "a component"),
        Language::Wasm => (budget::COMPONENT, "without --large-components, a component"),
        Language::Lua => (budget::SOURCE, "a script"),
    };
    if code.len() > limit {
        return Err(CompileError(format!("it has {} bytes; {what} has at most {limit}", code.len())));
    }
    let program: Arc<dyn Program> = match language {
        Language::Wasm => Arc::new(wasm::WasmProgram::compile(name, code, surroundings)?),
        Language::Lua => Arc::new(lua::LuaProgram::compile(name, code, surroundings)?),
    };
    program.instantiate().map_err(|failure| CompileError(failure.message))?;
    Ok(program)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_is_found_where_there_is_one() {
        let line = |text: &str| CompileError(text.to_owned()).line();
        assert_eq!(line("rename.lua:12: expected 'end'"), Some(12));
        assert_eq!(line("rename.lua: line 3 is not UTF-8"), None);
        assert_eq!(line("it is no WebAssembly"), None);
    }
}
