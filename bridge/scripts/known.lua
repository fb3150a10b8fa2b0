-- known(items): what is known already of what a helpdesk tells. Reads only.
-- items: [[ticket, fact]...]; returns for each {verdict, state of the link or ''}; verdict is
-- new | known, the fact was told before | gone, the ticket was forgotten, or removed with this fact.

local answer = {}
for i, item in ipairs(cjson.decode(ARGV[1])) do
  local ticket, fact = item[1], item[2]
  local tombstone = tombstone_key('ticket', ticket)
  local gone = tombstone and (forgotten(ticket) or redis.call('SISMEMBER', tombstone, keyed(fact)) == 1)
  local told = redis.call('SISMEMBER', P .. 'facts:' .. ticket, fact) == 1
  answer[i] = {gone and 'gone' or told and 'known' or 'new', redis.call('HGET', link_key(ticket), 'state') or ''}
end
return answer
