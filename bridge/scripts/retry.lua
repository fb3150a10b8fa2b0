-- retry(destination): a person has repaired what kept it from being called: it is asked at once. A wait that it asked for
-- itself is obeyed.
-- returns {tried | wait | called, ms that it asked for still, why it is not called}

local key = breaker_key(ARGV[1])
local b = redis.call('HMGET', key, 'kind', 'until', 'reason')
local left = tonumber(b[2] or '0') - NOW
if not b[1] or (b[1] == 'wait' and left <= 0) then return {'called', '0', ''} end
if b[1] == 'wait' then return {'wait', tostring(math.ceil(left)), b[3] or ''} end
redis.call('HSET', key, 'until', NOW)
redis.call('HDEL', key, 'probing', 'by_call')
ask_at_once(ARGV[1])
return {'tried', '0', b[3] or ''}
