-- due(wake_ms, most, worker): what is due now. Whoever can pass at a gate is granted its moment, and lanes that have
-- something due and nobody at it are woken.
-- returns {ms until the next look is worth it (-1: nothing is waited for), {lanes to wake...}, {destination, ticket, ms
-- until its moment, for what this worker holds...}, {destination, who waits first, where a harmless read is to be made...},
-- {what became of a breaker since the last look, as JSON...}}

local most = tonumber(ARGV[2])

ask_those_of_a_person()
for _, destination in ipairs(redis.call('ZRANGEBYSCORE', QUEUES, '-inf', NOW, 'LIMIT', 0, most)) do
  -- The rest is served by the next look, which follows at once.
  if GRANTED >= GRANTS_MOST then break end
  serve(destination)
end

local wake = {}
for _, lane in ipairs(redis.call('ZRANGEBYSCORE', LANES, '-inf', NOW, 'LIMIT', 0, most)) do
  local first = redis.call('ZRANGE', lane_key(lane), 0, 0, 'WITHSCORES')
  local due = first[2] and tonumber(first[2])
  if not due then
    redis.call('ZREM', LANES, lane)
  elseif due > NOW then
    redis.call('ZADD', LANES, due, lane)
  elseif must_wake(lane, tonumber(ARGV[1])) then
    wake[#wake + 1] = lane
  else
    -- Somebody is at it; look again when that token has ended, so that a busy lane does not hide the others.
    local token = redis.call('ZRANGE', awake_key(lane), -1, -1, 'WITHSCORES')
    redis.call('ZADD', LANES, token[2], lane)
  end
end

-- A moment that was taken back since is told as now: who comes for it hears that it waits again.
local function granted_to(worker)
  local key, found = P .. 'hand:' .. worker, {}
  -- What is left is told by the next look.
  for _, text in ipairs(worker ~= '' and redis.call('LRANGE', key, 0, GRANTS_MOST - 1) or {}) do
    local destination, name = text:match('^(%S+) (.*)$')
    local left = math.ceil((granted_moment(destination, name) or NOW) - NOW)
    for _, value in ipairs({destination, name, math.max(left, 0)}) do found[#found + 1] = value end
  end
  if #found > 0 then redis.call('LTRIM', key, GRANTS_MOST, -1) end
  return found
end

local function next_ms()
  local next
  for _, key in ipairs({LANES, QUEUES}) do
    local first = redis.call('ZRANGE', key, 0, 0, 'WITHSCORES')[2]
    if first then next = math.min(next or math.huge, tonumber(first)) end
  end
  return next and math.max(math.ceil(next - NOW), 0) or -1
end

local asked = {}
for _, probe in ipairs(PROBES) do
  asked[#asked + 1] = probe[1]
  asked[#asked + 1] = probe[2]
end
return {next_ms(), wake, granted_to(ARGV[3]), asked, redis.call('LPOP', P .. 'breaker-changes', CHANGES_MOST) or {}}
