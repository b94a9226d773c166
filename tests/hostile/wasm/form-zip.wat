;; An archive.
;; expect: refused: no WebAssembly
;; given as: text
PK{{\x03\x04*1}}{{\x00*100}}
