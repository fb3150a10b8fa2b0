-- heartbeat(id, text or '', kept_ms): a process of the bridge says that it lives, and what it is. Without a text it leaves.
-- Processes that nobody has heard of for kept_ms are forgotten, some at a time.

local PROCESSES, FORGOTTEN_MOST = P .. 'processes', 100
local SEEN = PROCESSES .. '-seen'

if ARGV[2] == '' then
  redis.call('HDEL', PROCESSES, ARGV[1])
  return redis.call('ZREM', SEEN, ARGV[1])
end
redis.call('HSET', PROCESSES, ARGV[1], ARGV[2])
redis.call('ZADD', SEEN, NOW, ARGV[1])
local old = redis.call('ZRANGEBYSCORE', SEEN, '-inf', NOW - tonumber(ARGV[3]), 'LIMIT', 0, FORGOTTEN_MOST)
for _, id in ipairs(old) do
  redis.call('HDEL', PROCESSES, id)
  redis.call('ZREM', SEEN, id)
end
return 1
