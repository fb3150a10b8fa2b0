-- mark(items, lease_ms): the last word before a call goes out: the plan is frozen and the action noted as sending, with all
-- that the claim has worked so far (progress.lua).
-- item: {ticket, lane, token, number: which mark of the claim it is, state, inbox_done, evidence_done, entries, bury, unbury,
--        said, transcribed, adopt, project, start: false or {account, contact, cap, count, evidence, alone},
--        gate: false or see gate.lua}
-- returns for each {verdict, detail, reason, 'new' where it did not wait before}: go, ms to wait first | soon, ms after
-- which to ask again | lost | news, evidence came since the claim | paused | capped, ms until the next hour | busy, the
-- other ticket | full, how full Redis is in thousandths | shared, the other ticket that has a conversation of this bot and user open | paced, ms that it may
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

local function start_verdict(item)
  local s = item.start
  if s.evidence >= 0 and evidence_cut(item.ticket) + redis.call('LLEN', evidence_key(item.ticket)) > s.evidence then return {'news', '', ''} end
  if redis.call('HEXISTS', P .. 'paused', s.account) == 1 then return {'paused', '', ''} end
  -- A close ends something; it is no more to keep.
  if not s.alone and is_full(STARTS_AT) then return {'full', tostring(memory_used()), ''} end
  local hold = hold_ms()
  if hold > 0 then return {'recovering', tostring(hold), ''} end
  local other = starting(s.contact) or redis.call('GET', P .. 'closing:' .. s.contact)
  if other and other ~= item.ticket then return {'busy', other, ''} end
  if s.alone then
    for _, ticket in ipairs(redis.call('SRANDMEMBER', P .. 'contact:' .. s.contact, 2)) do
      if ticket ~= item.ticket then return {'shared', ticket, ''} end
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
  local name = (s.alone and 'closing:' or 'starting:') .. s.contact
  redis.call('SET', P .. name, item.ticket)
  note(item.ticket, name)
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
