;; A version that there is not.
;; expect: refused
;; given as: text
{{\x00*1}}asm{{\xff*1}}{{\x00*100}}
