-- forget_decisions(request): what was decided about these tickets' letters and orphans, and about orphans of these people.
-- request: {tickets, people, newer, most}: so many are looked at, behind the newest so many. Whoever goes through all of
-- them from the newest on misses none: the old ones end, and what is decided meanwhile is looked at twice.
-- returns {how many were looked at and stay, 1 where there may be more}

local r = cjson.decode(ARGV[1])
local BY_TIME = DECISIONS .. '-by-time'
local wanted = {}
for _, ticket in ipairs(r.tickets) do wanted[ticket] = true end

local function forget(id)
  redis.call('HDEL', DECISIONS, id)
  redis.call('ZREM', BY_TIME, id)
end

local function is_wanted(text)
  local read, decision = pcall(cjson.decode, text or '')
  return read and type(decision) == 'table' and wanted[decision.ticket]
end

local more = 0
for _, person in ipairs(r.people) do
  local key = decided_key(person)
  for _, id in ipairs(key and redis.call('SRANDMEMBER', key, r.most) or {}) do
    forget(id)
    redis.call('SREM', key, id)
  end
  if key and redis.call('EXISTS', key) == 1 then more = 1 end
end
local ids = redis.call('ZRANGE', BY_TIME, -r.newer - r.most, -r.newer - 1)
local stay = 0
for _, id in ipairs(ids) do
  if is_wanted(redis.call('HGET', DECISIONS, id)) then forget(id) else stay = stay + 1 end
end
return {stay, (more == 1 or #ids > 0) and 1 or 0}
