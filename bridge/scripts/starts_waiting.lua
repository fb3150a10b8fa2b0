-- starts_waiting(late_ms, accounts): the starts that wait, by account and cause; and of these accounts how many
-- conversations were started in this hour.
-- returns {{account, cause, how many, how many longer than late_ms, for how long the first of them, ms}..., }, {started...}

-- A worker of the version before starts what waits here and does not say so: what has gone is let go by whoever looks,
-- the first of each, so that the oldest is always one that still waits.
local LOOKED_AT = 50

local function still_waits(ticket, name)
  local link = redis.call('HMGET', link_key(ticket), 'start_wait', 'state')
  return link[1] == name and link[2] and link[2]:find('"phase":"new"', 1, true)
end

local function let_go(name)
  for _, ticket in ipairs(redis.call('ZRANGE', P .. name, 0, LOOKED_AT - 1)) do
    if still_waits(ticket, name) then return end
    redis.call('ZREM', P .. name, ticket)
    redis.call('SREM', P .. 'named:' .. ticket, name)
  end
end

local waiting = {}
for _, name in ipairs(redis.call('SMEMBERS', START_WAITS)) do
  let_go(name)
  local first = redis.call('ZRANGE', P .. name, 0, 0, 'WITHSCORES')[2]
  if first then
    local account, cause = name:match('^[^:]*:([^:]*):(.*)$')
    waiting[#waiting + 1] = {account, cause, redis.call('ZCARD', P .. name),
      redis.call('ZCOUNT', P .. name, '-inf', NOW - tonumber(ARGV[1])), math.max(math.floor(NOW - first), 0)}
  else
    redis.call('SREM', START_WAITS, name)
  end
end

local started = {}
for i, account in ipairs(cjson.decode(ARGV[2])) do
  started[i] = tonumber(redis.call('GET', starts_key(account)) or '0')
end
return {waiting, started}
