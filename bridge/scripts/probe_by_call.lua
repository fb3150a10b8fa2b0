-- probe_by_call(destination): there is no harmless read; whoever waits first is the probe.

redis.call('HSET', breaker_key(ARGV[1]), 'by_call', 1)
redis.call('HDEL', breaker_key(ARGV[1]), 'probing')
look_at(ARGV[1], NOW)
return 1
