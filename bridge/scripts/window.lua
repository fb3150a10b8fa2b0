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
