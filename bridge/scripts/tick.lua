-- tick(worker id or ''): a sign of life, about once a second from each process.
-- returns {now, {worker, last seen...}, {paused account, since...}}: what a process remembers in case Redis forgets it.

redis.call('SET', ALIVE, NOW)
if ARGV[1] ~= '' then redis.call('ZADD', WORKERS, NOW, ARGV[1]) end
redis.call('ZREMRANGEBYSCORE', WORKERS, '-inf', NOW - 60000)
return {NOW, redis.call('ZRANGE', WORKERS, 0, -1, 'WITHSCORES'), redis.call('HGETALL', P .. 'paused')}
