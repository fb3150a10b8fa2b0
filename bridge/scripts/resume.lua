-- resume(account, wake_ms, most): starts of the account go on, for so many of the tickets that were held; to be repeated.
-- returns {1 where more are held, lanes to wake...}

redis.call('HDEL', P .. 'paused', ARGV[1])
local held, answer = P .. 'held:' .. ARGV[1], {0}
for _, ticket in ipairs(redis.call('SRANDMEMBER', held, ARGV[3])) do
  local due, lane = arrived(ticket, redis.call('HGET', link_key(ticket), 'lane') or '', true)
  if due and must_wake(lane, tonumber(ARGV[2])) then answer[#answer + 1] = lane end
  redis.call('SREM', held, ticket)
end
answer[1] = redis.call('EXISTS', held)
return answer
