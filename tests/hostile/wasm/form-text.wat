;; Text in place of the binary.
;; expect: refused: no WebAssembly
;; given as: text
(component)
