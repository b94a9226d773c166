-- Bytecode of Luau, which starts with its version.
-- expect: refused: bytecode
{{\x06*1}}{{\x03*1}}{{\x00*8}}
