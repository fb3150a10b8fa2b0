-- claim(lane, token, lease_ms, most, most_bytes, inbox_most, awake_token, awake_ms): take tickets that are due.
-- Moves their due time forward by the lease and notes the holder, a token of this claim alone.
-- returns {how many more are due, {when data was lost last (ms), ms that starts pause for it, 1 where it is uncertain
-- what was sent before}, {ticket, state, shared_with, claims, inbox left unread, inbox, evidence, {destination at
-- which it waits, ms until its moment or -1}..., how many changes were told of it that ask for nothing, for how many ms
-- it has had something to do}...}

local lane, token, lease_ms = ARGV[1], ARGV[2], tonumber(ARGV[3])
local most, most_bytes, inbox_most = tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6])
redis.call('ZREM', awake_key(lane), ON_ITS_WAY, NO_ROOM)
redis.call('ZADD', awake_key(lane), NOW + tonumber(ARGV[8]), ARGV[7])

-- The rest of it is taken by the claim after the next finish, which follows at once.
local EVIDENCE_MOST = 256

local function weight(list)
  local bytes = 0
  for _, text in ipairs(list) do bytes = bytes + #text end
  return bytes
end

local function last_loss()
  local loss = redis.call('HMGET', LOSS, 'at', 'deep')
  local uncertain = loss[2] == '1' or redis.call('SCARD', AWAITED) > 0
  return {tonumber(loss[1] or '0'), hold_ms(), uncertain and 1 or 0}
end

-- The destinations at which it waits, each with the ms until its moment, -1 where it has none yet.
local function places(ticket)
  local found = {}
  for _, destination in ipairs(redis.call('SMEMBERS', at_key(ticket))) do
    local at = granted_moment(destination, ticket)
    found[#found + 1] = {destination, at and math.max(math.ceil(at - NOW), 0) or -1}
  end
  return found
end

local answer, bytes = {0, last_loss()}, 0
for _, ticket in ipairs(redis.call('ZRANGEBYSCORE', lane_key(lane), '-inf', NOW, 'LIMIT', 0, most)) do
  local link = link_key(ticket)
  local inbox = redis.call('LRANGE', inbox_key(ticket), 0, inbox_most - 1)
  local evidence = redis.call('LRANGE', evidence_key(ticket), 0, EVIDENCE_MOST - 1)
  bytes = bytes + weight(inbox) + weight(evidence)
  if #answer > 2 and bytes > most_bytes then break end
  redis.call('ZADD', lane_key(lane), NOW + lease_ms, ticket)
  redis.call('HSET', link, 'holder', token)
  redis.call('HDEL', link, 'wait')
  forget_progress(ticket)
  local claims = redis.call('HINCRBY', link, 'claims', 1)
  local known = redis.call('HMGET', link, 'state', 'shared_with', 'changes', 'busy')
  answer[#answer + 1] = {ticket, known[1] or '', known[2] or '', claims,
    redis.call('LLEN', inbox_key(ticket)) - #inbox, inbox, evidence, places(ticket),
    tonumber(known[3] or '0'), math.max(math.floor(NOW - (tonumber(known[4]) or NOW)), 0)}
end
answer[1] = redis.call('ZCOUNT', lane_key(lane), '-inf', NOW)
return answer
