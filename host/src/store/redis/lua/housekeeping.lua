-- Deletion in steps, and what the housekeeping asks for.

local HOUSEKEEPING = 'upto:housekeeping'

-- Deletes some events of a timeline, and its row with the last of them. Returns how many, and 1 if it is gone.
function calls.delete_timeline(context, number, limit)
  local key = of_context(context, number)
  if call('EXISTS', key) == 0 then
    return { 0, 1 }
  end
  local keys = call('ZRANGE', key .. ':keys', 0, tonumber(limit) - 1)
  local running, failed = 0, 0
  for _, value in ipairs(values(key .. ':events', keys)) do
    local event = parse(value)
    running = running + (is_running(event) and 1 or 0)
    failed = failed + (is_failed(event) and 1 or 0)
  end
  in_parts('HDEL', key .. ':events', keys)
  in_parts('ZREM', key .. ':keys', keys)
  if call('EXISTS', key .. ':keys') == 1 then
    add(key, 'running', -running)
    add(key, 'failed', -failed)
    add(key, 'revision', 1)
    -- Which of the others give the bounds now is looked at when it is asked for.
    call('HDEL', key, 'first', 'last')
    return { #keys, 0 }
  end
  local name = call('HGET', key, 'name')
  if name then
    call('HDEL', of_context(context, 'names'), name)
  end
  call('DEL', key)
  call('ZREM', of_context(context, 'timelines'), number)
  return { #keys, 1 }
end

-- Deletes the row of a context that has no timeline. Returns 1 if it is gone.
function calls.delete_empty_context(context)
  if call('EXISTS', of_context(context, 'timelines')) == 1 then
    return 0
  end
  call('DEL', of_context(context, 'context'))
  call('ZREM', CONTEXTS, context)
  return 1
end

-- The same for the oldest timeline of a context or, where it has none, for the context's own row.
function calls.delete_context(context, limit)
  local oldest = call('ZRANGE', of_context(context, 'timelines'), 0, 0)[1]
  if oldest then
    calls.delete_timeline(context, oldest, limit)
    return 0
  end
  return calls.delete_empty_context(context)
end

-- Numbers of timelines, oldest first, that are silent for so many seconds or are not among so many of the newest; each of
-- the two may be empty, and then says nothing.
function calls.expired_timelines(context, silent_s, newest, limit)
  local numbers, expired = call('ZRANGE', of_context(context, 'timelines'), 0, -1), {}
  local surplus = newest == '' and 0 or #numbers - tonumber(newest)
  local time = call('TIME')
  local since = silent_s ~= '' and string.format('%016.0f', (time[1] - silent_s) * 1e6 + time[2])
  for i, number in ipairs(numbers) do
    if #expired == tonumber(limit) or (i > surplus and not since) then
      break
    end
    if i <= surplus or not before(since, call('HGET', of_context(context, number), 'received_at')) then
      expired[#expired + 1] = number
    end
  end
  return expired
end

-- An empty number of seconds stands for none.
function calls.set_abandon_after(context, seconds)
  local key = of_context(context, 'context')
  if seconds == '' then
    call('HDEL', key, 'abandon_after_s')
  elseif call('EXISTS', key) == 1 then
    call('HSET', key, 'abandon_after_s', seconds)
  end
end

-- The lease is in milliseconds. Returns 1 if the holder has it.
function calls.claim_housekeeping(holder, lease)
  local found = call('GET', HOUSEKEEPING)
  if found and found ~= holder then
    return 0
  end
  if tonumber(lease) > 0 then
    call('SET', HOUSEKEEPING, holder, 'PX', lease)
  else
    call('DEL', HOUSEKEEPING)
  end
  return 1
end

return calls[ARGV[1]](ARGV[2], ARGV[3], ARGV[4], ARGV[5], ARGV[6])
