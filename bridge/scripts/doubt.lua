-- doubt(project, account, older_ms, most, preview): conversations that are held to be open, and that nobody has asked
-- for in so long; oldest first. account is kind/name, or '' for all.
-- They count as asked for from now on, so that two who look take each once. With preview ('1') nothing is written.
-- returns {{ticket, lane, state}...}

local open, account, most, preview = P .. 'open:' .. ARGV[1], ARGV[2], tonumber(ARGV[4]), ARGV[5] == '1'
local LOOK_MOST = 10000
local answer = {}
for _, ticket in ipairs(redis.call('ZRANGEBYSCORE', open, '-inf', NOW - ARGV[3], 'LIMIT', 0, LOOK_MOST)) do
  if #answer == most then break end
  if account == '' or ticket:sub(1, #account + 1) == account .. '/' then
    local link = redis.call('HMGET', link_key(ticket), 'lane', 'state')
    answer[#answer + 1] = {ticket, link[1] or '', link[2] or ''}
    if not preview then redis.call('ZADD', open, 'XX', NOW, ticket) end
  end
end
return answer
