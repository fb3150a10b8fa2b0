-- beat(held, lease_ms, lanes, awake_ms): the heartbeat of a worker, for all it holds.
-- held: [[ticket, lane, token]...]; lanes: [[lane, awake token]...]. returns for each of held: 1 still held, 0 lost.

local answer = {}
for i, held in ipairs(cjson.decode(ARGV[1])) do
  local mine = redis.call('HGET', link_key(held[1]), 'holder') == held[3]
  if mine then redis.call('ZADD', lane_key(held[2]), NOW + tonumber(ARGV[2]), held[1]) end
  answer[i] = mine and 1 or 0
end
for _, awake in ipairs(cjson.decode(ARGV[3])) do
  redis.call('ZADD', awake_key(awake[1]), 'XX', NOW + tonumber(ARGV[4]), awake[2])
end
return answer
