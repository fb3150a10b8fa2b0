-- The gate before every call: breaker and pace of its destination, shared by all workers. Put behind the prelude.
--
-- gate: {destination, lane, interval_ms, burst, more: [[key, interval_ms, burst]...], cost}
-- `cost` calls are taken at once, for one that others follow without asking again; a ticket's own rate counts one.
-- Pace is GCRA: a theoretical arrival time per key. `more` are further rates, all or none is taken.
-- A rate whose key begins with `ticket:` is that ticket's own, [key, per_ms, calls]: it holds in a window of its own, and
-- who has to wait for it takes no slot, since its other calls go on.
-- Who must wait gets a slot behind the others of its lane, one interval further for each lane that waits as well: so a
-- flood in one lane is spread over time and delays neither another lane nor its own order, and nobody polls.
-- The breaker opens on the rate of failures, at once on a refused credential, and for as long as we are asked to wait.
-- After its time one call goes as a probe; the others keep waiting for what becomes of it. What was on its way when it
-- opened neither closes it nor counts against it, and of two times to wait the longer one holds.

local PROBE_MS = 10000
local LOOK_MS = 1000
local WINDOW_MS = 30000
local FAILURES_LEAST = 10
local OPEN_FIRST_MS = 5000
local OPEN_MOST_MS = 60000
local DENIED_MS = 60000

-- The field of whoever calls that says it has waited for its turn: in a ticket's link, or in a key of its own. One for
-- each destination: a ticket that reads from the helpdesk on its way to Jelou must not lose its turn there, or it stands
-- at the end of the row for ever.
local function slot_of(gate) return 'slot:' .. gate.destination end

local function breaker_key(destination) return P .. 'breaker:' .. destination end

local function earliest(key, interval_ms, burst, cost)
  local tat = math.max(tonumber(redis.call('GET', key) or '0'), NOW)
  return tat - (math.max(burst, cost) - cost) * interval_ms, tat + cost * interval_ms
end

-- A slot at the end of the lane's own waiting row, not before `from`. Returns how long to wait.
local function slot(place, gate, from)
  local row = P .. 'row:' .. gate.destination
  redis.call('ZREMRANGEBYSCORE', row, '-inf', NOW)
  local last = tonumber(redis.call('ZSCORE', row, gate.lane) or '0')
  local others = math.max(redis.call('ZCARD', row), 1)
  local at = math.max(last + gate.interval_ms * others, from)
  redis.call('ZADD', row, at, gate.lane)
  redis.call('HSET', place, slot_of(gate), 1)
  return math.max(math.ceil(at - NOW), 1)
end

-- Until when the destination is not called and why, or nil; and whether the next call is the probe.
local function broken(gate)
  local b = redis.call('HMGET', breaker_key(gate.destination), 'until', 'reason', 'kind', 'probing')
  local till = tonumber(b[1] or '0')
  if till > NOW then return till, b[2] end
  -- Who asked us to wait has had its time; nothing is to be proved.
  if till == 0 or b[3] == 'wait' then return nil end
  if tonumber(b[4] or '0') > NOW then return NOW + LOOK_MS, b[2] end
  return nil, nil, true
end

local function wrote_key(rate)
  local ticket = rate[1]:match('^ticket:(.*)$')
  return ticket and P .. 'wrote:' .. ticket
end

-- How long a ticket's own rate holds this call back, in ms.
local function ticket_wait(gate)
  local wait = 0
  for _, rate in ipairs(gate.more) do
    local key = wrote_key(rate)
    if key then wait = math.max(wait, window_wait(key, rate[3], rate[2])) end
  end
  return math.ceil(wait)
end

-- nil: go, and the rates are taken. Else {verdict, wait in ms, reason}.
local function refused_at(place, gate)
  local wait = ticket_wait(gate)
  if wait > 0 then return {'ticket', tostring(wait), ''} end
  local till, reason, half_open = broken(gate)
  if till then return {'broken', tostring(slot(place, gate, till)), reason} end
  local has_slot = redis.call('HGET', place, slot_of(gate))
  local row_end = tonumber(redis.call('ZSCORE', P .. 'row:' .. gate.destination, gate.lane) or '0')
  if not has_slot and row_end > NOW then return {'paced', tostring(slot(place, gate, NOW)), ''} end
  local taken = {}
  local own = P .. 'pace:' .. gate.destination
  local at, tat = earliest(own, gate.interval_ms, gate.burst, gate.cost)
  if at > NOW then return {'paced', tostring(slot(place, gate, at)), ''} end
  taken[own] = tat
  for _, rate in ipairs(gate.more) do
    if not wrote_key(rate) then
      local key = P .. 'pace:' .. rate[1]
      at, tat = earliest(key, rate[2], rate[3], 1)
      if at > NOW then return {'paced', tostring(math.ceil(at - NOW)), ''} end
      taken[key] = tat
    end
  end
  for _, rate in ipairs(gate.more) do
    local key = wrote_key(rate)
    if key then window_take(key, rate[3], rate[2]) end
  end
  for key, value in pairs(taken) do
    redis.call('SET', key, tostring(value), 'PX', math.ceil(value - NOW) + 60000)
  end
  redis.call('HDEL', place, slot_of(gate))
  -- This call is the probe; the next ones wait for what becomes of it.
  if half_open then redis.call('HSET', breaker_key(gate.destination), 'probing', NOW + PROBE_MS) end
end

-- A probe that worked forgets all that was; after a mere wait the failures still count.
local function close_breaker(key)
  local kind = redis.call('HGET', key, 'kind')
  if kind == 'fail' or kind == 'denied' then redis.call('DEL', key) end
  redis.call('HDEL', key, 'until', 'reason', 'kind', 'probing', 'level')
end

local function open_breaker(key, for_ms, reason, kind)
  if tonumber(redis.call('HGET', key, 'until') or '0') >= NOW + for_ms then return end
  redis.call('HSET', key, 'until', NOW + for_ms, 'reason', reason, 'kind', kind)
  redis.call('HDEL', key, 'probing')
end

-- outcome: [destination, kind, ms, reason]; kind is ok, fail, denied or wait.
local function record(outcome)
  local key = breaker_key(outcome[1])
  local kind, ms, reason = outcome[2], outcome[3], outcome[4]
  if kind == 'denied' then return open_breaker(key, DENIED_MS, reason, kind) end
  if kind == 'wait' then return open_breaker(key, ms, reason, kind) end
  if tonumber(redis.call('HGET', key, 'until') or '0') > NOW then return end
  if kind == 'ok' then
    close_breaker(key)
    redis.call('HINCRBY', key, 'oks', 1)
    return
  end
  local b = redis.call('HMGET', key, 'window', 'fails', 'oks', 'kind', 'level', 'probing')
  local opened = b[4] == 'fail' or b[4] == 'denied'
  if opened and not b[6] then return end
  if NOW - tonumber(b[1] or '0') > WINDOW_MS then
    redis.call('HSET', key, 'window', NOW, 'fails', 0, 'oks', 0)
    b[2], b[3] = '0', '0'
  end
  local fails, oks = tonumber(b[2] or '0') + 1, tonumber(b[3] or '0')
  redis.call('HSET', key, 'fails', fails)
  if opened or (fails >= FAILURES_LEAST and fails >= oks) then
    local level = tonumber(b[5] or '0')
    redis.call('HSET', key, 'level', level + 1)
    open_breaker(key, math.min(OPEN_FIRST_MS * 2 ^ level, OPEN_MOST_MS), reason, kind)
  end
end
