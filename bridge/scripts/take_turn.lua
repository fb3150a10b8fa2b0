-- take_turn(name, for_ms): whether it is the caller's turn. A script, so that a full Redis lets retention have its turn.

return redis.call('SET', P .. 'turn:' .. ARGV[1], 1, 'NX', 'PX', ARGV[2]) and 1 or 0
