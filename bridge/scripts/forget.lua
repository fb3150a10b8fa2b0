-- forget(request): everything kept of these tickets and orphans goes, whatever they are doing.
-- request: {tickets, people: [[person, [accounts]]...], orphans: [[project, id, conversation or '']...], most, preview,
--           tombstone_ms, in_flight_ms, hash_key (taken if there is none yet)}
-- people: the tickets of a person in these accounts; in any, where the list is empty.
-- A ticket in a worker's hands is taken away from it: what was not sent is not sent, and what comes of what was sent is
-- written nowhere. in_flight_ms is how long a start that may have gone out keeps its place, see removal.lua.
-- Tickets of the same person that come later are new. What could not be read may be of anybody: all of it goes.
-- returns [how many tickets in all, how many orphans, {ticket, state, held, events, entries, letters}...]; the rows are
-- at most so many. With preview nothing is written.

local r = cjson.decode(ARGV[1])
r.forgotten = true

local function known(ticket)
  return redis.call('EXISTS', link_key(ticket), inbox_key(ticket), evidence_key(ticket), P .. 'timeline:' .. ticket,
    P .. 'facts:' .. ticket) > 0
end

local found, all = {}, {}

local function take(ticket)
  if found[ticket] or not known(ticket) then return end
  found[ticket] = true
  all[#all + 1] = ticket
end

local function is_of(ticket, accounts)
  for _, account in ipairs(accounts) do
    if ticket:sub(1, #account + 1) == account .. '/' then return true end
  end
  return #accounts == 0
end

for _, ticket in ipairs(r.tickets) do take(ticket) end
for _, one in ipairs(r.people) do
  for _, ticket in ipairs(redis.call('SMEMBERS', P .. 'person:' .. one[1])) do
    if is_of(ticket, one[2]) then take(ticket) end
  end
end

local function looked_at(ticket)
  local link = redis.call('HMGET', link_key(ticket), 'state', 'holder')
  return {ticket, link[1] or '', link[2] and 1 or 0,
    redis.call('LLEN', inbox_key(ticket)) + redis.call('LLEN', evidence_key(ticket)),
    redis.call('LLEN', P .. 'timeline:' .. ticket), #letters_of(ticket)}
end

local answer = {#all, 0}
for i = 1, math.min(#all, r.most) do answer[i + 2] = looked_at(all[i]) end
for _, orphan in ipairs(r.orphans) do
  answer[2] = answer[2] + redis.call('EXISTS', orphan_key(orphan[1], orphan[2]))
end
if r.preview then return answer end

for _, id in ipairs(redis.call('ZRANGE', P .. 'unread', 0, -1)) do redis.call('DEL', P .. 'unread:' .. id) end
redis.call('DEL', P .. 'unread')
redis.call('SET', P .. 'hash-key', r.hash_key, 'NX')
local told = {ticket = 0, dead_letter = 0, orphan = answer[2], tombstones = {}}
for i = 3, #answer do
  told.ticket = told.ticket + 1
  told.dead_letter = told.dead_letter + answer[i][6]
  table.insert(told.tombstones, (remove(answer[i][1], r):sub(#P + #'tombstone:' + 1)))
end
for _, orphan in ipairs(r.orphans) do
  drop_orphan(orphan[1], orphan[2])
  if orphan[3] ~= '' then entomb_conversation(orphan[1], orphan[3], r) end
end
-- The sweep of a worker tells it in the log and the metrics, whoever asked for it.
if told.ticket + told.orphan > 0 then redis.call('RPUSH', P .. 'forgotten', cjson.encode(told)) end
return answer
