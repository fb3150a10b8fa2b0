-- looks_due(project, first_ms, most): conversations that are held to be open, and that Jelou is to be asked for by now;
-- longest due first. Each is taken once: if Jelou does not come to be asked, it is due again after first_ms.
-- What an older version holds to be open is taken up here, by when it was last asked for; what it has ended, is left.
-- The name begins as that of `open:`, which an older version's removal knows how to leave.
-- returns {{ticket, lane, state}...}

local open, name, first_ms = P .. 'open:' .. ARGV[1], 'open-due:' .. ARGV[1], tonumber(ARGV[2])
local due = P .. name
local LOOK_MOST = 10000

if redis.call('ZCARD', open) ~= redis.call('ZCARD', due) then
  local old = redis.call('ZRANGEBYSCORE', open, '-inf', NOW - first_ms, 'WITHSCORES', 'LIMIT', 0, LOOK_MOST)
  for i = 1, #old, 2 do
    if redis.call('ZADD', due, 'NX', old[i + 1] + first_ms, old[i]) == 1 then note(old[i], name) end
  end
end

local answer = {}
for _, ticket in ipairs(redis.call('ZRANGEBYSCORE', due, '-inf', NOW, 'LIMIT', 0, ARGV[3])) do
  if redis.call('ZSCORE', open, ticket) then
    local link = redis.call('HMGET', link_key(ticket), 'lane', 'state')
    answer[#answer + 1] = {ticket, link[1] or '', link[2] or ''}
    redis.call('ZADD', open, NOW, ticket)
    redis.call('ZADD', due, NOW + first_ms, ticket)
  else
    redis.call('ZREM', due, ticket)
  end
end
return answer
