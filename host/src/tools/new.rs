//! `new`: the files of a function that does something, to be changed into one that does what is wanted.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use super::screen::Screen;
use super::{Done, ToolError};
use crate::config::functions::{Guest, NewArgs};
use crate::transform::compile::check_name;

/// A file to be written: its path, in which NAME stands for the function's name, and its text, in which `{name}` does.
type Template = (&'static str, &'static str);

const LUA: &[Template] =
    &[("NAME.lua", include_str!("templates/function.lua")), ("NAME.cases.json", include_str!("templates/cases.json"))];

const HOOK: &[Template] =
    &[("NAME.lua", include_str!("templates/hook.lua")), ("NAME.cases.json", include_str!("templates/hook.cases.json"))];

/// The SDK goes along, so that a guest is built anywhere.
const RUST: &[Template] = &[
    ("NAME/Cargo.toml", include_str!("templates/rust/Cargo.toml.in")),
    ("NAME/Makefile", include_str!("templates/rust/Makefile")),
    ("NAME/src/lib.rs", include_str!("templates/rust/lib.rs.in")),
    ("NAME/NAME.cases.json", include_str!("templates/cases.json")),
    ("NAME/sdk/Cargo.toml", include_str!("templates/rust/sdk.toml.in")),
    ("NAME/sdk/src/alloc.rs", include_str!("../../../plugins/sdk/src/alloc.rs")),
    ("NAME/sdk/src/batch.rs", include_str!("../../../plugins/sdk/src/batch.rs")),
    ("NAME/sdk/src/known.rs", include_str!("../../../plugins/sdk/src/known.rs")),
    ("NAME/sdk/src/lib.rs", include_str!("../../../plugins/sdk/src/lib.rs")),
    ("NAME/sdk/src/receive.rs", include_str!("../../../plugins/sdk/src/receive.rs")),
    ("NAME/wit/receiver.wit", include_str!("../../../plugins/wit/receiver.wit")),
    ("NAME/wit/transform.wit", include_str!("../../../plugins/wit/transform.wit")),
];

/// Writes the files into the current folder, unless one of them is there already.
pub fn run(args: &NewArgs, screen: &mut Screen) -> Done {
    let name = &args.name;
    check_name(name).map_err(|error| ToolError::Unusable(format!("{name:?}: {error}")))?;
    let (templates, function): (&[Template], String) = match args.wasm {
        None if args.hook => (HOOK, format!("{name}.lua")),
        None => (LUA, format!("{name}.lua")),
        Some(Guest::Rust) => (RUST, format!("{name}/{name}.wasm")),
    };
    let files: Vec<(PathBuf, String)> = templates
        .iter()
        .map(|(path, text)| (PathBuf::from(path.replace("NAME", name)), text.replace("{name}", name)))
        .collect();
    if let Some((path, _)) = files.iter().find(|(path, _)| path.exists()) {
        return Err(ToolError::Failed(format!("{} exists; nothing was written", path.display())));
    }
    for (path, text) in &files {
        write(path, text).map_err(|error| ToolError::Failed(format!("{}: {error}", path.display())))?;
        screen.line(format!("wrote {}", path.display()))?;
    }
    if args.wasm.is_some() {
        screen.line(format!("make -C {name} builds {function}"))?;
    }
    screen.line(format!("upto function test {function} runs its cases"))?;
    Ok(true)
}

fn write(path: &Path, text: &str) -> std::io::Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    fs::OpenOptions::new().write(true).create_new(true).open(path)?.write_all(text.as_bytes())
}
