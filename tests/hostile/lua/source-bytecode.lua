-- Bytecode, as string.dump would give it.
-- expect: refused: bytecode
{{\x1b*1}}Lua
