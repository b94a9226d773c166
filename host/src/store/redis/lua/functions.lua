-- Functions, tables and dead letters. Called with the name of a function and its arguments.

local calls = {}

local FUNCTIONS, TABLES, LETTERS = 'upto:functions', 'upto:tables', 'upto:letters'

local function of_function(name, what)
  return 'upto:f:{' .. name .. '}:' .. what
end

local function of_table(name)
  return 'upto:t:{' .. name .. '}'
end

-- Tells all instances that functions or tables changed.
local function changed()
  call('INCR', 'upto:registry')
end

local function drop_letters(name, ids)
  in_parts('HDEL', of_function(name, 'letters'), ids)
  in_parts('ZREM', of_function(name, 'letter_ids'), ids)
  in_parts('ZREM', of_function(name, 'letter_times'), ids)
  if call('EXISTS', of_function(name, 'letters')) == 0 then
    call('ZREM', LETTERS, name)
  end
end

local function drop_all_letters(name)
  local count = call('HLEN', of_function(name, 'letters'))
  call('DEL', of_function(name, 'letters'), of_function(name, 'letter_ids'), of_function(name, 'letter_times'))
  call('ZREM', LETTERS, name)
  return count
end

-- Arguments: the function, '1' to activate it, and the version's fields and values. Returns its number, and 1 if it was made.
function calls.add_version(name, activate)
  local version = {}
  for i = 4, #ARGV, 2 do
    version[ARGV[i]] = ARGV[i + 1]
  end
  local found = call('HMGET', of_function(name, 'function'), 'versions', 'active', 'canary')
  local number, made = tonumber(found[1] or 0), 0
  local newest = call('HMGET', of_function(name, number), 'language', 'sha256', 'cases', 'settings')
  local is_same = newest[1] == version.language and newest[2] == version.sha256
  if not (is_same and newest[3] == version.cases and newest[4] == version.settings) then
    number, made = number + 1, 1
    call('HSET', of_function(name, number), unpack(ARGV, 4))
    call('HSET', of_function(name, 'function'), 'versions', number)
    call('ZADD', FUNCTIONS, 0, name)
  end
  local activated = activate == '1' and (tonumber(found[2] or 0) ~= number or (found[3] or '') ~= '')
  if activated then
    call('HSET', of_function(name, 'function'), 'active', number, 'canary', '')
  end
  if made == 1 or activated then
    changed()
  end
  return { number, made }
end

local function function_row(name)
  local found = call('HMGET', of_function(name, 'function'), 'versions', 'active', 'canary', 'rolled_back')
  return { name, found[1] or 0, found[2], found[3] or '', found[4] or '' }
end

-- Each of the three texts is '-' for what stays as it is, or '=' and what it becomes; `only` is the canary that must be there
-- in the same way. An empty number stands for none. Returns the row as a list of one, or none.
function calls.activate(name, active, canary, rolled_back, only)
  if not call('ZSCORE', FUNCTIONS, name) then
    return {}
  end
  local before_it = function_row(name)
  if only ~= '-' and sub(only, 2) ~= before_it[4] then
    return {}
  end
  local function becomes(text, old)
    return text == '-' and old or sub(text, 2)
  end
  local number = becomes(active, before_it[3] or '')
  -- Numbers from before it was deleted have no version any more.
  if active ~= '-' and number ~= '' and call('EXISTS', of_function(name, number)) == 0 then
    return {}
  end
  local row = { name, before_it[2], number ~= '' and number, becomes(canary, before_it[4]), becomes(rolled_back, before_it[5]) }
  if row[3] ~= before_it[3] or row[4] ~= before_it[4] or row[5] ~= before_it[5] then
    local key = of_function(name, 'function')
    call('HSET', key, 'canary', row[4], 'rolled_back', row[5])
    if row[3] then
      call('HSET', key, 'active', row[3])
    else
      call('HDEL', key, 'active')
    end
    changed()
  end
  return { row }
end

-- The number of its newest version stays, so that numbers go on.
function calls.delete_function(name)
  if call('ZREM', FUNCTIONS, name) == 0 then
    return 0
  end
  local key = of_function(name, 'function')
  local number = tonumber(call('HGET', key, 'versions'))
  while call('DEL', of_function(name, number)) == 1 do
    number = number - 1
  end
  call('HDEL', key, 'active', 'canary', 'rolled_back')
  drop_all_letters(name)
  changed()
  return 1
end

-- Arguments: the table, and its fields and values.
function calls.put_table(name)
  local new = {}
  for i = 3, #ARGV, 2 do
    new[ARGV[i]] = ARGV[i + 1]
  end
  local old = call('HMGET', of_table(name), 'format', 'sha256')
  if old[1] ~= new.format or old[2] ~= new.sha256 then
    call('HSET', of_table(name), unpack(ARGV, 3))
    call('ZADD', TABLES, 0, name)
    changed()
  end
end

function calls.delete_table(name)
  if call('DEL', of_table(name)) == 0 then
    return 0
  end
  call('ZREM', TABLES, name)
  changed()
  return 1
end

-- Arguments: how many of each function stay, and for each letter its function, id, time in microseconds and text.
function calls.add_letters(kept)
  local names = {}
  for i = 3, #ARGV, 4 do
    local name, id, at, letter = ARGV[i], ARGV[i + 1], ARGV[i + 2], ARGV[i + 3]
    names[name] = true
    if call('HSETNX', of_function(name, 'letters'), id, letter) == 1 then
      call('ZADD', of_function(name, 'letter_ids'), 0, id)
      call('ZADD', of_function(name, 'letter_times'), at, id)
    end
  end
  for name in pairs(names) do
    call('ZADD', LETTERS, 0, name)
    local beyond = call('ZCARD', of_function(name, 'letter_ids')) - tonumber(kept)
    if beyond > 0 then
      drop_letters(name, call('ZRANGE', of_function(name, 'letter_ids'), 0, beyond - 1))
    end
  end
end

-- Arguments: the function, and the ids. Returns how many there were.
function calls.delete_letters(name)
  local ids, there = {}, 0
  for i = 3, #ARGV do
    ids[#ids + 1] = ARGV[i]
  end
  for _, letter in ipairs(values(of_function(name, 'letters'), ids)) do
    there = there + (letter and 1 or 0)
  end
  drop_letters(name, ids)
  return there
end

calls.delete_all_letters = drop_all_letters

-- Deletes the letters of all functions that are older than a time in microseconds. Returns how many there were.
function calls.expire_letters(time)
  local expired = 0
  for _, name in ipairs(call('ZRANGE', LETTERS, 0, -1)) do
    local ids = call('ZRANGE', of_function(name, 'letter_times'), '-inf', '(' .. time, 'BYSCORE')
    drop_letters(name, ids)
    expired = expired + #ids
  end
  return expired
end

-- What follows only reads.

function calls.functions()
  local rows = {}
  for i, name in ipairs(call('ZRANGE', FUNCTIONS, 0, -1)) do
    rows[i] = function_row(name)
  end
  return rows
end

local function version_row(name, number)
  local key = of_function(name, number)
  local found = call('HMGET', key, 'language', 'sha256', 'case_count', 'settings', 'author', 'created_at')
  return { number, found[1], found[2], call('HSTRLEN', key, 'code'), found[3], found[4], found[5], found[6] }
end

-- Versions from the newest whose numbers are at most `from`; they have no gaps.
function calls.versions(name, from, limit)
  local newest = tonumber(call('HGET', of_function(name, 'function'), 'versions') or 0)
  local rows, number = {}, math.min(newest, tonumber(from))
  while #rows < tonumber(limit) and call('EXISTS', of_function(name, number)) == 1 do
    rows[#rows + 1] = version_row(name, number)
    number = number - 1
  end
  return rows
end

-- The row of a version, its code and its cases, as a list of one or none.
function calls.version(name, number)
  local found = call('HMGET', of_function(name, number), 'code', 'cases')
  if not found[1] then
    return {}
  end
  return { { version_row(name, number), found[1], found[2] } }
end

function calls.tables()
  local rows = {}
  for i, name in ipairs(call('ZRANGE', TABLES, 0, -1)) do
    local found = call('HMGET', of_table(name), 'format', 'rows', 'sha256', 'changed_at')
    rows[i] = { name, found[1], found[2], call('HSTRLEN', of_table(name), 'content'), found[3], found[4] }
  end
  return rows
end

-- Letters of a function by id, those after one; all where that is empty.
function calls.letters(name, after, limit)
  local from = after == '' and '-' or '(' .. after
  local ids = call('ZRANGEBYLEX', of_function(name, 'letter_ids'), from, '+', 'LIMIT', 0, limit)
  return { ids, values(of_function(name, 'letters'), ids) }
end

function calls.count_letters()
  local rows = {}
  for i, name in ipairs(call('ZRANGE', LETTERS, 0, -1)) do
    rows[i] = { name, call('HLEN', of_function(name, 'letters')) }
  end
  return rows
end

return calls[ARGV[1]](ARGV[2], ARGV[3], ARGV[4], ARGV[5], ARGV[6])
