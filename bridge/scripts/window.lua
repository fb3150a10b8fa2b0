-- A rate that uses all of what is allowed: a list of the times of the calls that count, so that no `per_ms` at all holds
-- more than `calls`, and none of them is lost. Put behind the prelude.
-- One list may be asked with several limits: what gives way to others asks with fewer `calls`.

-- How many ms until one more fits; 0: now.
local function window_wait(key, calls, per_ms)
  local last = redis.call('LRANGE', key, -calls, -calls)[1]
  return last and math.max(tonumber(last) + per_ms - NOW, 0) or 0
end

-- One more is made now. Times that no window holds any more are dropped, `calls` of them at most.
local function window_take(key, calls, per_ms)
  local old = 0
  for _, at in ipairs(redis.call('LRANGE', key, 0, calls - 1)) do
    if tonumber(at) <= NOW - per_ms then old = old + 1 end
  end
  redis.call('LTRIM', key, old, -1)
  redis.call('RPUSH', key, NOW)
  redis.call('PEXPIRE', key, math.ceil(per_ms))
end

-- --- a ticket's own rate ---------------------------------------------------------------------------------------------

-- A worker of the version before keeps it as a pace, a third of it at once, and sees no window. Where it has written to
-- the ticket of late, its writes and ours keep that pace, until the window holds all that counts.

local function wrote_key(ticket) return P .. 'wrote:' .. ticket end
local function before_key(ticket) return P .. 'pace:ticket:' .. ticket end

local function pace_before(calls, per_ms)
  local burst = math.max(math.floor(calls * 0.33), 1)
  return per_ms / (calls - burst + 1), burst
end

local function before_wait(key, calls, per_ms)
  local tat, interval_ms, burst = redis.call('GET', key), pace_before(calls, per_ms)
  return tat and math.max(tonumber(tat) - (burst - 1) * interval_ms - NOW, 0) or 0
end

local function before_take(key, first, calls, per_ms)
  local tat, interval_ms = redis.call('GET', key), pace_before(calls, per_ms)
  if not tat then return end
  if first and tonumber(first) <= NOW - per_ms then return redis.call('DEL', key) end
  tat = math.max(tonumber(tat), NOW) + interval_ms
  redis.call('SET', key, string.format('%.4f', tat), 'PX', math.ceil(per_ms))
end

-- How many ms until it may be written to.
local function own_wait(ticket, calls, per_ms)
  return math.max(window_wait(wrote_key(ticket), calls, per_ms), before_wait(before_key(ticket), calls, per_ms))
end

-- It is written to now.
local function own_take(ticket, calls, per_ms)
  before_take(before_key(ticket), redis.call('LRANGE', wrote_key(ticket), 0, 0)[1], calls, per_ms)
  window_take(wrote_key(ticket), calls, per_ms)
end
