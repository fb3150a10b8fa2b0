-- page(name, after, after_id, most): the names in a set by time, newest first, behind one of an earlier page.
-- after is that one's time, or +inf at the beginning. Those of the same time are in falling order of their names.
-- returns {name, time, name, time...}

local key, after, after_id, most = P .. ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[4])
local answer, seen = {}, 0
while #answer < 2 * most do
  local found = redis.call('ZREVRANGEBYSCORE', key, after, '-inf', 'WITHSCORES', 'LIMIT', seen, most)
  if #found == 0 then break end
  seen = seen + #found / 2
  for i = 1, #found, 2 do
    local behind = found[i + 1] ~= after or found[i] < after_id
    if behind and #answer < 2 * most then
      answer[#answer + 1] = found[i]
      answer[#answer + 1] = found[i + 1]
    end
  end
end
return answer
