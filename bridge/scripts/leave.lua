-- leave(worker id): a worker that has finished all it had is not awaited after a loss.

redis.call('SET', P .. 'worker-seen', redis.call('ZSCORE', WORKERS, ARGV[1]) or NOW)
redis.call('ZREM', WORKERS, ARGV[1])
return redis.call('SREM', AWAITED, ARGV[1])
