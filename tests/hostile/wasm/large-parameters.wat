;; A function with 1,001 parameters, of which 1,000 are allowed.
;; expect: refused
(component (core module (func (param {{i32 *1001}}))))
