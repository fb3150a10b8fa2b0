-- wake_due(wake_ms, most): the sweep. returns the lanes that have something due and nobody at it.

local wake = {}
for _, lane in ipairs(redis.call('ZRANGEBYSCORE', LANES, '-inf', NOW, 'LIMIT', 0, tonumber(ARGV[2]))) do
  local first = redis.call('ZRANGE', lane_key(lane), 0, 0, 'WITHSCORES')
  local due = first[2] and tonumber(first[2])
  if not due then
    redis.call('ZREM', LANES, lane)
  elseif due > NOW then
    redis.call('ZADD', LANES, due, lane)
  elseif must_wake(lane, tonumber(ARGV[1])) then
    wake[#wake + 1] = lane
  else
    -- Somebody is at it; look again when that token has ended, so that a busy lane does not hide the others.
    local token = redis.call('ZRANGE', awake_key(lane), -1, -1, 'WITHSCORES')
    redis.call('ZADD', LANES, token[2], lane)
  end
end
return wake
