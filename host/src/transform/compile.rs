//! From a file to a program, whatever its language.

use std::path::Path;
use std::sync::Arc;

use super::{Program, Resources, budget, lua, wasm};

/// Why a file is no function.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct CompileError(pub String);

/// Whether the file's ending is that of a function.
pub fn is_function(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "lua" || extension == "wasm")
}

/// Compiles a function and runs its top level once. It may take a second: to be called on a thread that may block.
///
/// # Errors
/// [`CompileError`], which names the line where there is one.
pub fn compile(path: &Path, bytes: &[u8], resources: &Resources) -> Result<Arc<dyn Program>, CompileError> {
    let name = path.file_stem().and_then(|stem| stem.to_str()).filter(|stem| is_name(stem)).ok_or_else(|| {
        CompileError(
            "a function's name has 1 to 64 lower-case letters, digits, - and _, and starts with one of the first two"
                .into(),
        )
    })?;
    let (limit, what) = match path.extension().is_some_and(|extension| extension == "wasm") {
        true => (budget::COMPONENT, "a component"),
        false => (budget::SOURCE, "a script"),
    };
    if bytes.len() > limit {
        return Err(CompileError(format!("it has {} bytes; {what} has at most {limit}", bytes.len())));
    }
    let program: Arc<dyn Program> = match limit == budget::COMPONENT {
        true => Arc::new(wasm::WasmProgram::compile(name, bytes, resources)?),
        false => Arc::new(lua::LuaProgram::compile(name, bytes, resources)?),
    };
    program.instantiate().map_err(|failure| CompileError(failure.message))?;
    Ok(program)
}

fn is_name(stem: &str) -> bool {
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    (1..=64).contains(&stem.len())
        && plain(stem.as_bytes()[0])
        && stem.bytes().all(|b| plain(b) || b == b'-' || b == b'_')
}
