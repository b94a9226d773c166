-- What reads. Each call sees one state of the store. Called with the name of a function and its arguments.

local calls = {}

-- The members of a set, in byte order and as many as `limit`, that come after one; all where that is empty.
local function page(key, after, limit)
  local from = after == '' and '-' or '(' .. after
  return call('ZRANGEBYLEX', key, from, '+', 'LIMIT', 0, limit)
end

function calls.contexts(after, limit)
  local rows = {}
  for i, name in ipairs(page(CONTEXTS, after, limit)) do
    local found = call('HMGET', of_context(name, 'context'), 'created_at', 'latest', 'abandon_after_s')
    rows[i] = { name, found[1], found[2], found[3] }
  end
  return rows
end

-- `of_all` has the number of the newest timeline, and when the context gives one up.
local function timeline_row(context, number, of_all)
  local key = of_context(context, number)
  local found = call('HMGET', key, 'name', 'labels', 'created_at', 'received_at', 'revision', 'running', 'failed', 'first', 'last')
  local events, first, last = call('ZCARD', key .. ':keys'), found[8], found[9]
  -- A deletion that is under way has forgotten the bounds.
  if events > 0 and not first then
    first, last = bounds(context, number)
  end
  local superseded = tonumber(number) < tonumber(of_all[1] or 0) and 1 or 0
  return {
    number,
    found[1],
    found[2],
    found[3],
    found[4],
    found[5],
    { superseded, of_all[2] },
    first or false,
    last or false,
    events,
    found[6] or 0,
    found[7] or 0,
  }
end

-- Timelines from the newest whose numbers are at most `from`.
function calls.timelines(context, from, limit)
  local of_all, rows = call('HMGET', of_context(context, 'context'), 'latest', 'abandon_after_s'), {}
  local numbers = call('ZRANGE', of_context(context, 'timelines'), from, '-inf', 'BYSCORE', 'REV', 'LIMIT', 0, limit)
  for i, number in ipairs(numbers) do
    rows[i] = timeline_row(context, number, of_all)
  end
  return rows
end

-- The timeline of a number or a name, as a list of one or none.
local function one(context, number)
  if not number or not call('ZSCORE', of_context(context, 'timelines'), number) then
    return {}
  end
  return calls.timelines(context, number, 1)
end

function calls.numbered(context, number)
  return one(context, number)
end

function calls.named(context, name)
  return one(context, call('HGET', of_context(context, 'names'), name))
end

-- Two lists: the keys of events, and the events.
function calls.events(context, number, after, limit)
  local key = of_context(context, number)
  local keys = page(key .. ':keys', after, limit)
  return { keys, values(key .. ':events', keys) }
end

return calls[ARGV[1]](ARGV[2], ARGV[3], ARGV[4], ARGV[5])
