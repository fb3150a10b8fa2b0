-- tick(worker id or ''): a sign of life, about once a second from each process.
-- returns {now, {worker, last seen...}, {paused account, since...}, how full the server is}: what a process remembers in
-- case Redis forgets it, and the last in thousandths of its maxmemory, 0 where there is none.

local KEPT_MS = 10000

local function look_at_memory()
  local told = redis.pcall('INFO', 'memory')
  local text = type(told) == 'string' and told or ''
  local used, most = tonumber(text:match('used_memory:(%d+)')), tonumber(text:match('maxmemory:(%d+)'))
  if not used or not most or most == 0 then
    redis.call('DEL', MEMORY)
    return 0
  end
  local share = math.floor(used * 1000 / most)
  redis.call('SET', MEMORY, share, 'PX', KEPT_MS)
  return share
end

redis.call('SET', ALIVE, NOW)
if ARGV[1] ~= '' then redis.call('ZADD', WORKERS, NOW, ARGV[1]) end
-- Since when none is alive is asked hours later; kept here by whichever process ticks, for workers of any version.
local newest = redis.call('ZRANGE', WORKERS, -1, -1, 'WITHSCORES')[2]
if newest then redis.call('SET', P .. 'worker-seen', newest) end
redis.call('ZREMRANGEBYSCORE', WORKERS, '-inf', NOW - 60000)
return {NOW, redis.call('ZRANGE', WORKERS, 0, -1, 'WITHSCORES'), redis.call('HGETALL', P .. 'paused'), look_at_memory()}
