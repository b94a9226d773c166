-- What changes events. Called with the name of a function and its arguments.

local calls = {}

-- The time of receipt; then for each context and target its name, the target ('a' for the active timeline, 'n' and a name),
-- the number of its changes, and for each of them the event's key and what is said of it.
local function read_batch()
  local received_at, i = ARGV[2], 3
  local contexts, last = {}, nil
  while i <= #ARGV do
    local name, target, count = ARGV[i], ARGV[i + 1], tonumber(ARGV[i + 2])
    if not last or last.name ~= name then
      last = open(name, received_at)
      last.groups = {}
      contexts[#contexts + 1] = last
    end
    last.groups[#last.groups + 1] = { target = target, from = i + 3, to = i + 2 + 2 * count }
    i = i + 3 + 2 * count
  end
  return received_at, contexts
end

-- Finds the timeline that each group means. The named ones are made first.
local function find_targets(context, received_at)
  local function begin()
    return { labels = '', at = received_at, received_at = received_at }
  end
  for _, group in ipairs(context.groups) do
    if sub(group.target, 1, 1) == 'n' then
      group.timeline = named(context, sub(group.target, 2), begin())
    end
  end
  for _, group in ipairs(context.groups) do
    if not group.timeline then
      group.is_active = true
      group.timeline = active(context, begin())
    end
  end
end

-- The changes of a context in the order of the batch, each with the number of its timeline; those that are stray ends,
-- which may belong to an older one; and by key the newest timeline that the batch names and in which it has the event run.
local function read_changes(context)
  local changes, strays, begun = {}, {}, {}
  for _, group in ipairs(context.groups) do
    local number = group.timeline.number
    for i = group.from, group.to, 2 do
      local change = { key = ARGV[i], event = parse(ARGV[i + 1]), number = number }
      changes[#changes + 1] = change
      if group.is_active then
        if number > 1 and is_end_alone(change.event) then
          strays[#strays + 1] = change
        end
      elseif is_running(change.event) then
        begun[change.key] = math.max(number, begun[change.key] or 0)
      end
    end
  end
  return changes, strays, begun
end

-- Moves stray ends to the newest timeline in sight in which their event runs, or has this very end. A start of the batch
-- counts where it names its timeline: one in the active timeline came after the end, else they were one change.
local function place_strays(context, strays, begun)
  local newest = context.latest
  local oldest = math.max(newest - LOOK_BACK + 1, 1)
  local sought = strays
  for number = newest, oldest, -1 do
    if #sought == 0 then
      break
    end
    local keys, rest = {}, {}
    for i, stray in ipairs(sought) do
      keys[i] = stray.key
    end
    local found = values(of_context(context.name, number .. ':events'), keys)
    for i, stray in ipairs(sought) do
      local event = found[i] and parse(found[i])
      if event and (is_running(event) or (has_end(event) and finished_at(event) == finished_at(stray.event))) then
        stray.stored = number
      else
        rest[#rest + 1] = stray
      end
    end
    sought = rest
  end
  for _, stray in ipairs(strays) do
    local named = begun[stray.key]
    if not named or named < oldest then
      named = 0
    end
    local place = math.max(named, stray.stored or 0)
    if place > 0 then
      stray.number = place
    end
  end
end

-- Sorts changes by timeline and key.
local function sort(context, changes)
  for _, change in ipairs(changes) do
    local timeline = timeline_of(context, change.number)
    local of_key = timeline.changes[change.key]
    if not of_key then
      of_key = {}
      timeline.changes[change.key] = of_key
      timeline.keys[#timeline.keys + 1] = change.key
    end
    of_key[#of_key + 1] = change.event
  end
end

-- What an event was and becomes, for the sums of its timeline.
local function sum_up(timeline, old, event)
  local running, failed = is_running(event) and 1 or 0, is_failed(event) and 1 or 0
  local first, last = first_of(event), last_of(event)
  if old then
    running = running - (old.running and 1 or 0)
    failed = failed - (old.failed and 1 or 0)
    -- An event that gave a bound, and gives it no more: the others have to be looked at.
    if (old.first == timeline.first and before(old.first, first)) or (old.last == timeline.last and before(last, old.last)) then
      timeline.look_again = true
    end
  end
  timeline.running, timeline.failed = timeline.running + running, timeline.failed + failed
  if not timeline.first or before(first, timeline.first) then
    timeline.first = first
  end
  if not timeline.last or before(timeline.last, last) then
    timeline.last = last
  end
end

-- Merges the changes of a timeline with what is stored. What does not change is not written.
local function merge_changes(context, timeline)
  local row = call('HMGET', of_context(context.name, timeline.number), 'first', 'last', 'received_at')
  timeline.first, timeline.last, timeline.received_at = row[1], row[2], row[3]
  timeline.running, timeline.failed = 0, 0
  timeline.events, timeline.new_keys = {}, {}
  local stored = values(of_context(context.name, timeline.number .. ':events'), timeline.keys)
  -- A deletion that is under way has forgotten the bounds.
  timeline.look_again = not row[1] and call('EXISTS', of_context(context.name, timeline.number .. ':keys')) == 1
  for i, key in ipairs(timeline.keys) do
    local event, old
    if stored[i] then
      event = parse(stored[i])
      old = { running = is_running(event), failed = is_failed(event), first = first_of(event), last = last_of(event) }
    end
    for _, change in ipairs(timeline.changes[key]) do
      if event then
        merge(event, change)
      else
        event = change
      end
    end
    local value = format(event)
    if value ~= stored[i] then
      timeline.events[#timeline.events + 1] = key
      timeline.events[#timeline.events + 1] = value
      sum_up(timeline, old, event)
    end
    if not stored[i] then
      timeline.new_keys[#timeline.new_keys + 1] = 0
      timeline.new_keys[#timeline.new_keys + 1] = key
    end
  end
end

local function write_timeline(context, timeline, received_at)
  local key = of_context(context.name, timeline.number)
  in_parts('HSET', key .. ':events', timeline.events)
  in_parts('ZADD', key .. ':keys', timeline.new_keys)
  if timeline.look_again then
    timeline.first, timeline.last = bounds(context.name, timeline.number)
  end
  if not timeline.received_at or before(timeline.received_at, received_at) then
    timeline.received_at = received_at
  end
  call('HSET', key, 'first', timeline.first, 'last', timeline.last, 'received_at', timeline.received_at)
  add(key, 'running', timeline.running)
  add(key, 'failed', timeline.failed)
  add(key, 'revision', 1)
end

-- Merges a batch. Returns the timelines that it touched: context, number, context, number …
function calls.write()
  local received_at, contexts = read_batch()
  for _, context in ipairs(contexts) do
    find_targets(context, received_at)
    local changes, strays, begun = read_changes(context)
    place_strays(context, strays, begun)
    sort(context, changes)
    for _, timeline in pairs(context.timelines) do
      merge_changes(context, timeline)
    end
  end
  local touched = {}
  for _, context in ipairs(contexts) do
    begin_new(context)
    for number, timeline in pairs(context.timelines) do
      if #timeline.keys > 0 then
        write_timeline(context, timeline, received_at)
        touched[#touched + 1] = context.name
        touched[#touched + 1] = number
      end
    end
  end
  return touched
end

-- Makes a timeline, or finds the one of that name. Returns its number.
function calls.new_timeline(name, target, labels, at, received_at)
  local context = open(name, received_at)
  local begin = { labels = labels, at = at, received_at = received_at }
  local timeline
  if sub(target, 1, 1) == 'n' then
    timeline = named(context, sub(target, 2), begin)
  else
    timeline = make(context, begin)
  end
  begin_new(context)
  return timeline.number
end
