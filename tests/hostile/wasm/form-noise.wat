;; The head of a component, and then noise.
;; expect: refused
;; given as: text
{{\x00*1}}asm{{\x0d\x00\x01\x00*1}}{{\x07#*100}}
