-- The gate before every call: breaker and pace of its destination, shared by all workers. Put behind the queue.
--
-- gate: {destination, lane, interval_ms, burst, rates: [[interval_ms, burst]...], more: [[key, interval_ms, burst]...],
--        call_class, caller, quiet_ms, lead_ms, exact, worker, hand_ms}
-- Pace is GCRA: a theoretical arrival time per rate. `rates` are further limits of the destination, `more` further
-- rates of this call alone: who has to wait for one of those takes no place for it. One whose key begins with `ticket:` is
-- that ticket's own, [key, per_ms, calls], and holds in a window of its own (window.lua).
-- A call that may not go at once takes its place in the queue (queue.lua). Whoever comes next (due.lua, or the next that
-- asks) grants the head a moment for each call that the pace allows, up to lead_ms ahead, so that none of it is lost on
-- the way to a worker; the worker waits for its moment. A grant that is not used in time is a place again.
-- The breaker opens on the rate of failures, on three in a row that tell of the destination as a whole, at once on a
-- refused credential, and for as long as we are asked to wait. After its time a worker makes a harmless read; where
-- there is none, the head goes as a probe. What was on its way when it opened neither closes it nor counts against it,
-- and of two times to wait the longer one holds.

local PROBE_MS = 10000
local LOOK_MS = 1000
local WINDOW_MS = 30000
local FAILURES_LEAST = 10
local IN_A_ROW = 3
local OPEN_FIRST_MS = 5000
local OPEN_MOST_MS = 15000
local DENIED_MS = 15000
local GRANTED_MS = 2000
local SLACK_MS = 50
local SOON_MS = 5
local OVERTAKEN_MOST = 50
-- A destination that is not configured any more is forgotten after a week.
local KEPT_MS = 7 * 86400000
local GRANTS_MOST = 500
local CHANGES_MOST = 200
local CHANGES_KEPT_MS = 3600000

local function breaker_key(destination) return P .. 'breaker:' .. destination end
local function pace_key(name) return P .. 'pace:' .. name end

-- --- pace -------------------------------------------------------------------------------------------------------------

local function remember_gate(gate)
  local known = cjson.encode({interval_ms = gate.interval_ms, burst = gate.burst, rates = gate.rates,
    quiet_ms = gate.quiet_ms, lead_ms = gate.lead_ms})
  redis.call('HSET', gate_key(gate.destination), 'pace', known)
  redis.call('PEXPIRE', gate_key(gate.destination), KEPT_MS)
end

-- A place for a call that is to be made again, where nothing can be asked just now.
local function requeue(name, gate)
  remember_gate(gate)
  enqueue(gate.destination, name, gate)
  look_at(gate.destination, NOW)
end

local function known_gate(destination)
  local text = redis.call('HGET', gate_key(destination), 'pace')
  return text and cjson.decode(text)
end

local function arrival(key) return tonumber(redis.call('GET', key) or '0') end

local function take(key, interval_ms, at)
  local tat = math.max(arrival(key), at) + interval_ms
  redis.call('SET', key, string.format('%.4f', tat), 'PX', math.max(math.ceil(tat - NOW), 0) + 60000)
end

local function all_rates(destination, gate)
  local rates = {{pace_key(destination), gate.interval_ms, gate.burst}}
  for n, rate in ipairs(gate.rates) do rates[n + 1] = {pace_key(destination .. ':' .. n), rate[1], rate[2]} end
  return rates
end

-- When the next call of this class may go. Half of what may go at once is kept for live conversations.
local function next_moment(destination, gate, class)
  local at = NOW
  for _, rate in ipairs(all_rates(destination, gate)) do
    local burst = RANK[class] > RANK.settle and math.ceil(rate[3] / 2) or rate[3]
    at = math.max(at, arrival(rate[1]) - (burst - 1) * rate[2])
  end
  return at
end

-- How many calls went to a destination, by the minute, for whoever wants to see how much of its pace is used.
local MINUTE_MS = 60000
local function used_key(destination, minute) return P .. 'used:' .. destination .. ':' .. math.floor(minute) end

local function count_used(destination, at)
  local key = used_key(destination, at / MINUTE_MS)
  if redis.call('INCR', key) == 1 then redis.call('PEXPIRE', key, 3 * MINUTE_MS) end
end

local function take_moment(destination, gate, at)
  count_used(destination, at)
  for _, rate in ipairs(all_rates(destination, gate)) do take(rate[1], rate[2], at) end
end

local function whose_own(rate) return rate[1]:match('^ticket:(.*)$') end

-- nil, or the verdict where a rate of this call alone has no room.
local function more_refused(gate)
  for _, rate in ipairs(gate.more) do
    local ticket = whose_own(rate)
    local at = ticket and NOW + own_wait(ticket, rate[3], rate[2])
      or arrival(pace_key(rate[1])) - (rate[3] - 1) * rate[2]
    if at > NOW then return {ticket and 'ticket' or 'paced', tostring(math.ceil(at - NOW)), ''} end
  end
end

local function take_more(gate)
  for _, rate in ipairs(gate.more) do
    local ticket = whose_own(rate)
    if ticket then own_take(ticket, rate[3], rate[2]) else take(pace_key(rate[1]), rate[2], NOW) end
  end
end

-- --- breaker ----------------------------------------------------------------------------------------------------------

-- Until when the destination is not called and why, or nil; and whether it is time for a probe.
local function broken(destination)
  local b = redis.call('HMGET', breaker_key(destination), 'until', 'reason', 'kind', 'probing')
  local till = tonumber(b[1] or '0')
  if till > NOW then return till, b[2] end
  -- Who asked us to wait has had its time; nothing is to be proved.
  if till == 0 or b[3] == 'wait' then return nil end
  if tonumber(b[4] or '0') > NOW then return tonumber(b[4]), b[2] end
  return nil, b[2], true
end

-- What was granted waits again, where it was.
local function take_back(destination)
  for _, name in ipairs(redis.call('ZRANGE', grants_key(destination), 0, -1)) do
    local place = place_of(destination, name)
    if place then join_line(destination, name, place) end
  end
  redis.call('DEL', grants_key(destination))
end

-- For the log of whichever worker looks next (due.lua): told once, whoever it was that saw it.
local function note_change(destination, change, kind, reason, ms)
  local key = P .. 'breaker-changes'
  redis.call('RPUSH', key, cjson.encode({destination = destination, change = change, kind = kind, reason = reason, ms = ms}))
  redis.call('LTRIM', key, -CHANGES_MOST, -1)
  redis.call('PEXPIRE', key, CHANGES_KEPT_MS)
end

-- A probe that worked forgets all that was; after a mere wait the failures still count.
local function close_breaker(destination)
  local key = breaker_key(destination)
  local b = redis.call('HMGET', key, 'kind', 'since', 'why')
  local kind = b[1]
  if kind then look_at(destination, NOW) end
  if b[2] then note_change(destination, 'closed', kind or '', b[3] or '', NOW - tonumber(b[2])) end
  if kind == 'fail' or kind == 'denied' then redis.call('DEL', key) end
  redis.call('HDEL', key, 'until', 'reason', 'kind', 'probing', 'level', 'by_call', 'row', 'since', 'why')
end

local function open_breaker(destination, for_ms, reason, kind)
  local key = breaker_key(destination)
  local b = redis.call('HMGET', key, 'until', 'kind', 'since')
  if tonumber(b[1] or '0') >= NOW + for_ms then return end
  if b[2] ~= kind then note_change(destination, 'opened', kind, reason, for_ms) end
  -- A wait that was asked for is no fault of anybody's: only what opened for a fault is told to have closed.
  if kind ~= 'wait' then redis.call('HSET', key, 'since', b[3] or NOW, 'why', reason) end
  redis.call('HSET', key, 'until', NOW + for_ms, 'reason', reason, 'kind', kind)
  redis.call('HDEL', key, 'probing', 'by_call')
  take_back(destination)
  look_at(destination, NOW + for_ms)
end

-- kind is fail, unknown (a start whose fate is open) or refused (no connection: it costs the other side nothing to be
-- asked again soon).
local function failed(destination, kind, reason)
  local key = breaker_key(destination)
  local b = redis.call('HMGET', key, 'window', 'fails', 'oks', 'kind', 'level', 'probing')
  local opened = b[4] == 'fail' or b[4] == 'denied'
  if opened and not b[6] then return end
  if NOW - tonumber(b[1] or '0') > WINDOW_MS then
    redis.call('HSET', key, 'window', NOW, 'fails', 0, 'oks', 0)
    b[2], b[3] = '0', '0'
  end
  local fails, oks = tonumber(b[2] or '0') + 1, tonumber(b[3] or '0')
  redis.call('HSET', key, 'fails', fails)
  local row = kind ~= 'fail' and redis.call('HINCRBY', key, 'row', 1) or 0
  if not (opened or row >= IN_A_ROW or (fails >= FAILURES_LEAST and fails >= oks)) then return end
  local level = tonumber(b[5] or '0')
  redis.call('HSET', key, 'level', level + 1)
  local for_ms = kind == 'refused' and OPEN_FIRST_MS or math.min(OPEN_FIRST_MS * 2 ^ level, OPEN_MOST_MS)
  open_breaker(destination, for_ms, reason, 'fail')
end

-- outcome: [destination, kind, ms, reason, hash of the denied credential]; kind is ok, denied, wait, or one of failed's.
local function record(outcome)
  local destination, kind, ms, reason = outcome[1], outcome[2], outcome[3], outcome[4]
  local key = breaker_key(destination)
  if kind == 'denied' then
    open_breaker(destination, DENIED_MS, reason, kind)
    return redis.call('HSET', key, 'credential', outcome[5] or '')
  end
  if kind == 'wait' then return open_breaker(destination, ms, reason, kind) end
  if tonumber(redis.call('HGET', key, 'until') or '0') > NOW then return end
  if kind ~= 'ok' then return failed(destination, kind, reason) end
  close_breaker(destination)
  redis.call('HINCRBY', key, 'oks', 1)
end

-- --- turns ------------------------------------------------------------------------------------------------------------

-- What is to be proved by a harmless read: {destination, the head}... for whoever looks; and how many were granted.
local PROBES, GRANTED = {}, 0

-- It may go from that moment on: its ticket is due, or the worker that holds it is told.
local function grant(destination, name, place, at)
  GRANTED = GRANTED + 1
  count_turn(destination, place, at)
  leave_line(destination, name, place)
  redis.call('ZADD', grants_key(destination), at, name)
  if place.caller then return end
  if not redis.call('HGET', link_key(name), 'holder') then
    schedule(name, redis.call('HGET', link_key(name), 'lane'), NOW)
  elseif place.worker ~= '' then
    redis.call('RPUSH', P .. 'hand:' .. place.worker, destination .. ' ' .. name)
    redis.call('PEXPIRE', P .. 'hand:' .. place.worker, 60000)
  end
end

-- Whoever was granted a moment and did not come asks again by itself, and a start stands where it stood.
local function forget_grants(destination)
  local left = redis.call('ZRANGEBYSCORE', grants_key(destination), '-inf', NOW - GRANTED_MS, 'LIMIT', 0, GRANTS_MOST)
  for _, name in ipairs(left) do drop_place(destination, name) end
end

local function ask_for_probe(destination, name)
  redis.call('HSET', breaker_key(destination), 'probing', NOW + PROBE_MS)
  PROBES[#PROBES + 1] = {destination, name}
  look_at(destination, NOW + PROBE_MS)
end

-- The next look of any worker asks it, also where nobody waits there.
local function ask_at_once(destination) redis.call('RPUSH', P .. 'retries', destination) end

local function ask_those_of_a_person()
  for _, destination in ipairs(redis.call('LPOP', P .. 'retries', CHANGES_MOST) or {}) do
    local kind = redis.call('HGET', breaker_key(destination), 'kind')
    if kind == 'fail' or kind == 'denied' then ask_for_probe(destination, '') end
  end
end

local function has_work(ticket)
  local lane = redis.call('HGET', link_key(ticket), 'lane')
  return lane and redis.call('ZSCORE', lane_key(lane), ticket)
end

-- The class whose turn it is (see next_class), when one may go where none may now, and who is first of it. A worker of
-- the version before leaves the places of tickets that it finishes or removes: they cost nothing of the pace.
local function whose_turn(destination, gate)
  for _ = 1, GRANTS_MOST do
    local class, later = next_class(destination, NOW, gate.interval_ms, {quiet = gate.quiet_ms})
    if not class then return nil, later end
    local name = head(destination, class)
    local place = place_of(destination, name)
    if place.caller or has_work(name) then return class, later, name, place end
    drop_place(destination, name)
  end
  return nil, NOW
end

-- Grant what the pace allows from now on until lead_ms ahead, and say when to look again.
local function serve(destination)
  redis.call('ZREM', QUEUES, destination)
  forget_grants(destination)
  local gate = known_gate(destination)
  if not gate then return end
  for _ = 1, GRANTS_MOST do
    local till, _, unproven = broken(destination)
    local class, later, name, place = whose_turn(destination, gate)
    if not class and later then return look_at(destination, later) end
    if not class then break end
    if till then return look_at(destination, till) end
    local by_call = unproven and redis.call('HGET', breaker_key(destination), 'by_call')
    if unproven and not by_call then return ask_for_probe(destination, name) end
    local at = next_moment(destination, gate, class)
    -- Several at a time: each look wakes lanes, and a lane that is woken for one call costs more than the call.
    if at > NOW + gate.lead_ms then return look_at(destination, at - gate.lead_ms / 2) end
    take_moment(destination, gate, at)
    grant(destination, name, place, at)
    if by_call then
      redis.call('HSET', breaker_key(destination), 'probing', NOW + PROBE_MS)
      redis.call('HDEL', breaker_key(destination), 'by_call')
    end
  end
  local granted = redis.call('ZRANGE', grants_key(destination), 0, 0, 'WITHSCORES')
  if granted[2] then look_at(destination, granted[2] + GRANTED_MS) end
end

local function granted_moment(destination, name)
  local at = redis.call('ZSCORE', grants_key(destination), name)
  return at and tonumber(at)
end

-- How long it will take, as far as can be said: calls of its class and better ones only, and who comes meanwhile unknown.
local function expected_ms(gate, place, before, till)
  local at = next_moment(gate.destination, gate, place.class)
  return math.max(math.ceil(math.max(at, till or 0) + before * gate.interval_ms - NOW), 1)
end

local function refused(gate, name, place, is_new)
  local till, reason = broken(gate.destination)
  local before, counts = ahead(gate.destination, place)
  local wait_ms = expected_ms(gate, place, before, till)
  place.worker = not till and wait_ms <= gate.hand_ms and gate.worker or ''
  keep_place(gate.destination, name, place)
  if till then return {'broken', tostring(wait_ms), reason, is_new and 'new' or ''} end
  return {'paced', tostring(wait_ms), cjson.encode(counts), is_new and 'new' or ''}
end

-- A live conversation takes the moment of the first start that has not gone out yet, which gets its own, or waits again.
local function overtake(gate, name)
  local mine = granted_moment(gate.destination, name)
  local first = redis.call('ZRANGEBYSCORE', grants_key(gate.destination), NOW + SOON_MS, '+inf', 'WITHSCORES', 'LIMIT', 0,
    OVERTAKEN_MOST)
  for n = 1, #first, 2 do
    local at, other = tonumber(first[n + 1]), place_of(gate.destination, first[n])
    if mine and at >= mine then return end
    if other and RANK[other.class] > RANK.live then
      local place = place_of(gate.destination, name)
      if mine then
        redis.call('ZADD', grants_key(gate.destination), mine, first[n])
      else
        redis.call('ZREM', grants_key(gate.destination), first[n])
        join_line(gate.destination, first[n], other)
        leave_line(gate.destination, name, place)
      end
      redis.call('ZADD', grants_key(gate.destination), at, name)
      return
    end
  end
end

-- Whoever has a grant goes; one that is to be asked for at its moment (`exact`: what it marks must not lie about) a little
-- later. nil: it has none, or did not come in time.
local function use_grant(gate, name)
  local at = granted_moment(gate.destination, name)
  if not at or NOW > at + math.max(gate.burst * gate.interval_ms, SLACK_MS) then return nil end
  local wait_ms = math.max(math.ceil(at - NOW), 0)
  if gate.exact and wait_ms > SOON_MS then return {'soon', tostring(wait_ms), ''} end
  drop_place(gate.destination, name)
  take_more(gate)
  return {'go', tostring(wait_ms), ''}
end

-- Where nobody waits and the pace has room no queue is needed.
local function pass_at_once(gate)
  local destination, class = gate.destination, gate.call_class
  if class == 'quiet' or redis.call('EXISTS', places_key(destination)) == 1 then return nil end
  local till, _, unproven = broken(destination)
  if till or unproven or next_moment(destination, gate, class) > NOW then return nil end
  take_moment(destination, gate, NOW)
  take_more(gate)
  if SHARES[class] then redis.call('HSET', gate_key(destination), 'last:' .. class, NOW) end
  return {'go', '0', ''}
end

-- {'go', ms to wait} where the call may go, {'soon', ms} where it is to ask again then; else {verdict, ms that it may
-- take, reason or what stands before it, 'new' where it did not wait before}, and it has its place.
local function pass(name, gate)
  local no_room = more_refused(gate)
  if no_room then return no_room end
  local go = pass_at_once(gate) or use_grant(gate, name)
  if go then return go end
  remember_gate(gate)
  local _, is_new = enqueue(gate.destination, name, gate)
  local _, _, unproven = broken(gate.destination)
  if unproven then look_at(gate.destination, NOW) else serve(gate.destination) end
  if not unproven and RANK[gate.call_class] <= RANK.live then overtake(gate, name) end
  local granted = use_grant(gate, name)
  if granted then return granted end
  local place = place_of(gate.destination, name)
  -- Its ticket was removed meanwhile; whoever holds it hears of that at its next step.
  if not place then return {'paced', tostring(LOOK_MS), '{}', ''} end
  return refused(gate, name, place, is_new)
end
