;; Machine code, as an engine keeps compiled modules.
;; expect: refused: no WebAssembly
;; given as: text
{{\x7f*1}}ELF{{\x02\x01\x01\x00*1}}{{\x00*100}}
