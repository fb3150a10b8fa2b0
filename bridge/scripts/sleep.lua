-- sleep(lane, awake_token, not_before_ms): nothing is left to claim, or there is no room for it now.
-- returns 1 when the lane sleeps, 0 when something is due and the caller is to go on. Decided here, in one step with
-- accept's "must it be woken", so that no wake-up is lost between them.
-- A lane without room (not_before_ms > 0) stays awake in name until then: events do not send jobs for it.
-- A lane that only makes room for others (not_before_ms < 0) stays awake: its next job is on its way. ARGV[4] is how
-- long that may take.

local lane, not_before_ms = ARGV[1], tonumber(ARGV[3])
if not_before_ms < 0 then
  redis.call('ZREM', awake_key(lane), ARGV[2])
  redis.call('ZADD', awake_key(lane), NOW + tonumber(ARGV[4]), ON_ITS_WAY)
  return 1
end
local first = redis.call('ZRANGE', lane_key(lane), 0, 0, 'WITHSCORES')
local due = first[2] and tonumber(first[2])
if due and due <= NOW and not_before_ms == 0 then return 0 end
-- A job that had no room to claim anything is the one that was on its way.
redis.call('ZREM', awake_key(lane), ARGV[2], ON_ITS_WAY)
if not due then
  redis.call('ZREM', LANES, lane)
  return 1
end
local look = math.max(due, NOW + not_before_ms)
if not_before_ms > 0 then redis.call('ZADD', awake_key(lane), NOW + not_before_ms, NO_ROOM) end
redis.call('ZADD', LANES, look, lane)
return 1
