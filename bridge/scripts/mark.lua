-- mark(items, lease_ms): the last word before a call goes out: the plan is frozen and the action noted as sending.
-- item: {ticket, lane, token, state, entries, bury, start: false or {account, contact, also, cap, count,
--        evidence, alone},
--        gate: false or see gate.lua}
-- returns for each {verdict, detail, reason, 'new' where it did not wait before}: go, ms to wait first | soon, ms after
-- which to ask again | lost | news, evidence came since the claim | paused | capped, ms until the next hour | busy, the
-- other ticket | full, how full Redis is in thousandths | shared, the other ticket that has a conversation of this bot and user open | paced, ms that it may
-- take and how many calls stand before it | ticket, ms to wait for the ticket's own rate | broken, ms that it may take and why | recovering, ms until what was sent
-- before a loss is known
-- Nothing is written unless the verdict is go. The lease begins anew, so that the call has all of it.

local lease_ms = tonumber(ARGV[2])
local HOUR = 3600000

-- Whose turn it is already was counted: an answer to its mark was lost, or it is another try.
local function counts(start)
  return start.count and redis.call('EXISTS', P .. 'starting:' .. start.contact) == 0
end

local function start_verdict(item)
  local s = item.start
  if s.evidence >= 0 and redis.call('LLEN', evidence_key(item.ticket)) > s.evidence then return {'news', '', ''} end
  if redis.call('HEXISTS', P .. 'paused', s.account) == 1 then return {'paused', '', ''} end
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
    return {'capped', tostring(HOUR - NOW % HOUR), ''}
  end
end

local function take_start(item)
  local s = item.start
  if counts(s) then
    redis.call('INCR', starts_key(s.account))
    redis.call('EXPIRE', starts_key(s.account), 7200)
  end
  -- A start event without our metadata belongs to the start in flight, never to a close.
  for _, name in ipairs(names_of(s.alone and 'closing:' or 'starting:', s.contact, s.also)) do
    redis.call('SET', P .. name, item.ticket)
    note(item.ticket, name)
  end
end

local function verdict(item)
  if redis.call('HGET', link_key(item.ticket), 'holder') ~= item.token then return {'lost', '', ''} end
  local refused_start = item.start and start_verdict(item)
  if refused_start then return refused_start end
  local passed = item.gate and pass(item.ticket, item.gate) or {'go', '0', ''}
  if passed[1] ~= 'go' then return passed end
  if item.start then take_start(item) end
  redis.call('HSET', link_key(item.ticket), 'state', item.state)
  redis.call('ZADD', lane_key(item.lane), NOW + lease_ms, item.ticket)
  tell(item.ticket, item.entries)
  bury(item.ticket, item.bury)
  return passed
end

local answer = {}
for i, item in ipairs(cjson.decode(ARGV[1])) do answer[i] = verdict(item) end
return answer
