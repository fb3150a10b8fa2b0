-- keep_refused([{sender, key, reason, count, first_ms, last_ms, ...}...]): counts refusals together with those that are
-- kept already. Of a sender and reason the newest r.most are kept, all of them for a day (bridge/refusals.py).

local r = cjson.decode(ARGV[1])

local function refused_key(sender) return P .. 'refused:' .. sender end

local function trimmed(key, reason)
  local alike = {}
  -- At most MOST: bridge/refusals.py.
  local all = redis.call('HGETALL', key)
  for i = 1, #all, 2 do
    local one = cjson.decode(all[i + 1])
    if one.last_ms < r.since_ms then
      redis.call('HDEL', key, all[i])
    elseif one.reason == reason then
      alike[#alike + 1] = {all[i], one.last_ms}
    end
  end
  table.sort(alike, function(a, b) return a[2] > b[2] end)
  for i = r.most + 1, #alike do redis.call('HDEL', key, alike[i][1]) end
end

for _, item in ipairs(r.items) do
  local key, one = refused_key(item.one.sender), item.one
  local known = redis.call('HGET', key, item.field)
  if known then
    known = cjson.decode(known)
    if known.last_ms >= r.since_ms then
      one.count = one.count + known.count
      one.first_ms = math.min(one.first_ms, known.first_ms)
      one.last_ms = math.max(one.last_ms, known.last_ms)
    end
  end
  redis.call('HSET', key, item.field, cjson.encode(one))
  if not known then trimmed(key, one.reason) end
  redis.call('PEXPIRE', key, r.keep_ms)
  redis.call('ZADD', P .. 'refused', one.last_ms, one.sender)
end
redis.call('ZREMRANGEBYSCORE', P .. 'refused', '-inf', r.since_ms)
return 0
