-- Contexts and timelines, as a script that writes sees them. Nothing is written before all is known: then nothing fails.

local LOOK_BACK = 16

-- A context as it is, or as it will be.
local function open(name, received_at)
  local found = call('HMGET', of_context(name, 'context'), 'latest', 'created_at')
  local latest = tonumber(found[1] or 0)
  local context = { name = name, latest = latest, stored_latest = latest, timelines = {} }
  if not found[2] then
    context.created_at = received_at
  end
  return context
end

-- The timeline of a number. One that begins now has the time of that.
local function timeline_of(context, number, begin)
  local timeline = context.timelines[number]
  if not timeline then
    timeline = { number = number, begin = begin, keys = {}, changes = {} }
    context.timelines[number] = timeline
  end
  return timeline
end

local function make(context, begin)
  context.latest = context.latest + 1
  return timeline_of(context, context.latest, begin)
end

-- The timeline of a name, made if it does not exist.
local function named(context, name, begin)
  local number = call('HGET', of_context(context.name, 'names'), name)
  if number then
    return timeline_of(context, tonumber(number))
  end
  begin.name = name
  return make(context, begin)
end

-- The newest timeline, made if there is none. Where it was deleted it comes back under its number.
local function active(context, begin)
  if context.latest == 0 then
    return make(context, begin)
  end
  local known = context.timelines[context.latest]
  if known or call('EXISTS', of_context(context.name, context.latest)) == 1 then
    return timeline_of(context, context.latest)
  end
  return timeline_of(context, context.latest, begin)
end

-- Writes the row of a timeline that begins.
local function begin_timeline(context, timeline)
  local begin, number = timeline.begin, timeline.number
  local row = { 'labels', begin.labels, 'created_at', begin.at, 'received_at', begin.received_at, 'revision', 0 }
  if begin.name then
    row[#row + 1] = 'name'
    row[#row + 1] = begin.name
    call('HSET', of_context(context.name, 'names'), begin.name, number)
  end
  call('HSET', of_context(context.name, number), unpack(row))
  call('ZADD', of_context(context.name, 'timelines'), number, number)
end

-- Writes the rows of a context and of its timelines that are new.
local function begin_new(context)
  if context.created_at then
    call('ZADD', CONTEXTS, 0, context.name)
    call('HSET', of_context(context.name, 'context'), 'created_at', context.created_at)
  end
  if context.latest ~= context.stored_latest then
    call('HSET', of_context(context.name, 'context'), 'latest', context.latest)
  end
  for _, timeline in pairs(context.timelines) do
    if timeline.begin then
      begin_timeline(context, timeline)
    end
  end
end
