;; More than 20 MiB.
;; expect: refused: at most 20971520
;; given as: text
{{\x00*1}}asm{{\x0d\x00\x01\x00*1}}{{\x00*20971520}}
