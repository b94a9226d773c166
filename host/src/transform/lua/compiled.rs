//! Code that is compiled once and loaded into many states.

use std::sync::OnceLock;

use mlua::chunk::{Chunk, ChunkMode, Compiler};
use mlua::{Lua, Result};

/// The bytecode of one source, made by this process and kept by it alone: bytecode from elsewhere is never loaded.
#[derive(Debug, Default)]
pub(super) struct Compiled(OnceLock<Vec<u8>>);

impl Compiled {
    /// Nothing compiled yet.
    pub(super) const fn new() -> Self {
        Compiled(OnceLock::new())
    }

    /// The code as a chunk of this name, compiled by the first who asks. `source` is the same at each call.
    ///
    /// # Errors
    /// What is wrong with the source, where it does not compile.
    pub(super) fn load<'a>(
        &'a self,
        lua: &Lua,
        name: &str,
        source: &str,
        compiler: impl FnOnce() -> Compiler,
    ) -> Result<Chunk<'a>> {
        let code = match self.0.get() {
            Some(code) => code,
            None => {
                // Told with the name and line that only loading gives it.
                let text = lua.load(source).set_name(name).set_mode(ChunkMode::Text);
                let compiler = compiler();
                text.set_compiler(compiler.clone()).into_function()?;
                let code = compiler.compile(source)?;
                self.0.get_or_init(|| code)
            }
        };
        Ok(lua.load(code.as_slice()).set_name(name).set_mode(ChunkMode::Binary))
    }
}
