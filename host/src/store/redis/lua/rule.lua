-- What all scripts share: the names of keys, and the merge rule. It says what event.rs says; the conformance suite
-- compares the two. Redis has all numbers as doubles, which are too small for all microseconds: a time stays text, of
-- 16 digits, and is compared as such.

local call, match, sub, byte = redis.call, string.match, string.sub, string.byte

-- Arguments of one command: Lua has no room for many more on its stack.
local AT_ONCE = 1000

local CONTEXTS = 'upto:contexts'

-- A key of a context. The braces let all of them share a slot; a name with braces in it does no harm.
local function of_context(context, what)
  return 'upto:c:{' .. context .. '}:' .. what
end

-- The values of fields of a hash, false where there is none.
local function values(key, fields)
  local found = {}
  for from = 1, #fields, AT_ONCE do
    local to = math.min(from + AT_ONCE - 1, #fields)
    for i, value in ipairs(call('HMGET', key, unpack(fields, from, to))) do
      found[from + i - 1] = value
    end
  end
  return found
end

-- Runs a command on a key with many further arguments, which come in groups of an even number.
local function in_parts(command, key, arguments)
  for from = 1, #arguments, AT_ONCE do
    call(command, key, unpack(arguments, from, math.min(from + AT_ONCE - 1, #arguments)))
  end
end

-- Adds to a number in a hash, where there is anything to add. One that is missing is 0.
local function add(key, field, number)
  if number ~= 0 then
    call('HINCRBY', key, field, number)
  end
end

-- Whether a comes before b by bytes. Lua's own < asks the server's locale.
local function before(a, b)
  if a == b then
    return false
  end
  local i = 1
  while true do
    local x, y = byte(a, i), byte(b, i)
    if x ~= y then
      return x == nil or (y ~= nil and x < y)
    end
    i = i + 1
  end
end

-- An event is five lines, each empty where it says nothing: the earliest start; the latest one where it is another; the
-- labels of the earliest; the finish; the functions. A finish is a digit (1 for an end, 0 for a point), its time, a digit
-- (the rank of its status, 0 for none) and its labels: so the order of finishes is that of their bytes, and none is least.
local function parse(value)
  local first, last, labels, finish, functions = match(value, '^([^\n]*)\n([^\n]*)\n([^\n]*)\n([^\n]*)\n(.*)$')
  if not first then
    error('an event in the store is damaged')
  end
  if last == '' then
    last = first
  end
  return { first = first, last = last, labels = labels, finish = finish, functions = functions }
end

local function format(event)
  local last = event.last
  if last == event.first then
    last = ''
  end
  return event.first .. '\n' .. last .. '\n' .. event.labels .. '\n' .. event.finish .. '\n' .. event.functions
end

local function finished_at(event)
  return sub(event.finish, 2, 17)
end

local function has_end(event)
  return byte(event.finish, 1) == 49
end

local function is_end_alone(event)
  return event.first == '' and has_end(event)
end

local function is_running(event)
  return event.first ~= '' and (not has_end(event) or before(finished_at(event), event.last))
end

-- Timeout, failure and error have the ranks from 4 on.
local function is_failed(event)
  return event.finish ~= '' and byte(event.finish, 18) >= 52 and not is_running(event)
end

local function first_of(event)
  if event.first ~= '' then
    return event.first
  end
  return finished_at(event)
end

-- A point is none for an event that started.
local function last_of(event)
  if event.first == '' or (has_end(event) and before(event.last, finished_at(event))) then
    return finished_at(event)
  end
  return event.last
end

-- Takes in what another one says.
local function merge(event, other)
  local first_gains = other.first ~= ''
    and (
      event.first == ''
      or before(other.first, event.first)
      or (other.first == event.first and before(event.labels, other.labels))
    )
  local finish_gains = before(event.finish, other.finish)
  if finish_gains or (first_gains and event.finish == '') then
    event.functions = other.functions
  end
  if before(event.last, other.last) then
    event.last = other.last
  end
  if first_gains then
    event.first, event.labels = other.first, other.labels
  end
  if finish_gains then
    event.finish = other.finish
  end
end

-- The earliest and the latest moment of a timeline's events, by looking at all of them; nil where there is none.
local function bounds(context, number)
  local first, last
  for _, value in ipairs(call('HVALS', of_context(context, number .. ':events'))) do
    local event = parse(value)
    local its_first, its_last = first_of(event), last_of(event)
    if not first or before(its_first, first) then
      first = its_first
    end
    if not last or before(last, its_last) then
      last = its_last
    end
  end
  return first, last
end
