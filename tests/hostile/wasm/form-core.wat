;; A core module.
;; expect: refused: it is a core module
;; given as: itself
(module)
