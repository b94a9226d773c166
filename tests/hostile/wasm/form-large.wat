;; More than 10 MiB.
;; expect: refused: at most 10485760
;; given as: text
{{\x00*1}}asm{{\x0d\x00\x01\x00*1}}{{\x00*10485760}}
