-- resume(account, wake_ms): starts of the account go on. returns the lanes to wake.

redis.call('HDEL', P .. 'paused', ARGV[1])
local held, wake = P .. 'held:' .. ARGV[1], {}
for _, ticket in ipairs(redis.call('SMEMBERS', held)) do
  local due, lane = arrived(ticket, redis.call('HGET', link_key(ticket), 'lane') or '', true)
  if due and must_wake(lane, tonumber(ARGV[2])) then wake[#wake + 1] = lane end
end
redis.call('DEL', held)
return wake
