-- overview(lanes, projects, destinations): what waits, who lives, what needs a person. Reads only; bounded by what is
-- configured, by PROCESSES_MOST and by LETTERS_MOST.
-- lanes: [[lane, destination of its starts]...]
-- returns {now, last sign of life of any worker that did not leave or -1, the last of any that ever was or -1, {id, text, seen...}, {due, oldest due's age or -1, starts that wait
-- for a call, the oldest one's age or -1 for each lane}, {orphans for each project}, {calls that wait for each destination},
-- {calls of the last whole minute to each destination},
-- how many letters there are, {the newest letters' texts}, {paused account, since...}}

local PROCESSES_MOST, LETTERS_MOST, AT_ONCE = 200, 500, 500

local function age(list) return list[2] and math.max(math.floor(NOW - tonumber(list[2])), 0) or -1 end

local function processes()
  local found = {}
  local seen = redis.call('ZRANGE', P .. 'processes-seen', 0, PROCESSES_MOST - 1, 'REV', 'WITHSCORES')
  for i = 1, #seen, 2 do
    local text = redis.call('HGET', P .. 'processes', seen[i])
    if text then
      for _, one in ipairs({seen[i], text, seen[i + 1]}) do found[#found + 1] = one end
    end
  end
  return found
end

-- A destination at which nobody waits is in no list of those to be looked at. Many accounts have one and the same.
local QUEUED = {}
local function look_who_is_queued(destinations)
  for first = 1, #destinations, AT_ONCE do
    local names = {unpack(destinations, first, math.min(first + AT_ONCE - 1, #destinations))}
    for i, at in ipairs(redis.call('ZMSCORE', QUEUES, unpack(names))) do QUEUED[names[i]] = at and true or false end
  end
end

local function lanes(named)
  local found = {}
  for _, one in ipairs(named) do
    local key, starts = lane_key(one[1]), line_key(one[2], 'start') .. ':' .. one[1]
    local first = redis.call('ZRANGE', key, 0, 0, 'WITHSCORES')
    local is_due = first[2] and tonumber(first[2]) <= NOW
    found[#found + 1] = is_due and redis.call('ZCOUNT', key, '-inf', NOW) or 0
    found[#found + 1] = is_due and age(first) or -1
    local waiting = QUEUED[one[2]] and redis.call('ZRANGE', starts, 0, 0, 'WITHSCORES') or {}
    found[#found + 1] = waiting[2] and redis.call('ZCARD', starts) or 0
    found[#found + 1] = age(waiting)
  end
  return found
end

local function orphans(projects)
  local found = {}
  for i, name in ipairs(projects) do found[i] = redis.call('ZCARD', P .. 'orphans:' .. name) end
  return found
end

local function waiting_at(destination)
  local count = 0
  if not QUEUED[destination] then return count end
  for _, class in ipairs(CLASSES) do count = count + redis.call('ZCARD', line_key(destination, class)) end
  return count
end

local function calls(destinations)
  local found = {}
  for i, name in ipairs(destinations) do found[i] = waiting_at(name) end
  return found
end

local function letters()
  local ids = redis.call('ZRANGE', P .. 'dead-letters-by-time', 0, LETTERS_MOST - 1, 'REV')
  return #ids > 0 and redis.call('HMGET', P .. 'dead-letters', unpack(ids)) or {}
end

local function used(names)
  local found = {}
  for first = 1, #names, AT_ONCE do
    local keys = {}
    for i = first, math.min(first + AT_ONCE - 1, #names) do keys[#keys + 1] = used_key(names[i], NOW / MINUTE_MS - 1) end
    for _, count in ipairs(redis.call('MGET', unpack(keys))) do found[#found + 1] = tonumber(count or '0') end
  end
  return found
end

look_who_is_queued(cjson.decode(ARGV[3]))
local last = redis.call('ZRANGE', WORKERS, -1, -1, 'WITHSCORES')[2]
return {NOW, tonumber(last or '-1'), tonumber(redis.call('GET', P .. 'worker-seen') or '-1'), processes(), lanes(cjson.decode(ARGV[1])),
  orphans(cjson.decode(ARGV[2])), calls(cjson.decode(ARGV[3])), used(cjson.decode(ARGV[3])),
  redis.call('ZCARD', P .. 'dead-letters-by-time'), letters(), redis.call('HGETALL', P .. 'paused')}
