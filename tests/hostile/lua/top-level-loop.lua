-- The top level never ends.
-- expect: refused: ran longer
while true do end
