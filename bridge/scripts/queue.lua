-- The waiting queue of a destination (a Jelou project, a helpdesk account): who waits for a call, and who is next.
-- Put behind the prelude.
--
-- A place is a ticket's or another caller's, one for each destination. It is kept until it is used: whoever asks again
-- stands where it stood. Calls are ordered by class, in a class the lanes (accounts) take turns, and in a lane by when
-- it was first asked. A start counts from when its ticket had something to do, so a try that was refused comes back to
-- where it was.
--
-- queue:<destination>:<class>          who waits, by since when; with :<lane> behind it, those of one lane
-- turns:<destination>:<class>          the lanes that wait, by how often they had their turn
-- places:<destination>                 name to {class, lane, since, worker, caller}
-- grants:<destination>                 who may go and has not gone yet, by the moment from which on it may
-- at:<ticket>                          the destinations at which a ticket has a place or a grant
-- gate:<destination>                   its rates, when each class last had a call, and the lanes' turns

-- Best first: what has begun and has calls to follow, a live conversation, what settles an unknown start, starts and
-- their reads, tags and fields and statuses, what asks whether something was missed.
local CLASSES = {'begun', 'live', 'settle', 'start', 'field', 'quiet'}
local RANK = {}
for rank, class in ipairs(CLASSES) do RANK[class] = rank end

-- While a better class waits, one call of so many is theirs, so that none starves: after the time of so many calls since
-- its last one, and since its first began to wait.
local SHARES = {settle = 10, start = 12, field = 30, quiet = 30}

local QUEUES = P .. 'queues'

local function gate_key(destination) return P .. 'gate:' .. destination end
local function line_key(destination, class) return P .. 'queue:' .. destination .. ':' .. class end
local function lane_line_key(destination, place) return line_key(destination, place.class) .. ':' .. place.lane end
local function turns_key(destination, class) return P .. 'turns:' .. destination .. ':' .. class end
local function places_key(destination) return P .. 'places:' .. destination end
local function grants_key(destination) return P .. 'grants:' .. destination end
local function at_key(name) return P .. 'at:' .. name end

-- Somebody looks at the destination then (due.lua), or sooner.
local function look_at(destination, at) redis.call('ZADD', QUEUES, 'LT', at, destination) end

local function place_of(destination, name)
  local text = redis.call('HGET', places_key(destination), name)
  return text and cjson.decode(text)
end

local function keep_place(destination, name, place)
  redis.call('HSET', places_key(destination), name, cjson.encode(place))
end

-- A lane that comes back has neither saved up turns nor lost any.
local function take_turns(destination, place)
  local turns = turns_key(destination, place.class)
  if redis.call('ZSCORE', turns, place.lane) then return end
  local first = redis.call('ZRANGE', turns, 0, 0, 'WITHSCORES')
  local had = redis.call('HMGET', gate_key(destination), 'turn:' .. place.class,
    'turn:' .. place.class .. ':' .. place.lane)
  redis.call('ZADD', turns, math.max(tonumber(first[2] or had[1] or '0'), tonumber(had[2] or '0')), place.lane)
end

local function join_line(destination, name, place)
  redis.call('ZADD', line_key(destination, place.class), place.since, name)
  redis.call('ZADD', lane_line_key(destination, place), place.since, name)
  take_turns(destination, place)
end

local function leave_line(destination, name, place)
  redis.call('ZREM', line_key(destination, place.class), name)
  redis.call('ZREM', lane_line_key(destination, place), name)
  if redis.call('EXISTS', lane_line_key(destination, place)) == 1 then return end
  local turns = turns_key(destination, place.class)
  local had = redis.call('ZSCORE', turns, place.lane)
  if not had then return end
  redis.call('HSET', gate_key(destination), 'turn:' .. place.class .. ':' .. place.lane, had)
  redis.call('ZREM', turns, place.lane)
end

-- It has no place any more and no grant.
local function drop_place(destination, name)
  local place = place_of(destination, name)
  if not place then return end
  leave_line(destination, name, place)
  redis.call('ZREM', grants_key(destination), name)
  redis.call('HDEL', places_key(destination), name)
  redis.call('SREM', at_key(name), destination)
end

-- Of all its places a ticket keeps those at these destinations.
local function keep_places(ticket, destinations)
  local kept = {}
  for _, destination in ipairs(destinations) do kept[destination] = true end
  for _, destination in ipairs(redis.call('SMEMBERS', at_key(ticket))) do
    if not kept[destination] then drop_place(destination, ticket) end
  end
end

-- Since when a start waits: since its ticket has had something to do. Everything else waits from now on.
local function since(name, class)
  local busy = (class == 'start' or class == 'settle') and redis.call('HGET', link_key(name), 'busy')
  return busy or moment()
end

-- Give it a place in this class. A better one than it has is taken, a worse one not. A grant that was not used in time
-- is a place again, where it was. Returns the place, and whether it is new.
local function enqueue(destination, name, ask)
  local place = place_of(destination, name)
  local granted = place and redis.call('ZREM', grants_key(destination), name) == 1
  if place and not granted and RANK[place.class] <= RANK[ask.call_class] then return place, false end
  if place and not granted then leave_line(destination, name, place) end
  local first = place and RANK[place.class] <= RANK[ask.call_class] and place.since or since(name, ask.call_class)
  local class = place and RANK[place.class] < RANK[ask.call_class] and place.class or ask.call_class
  local taken = {class = class, lane = ask.lane, since = first, worker = '', caller = ask.caller or false}
  join_line(destination, name, taken)
  keep_place(destination, name, taken)
  if not ask.caller then redis.call('SADD', at_key(name), destination) end
  return taken, place == nil or place == false
end

local function is_starved(destination, class, at, last, interval_ms)
  local first = redis.call('ZRANGE', line_key(destination, class), 0, 0, 'WITHSCORES')[2]
  return SHARES[class] and at >= math.max(last, tonumber(first)) + SHARES[class] * interval_ms
end

-- The class whose turn it is at this moment: the best that waits, or one that has had less than its share. `gaps` is how
-- long each class must wait between two calls of its own. Nothing where none may go; then when the first may.
local function next_class(destination, at, interval_ms, gaps)
  local best, later
  for _, class in ipairs(CLASSES) do
    if redis.call('EXISTS', line_key(destination, class)) == 1 then
      local last = tonumber(redis.call('HGET', gate_key(destination), 'last:' .. class) or '0')
      local gap = gaps[class] or 0
      if gap > 0 and at < last + gap then
        later = math.min(later or math.huge, last + gap)
      elseif not best then
        best = class
      elseif is_starved(destination, class, at, last, interval_ms) then
        return class
      end
    end
  end
  return best, later
end

-- The first of the lane of this class that had the fewest turns.
local function head(destination, class)
  local lane = redis.call('ZRANGE', turns_key(destination, class), 0, 0)[1]
  return lane and redis.call('ZRANGE', line_key(destination, class) .. ':' .. lane, 0, 0)[1]
end

-- The head has had its turn.
local function count_turn(destination, place, at)
  local turn = redis.call('ZINCRBY', turns_key(destination, place.class), 1, place.lane)
  redis.call('HSET', gate_key(destination), 'last:' .. place.class, at, 'turn:' .. place.class, turn - 1)
end

-- How many calls stand before this place, by class. In its own class as if there were one lane.
local function ahead(destination, place)
  local counts, total = {}, 0
  for rank = 1, RANK[place.class] do
    local class = CLASSES[rank]
    local line = line_key(destination, class)
    local count = class == place.class and redis.call('ZCOUNT', line, '-inf', '(' .. place.since)
      or redis.call('ZCARD', line)
    if count > 0 then
      counts[class] = count
      total = total + count
    end
  end
  return total, counts
end
