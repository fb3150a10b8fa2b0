-- testified(loss id, worker id or '', deliveries put back, starts told): a process has told all it knew before a loss.

if redis.call('HGET', LOSS, 'id') ~= ARGV[1] then return 0 end
if ARGV[2] ~= '' then redis.call('SREM', AWAITED, ARGV[2]) end
redis.call('HINCRBY', LOSS, 'put_back', tonumber(ARGV[3]))
redis.call('HINCRBY', LOSS, 'testified', tonumber(ARGV[4]))
return 1
