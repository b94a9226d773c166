;; Nothing.
;; expect: refused: no WebAssembly
;; given as: text

