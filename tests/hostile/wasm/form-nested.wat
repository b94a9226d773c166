;; Components in one another, 90 deep.
;; expect: refused
{{(component *90}}{{)*90}}
