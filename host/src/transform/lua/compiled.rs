//! Code that is compiled once and loaded into many states.

use std::sync::OnceLock;

use mlua::Lua;
use mlua::chunk::{Chunk, ChunkMode, Compiler};

/// The bytecode of one source, made by this process and kept by it alone: bytecode from elsewhere is never loaded.
#[derive(Debug)]
pub(super) struct Compiled(OnceLock<Vec<u8>>);

impl Compiled {
    /// Nothing compiled yet.
    pub(super) const fn new() -> Self {
        Compiled(OnceLock::new())
    }

    /// The code as a chunk of this name, compiled by the first who asks. `source` is the same at each call. One that does
    /// not compile is an error where the chunk is used.
    pub(super) fn load<'a>(
        &'a self,
        lua: &Lua,
        name: &str,
        source: &'a str,
        compiler: impl FnOnce() -> Compiler,
    ) -> Chunk<'a> {
        let chunk = match self.0.get() {
            Some(code) => lua.load(code.as_slice()).set_mode(ChunkMode::Binary),
            None => {
                let compiler = compiler();
                match compiler.compile(source) {
                    Ok(code) => lua.load(self.0.get_or_init(|| code).as_slice()).set_mode(ChunkMode::Binary),
                    // Loading the text tells the line with the chunk's name.
                    Err(_) => lua.load(source).set_compiler(compiler).set_mode(ChunkMode::Text),
                }
            }
        };
        chunk.set_name(name)
    }
}
