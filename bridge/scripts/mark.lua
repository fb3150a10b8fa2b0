-- mark(items, lease_ms): the last word before a call goes out: the plan is frozen and the action noted as sending, with all
-- that the claim has worked so far (progress.lua).
-- item: {ticket, lane, token, number: which mark of the claim it is, state, inbox_done, evidence_done, entries, bury, unbury,
--        said, transcribed, adopt, project, start: false or {account, contact, also, cap, count, evidence, alone},
--        gate: false or see gate.lua}
-- returns for each {verdict, detail, reason, 'new' where it did not wait before}: go, ms to wait first | soon, ms after
-- which to ask again | lost | news, evidence came since the claim | paused, the account or EVERY | capped, ms until the
-- next hour, 'new' for the first of the hour | limited, ms until it may be its turn | busy, the other ticket | full, how full Redis is in thousandths | shared, the other ticket that has a conversation of this bot and user open | paced, ms that it may
-- take and how many calls stand before it | ticket, ms to wait for the ticket's own rate | broken, ms that it may take and why | recovering, ms until what was sent
-- before a loss is known
-- Nothing is written unless the verdict is go, nor where this mark was told before. The lease begins anew, so that the
-- call has all of it.

local lease_ms = tonumber(ARGV[2])
local HOUR = 3600000

-- Whose turn it is already was counted: an answer to its mark was lost, or it is another try.
local function counts(start)
  return start.count and redis.call('EXISTS', P .. 'starting:' .. start.contact) == 0
end

-- A close ends something, and is held by no pause.
local function pause_of(s)
  if s.alone then return nil end
  local found = redis.call('HMGET', P .. 'paused', EVERY, s.account)
  return found[1] and EVERY or found[2] and s.account
end

local function start_limit()
  local text = redis.call('HGET', P .. 'paused', LIMIT)
  local limit = text and cjson.decode(text)
  return limit and limit.until_ms > NOW and limit
end

-- Whoever did not come at its time holds up the others no longer than this.
local LATE_MS = 15000

-- All starts of all accounts at a distance, in the order in which they asked: each is told when it may be its turn. Who may
-- go takes its turn with the mark (take_start), not here: the gate may hold it yet.
local function limited(item)
  local limit = counts(item.start) and start_limit()
  if not limit then return nil end
  redis.call('ZREMRANGEBYSCORE', P .. LINE, '-inf', NOW - LATE_MS)
  local mine = redis.call('ZSCORE', P .. LINE, item.ticket)
  local before = mine and redis.call('ZCOUNT', P .. LINE, '-inf', '(' .. mine) or redis.call('ZCARD', P .. LINE)
  local next = arrival(pace_key('starts'))
  if before == 0 and next <= NOW then return nil end
  local wait_ms = math.max(next - NOW, 0) + before * 60000 / limit.per_minute
  wait_ms = math.ceil(math.max(math.min(wait_ms, limit.until_ms - NOW), 1))
  redis.call('ZADD', P .. LINE, NOW + wait_ms, item.ticket)
  note(item.ticket, LINE)
  return {'limited', tostring(wait_ms), '', mine and '' or 'new'}
end

local function take_limit(item)
  local limit = start_limit()
  redis.call('SREM', P .. 'held:' .. LIMIT, item.ticket)
  redis.call('ZREM', P .. LINE, item.ticket)
  if limit then take(pace_key('starts'), 60000 / limit.per_minute, NOW) end
end

local function first_of_hour(account)
  local key = P .. 'capped:' .. account .. ':' .. math.floor(NOW / HOUR)
  return redis.call('SET', key, 1, 'NX', 'PX', HOUR) and 'new' or ''
end

local function start_verdict(item)
  local s = item.start
  local seen = evidence_cut(item.ticket) + redis.call('LLEN', evidence_key(item.ticket))
  if s.evidence >= 0 and seen > s.evidence then return {'news', '', ''} end
  local paused = pause_of(s)
  if paused then return {'paused', paused, ''} end
  -- A close ends something; it is no more to keep.
  if not s.alone and is_full(STARTS_AT) then return {'full', tostring(memory_used()), ''} end
  local hold = hold_ms()
  if hold > 0 then return {'recovering', tostring(hold), ''} end
  local other = starting(s.contact, s.also) or closing(s.contact, s.also)
  if other and other ~= item.ticket then return {'busy', other, ''} end
  if s.alone then
    for _, name in ipairs(names_of('contact:', s.contact, s.also)) do
      for _, ticket in ipairs(redis.call('SRANDMEMBER', P .. name, 2)) do
        if ticket ~= item.ticket then return {'shared', ticket, ''} end
      end
    end
  end
  local counter = starts_key(s.account)
  if counts(s) and tonumber(redis.call('GET', counter) or '0') >= s.cap then
    return {'capped', tostring(HOUR - NOW % HOUR), '', first_of_hour(s.account)}
  end
  return limited(item)
end

local function take_start(item)
  local s = item.start
  if counts(s) then
    redis.call('INCR', starts_key(s.account))
    redis.call('EXPIRE', starts_key(s.account), 7200)
    take_limit(item)
  end
  -- A start event without our metadata belongs to the start in flight, never to a close.
  for _, name in ipairs(names_of(s.alone and 'closing:' or 'starting:', s.contact, s.also)) do
    redis.call('SET', P .. name, item.ticket)
    note(item.ticket, name)
  end
end

local function verdict(item)
  if redis.call('HGET', link_key(item.ticket), 'holder') ~= item.token then return {'lost', '', ''} end
  local before = item.number > 0 and marked_before(item)
  if before then return before end
  local refused_start = item.start and start_verdict(item)
  if refused_start then return refused_start end
  local passed = item.gate and pass(item.ticket, item.gate) or {'go', '0', ''}
  if passed[1] ~= 'go' then return passed end
  if item.start then take_start(item) end
  redis.call('ZADD', lane_key(item.lane), NOW + lease_ms, item.ticket)
  store_progress(item)
  if item.number > 0 then note_marked(item, tonumber(passed[2])) end
  return passed
end

local answer = {}
for i, item in ipairs(cjson.decode(ARGV[1])) do answer[i] = verdict(item) end
return answer
