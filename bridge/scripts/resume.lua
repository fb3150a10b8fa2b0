-- resume(name, wake_ms, most, keep): starts go on that were held under this name (an account, EVERY, LIMIT), for so many of
-- the tickets; to be repeated. With keep they only ask again: what holds them has changed.
-- returns {1 where more are held, lanes to wake...}

local name = ARGV[1]
if ARGV[4] ~= '1' then
  redis.call('HDEL', P .. 'paused', name)
  if name == LIMIT then redis.call('DEL', P .. LINE) end
end
local held, answer = P .. 'held:' .. name, {0}
for _, ticket in ipairs(redis.call('SRANDMEMBER', held, ARGV[3])) do
  local due, lane = arrived(ticket, redis.call('HGET', link_key(ticket), 'lane') or '', true)
  if due and must_wake(lane, tonumber(ARGV[2])) then answer[#answer + 1] = lane end
  redis.call('SREM', held, ticket)
end
answer[1] = redis.call('EXISTS', held)
return answer
