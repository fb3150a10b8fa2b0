-- forget(request): everything kept of these tickets and orphans goes, whatever they are doing.
-- request: {tickets, orphans: [[project, id, conversation or '']...], preview, tombstone_ms, in_flight_ms,
--           hash_key (taken if there is none yet)}
-- The caller gives few at a time. Of a ticket that is large a part is left: it is to be given again.
-- A ticket in a worker's hands is taken away from it: what was not sent is not sent, and what comes of what was sent is
-- written nowhere. in_flight_ms is how long a start that may have gone out keeps its place, see removal.lua.
-- Tickets of the same person that come later are new. What could not be read may be of anybody: all of it goes.
-- returns [how many orphans, {ticket, state, held, events, entries, letters, 1 where a part is left}...]: those that are
-- there. With preview nothing is written.

local r = cjson.decode(ARGV[1])
r.forgotten = true

local function known(ticket)
  return redis.call('EXISTS', link_key(ticket), inbox_key(ticket), evidence_key(ticket), P .. 'timeline:' .. ticket,
    P .. 'facts:' .. ticket) > 0
end

local function looked_at(ticket)
  local link = redis.call('HMGET', link_key(ticket), 'state', 'holder')
  return {ticket, link[1] or '', link[2] and 1 or 0,
    redis.call('LLEN', inbox_key(ticket)) + redis.call('LLEN', evidence_key(ticket)),
    redis.call('LLEN', P .. 'timeline:' .. ticket), #letters_of(ticket), 0}
end

-- At most 200 of an account: bridge/refusals.py.
local function forget_refused(ticket)
  local key = P .. 'refused:' .. (ticket:match('^[^/]+/[^/]+') or '')
  local all = redis.call('HGETALL', key)
  for i = 1, #all, 2 do
    if cjson.decode(all[i + 1]).ticket == ticket then redis.call('HDEL', key, all[i]) end
  end
end

local answer = {0}
for _, ticket in ipairs(r.tickets) do
  if known(ticket) then answer[#answer + 1] = looked_at(ticket) end
end
for _, orphan in ipairs(r.orphans) do
  answer[1] = answer[1] + redis.call('EXISTS', orphan_key(orphan[1], orphan[2]))
end
if r.preview then return answer end

-- At most 200: bridge/unread.py.
for _, id in ipairs(redis.call('ZRANGE', P .. 'unread', 0, -1)) do redis.call('DEL', P .. 'unread:' .. id) end
redis.call('DEL', P .. 'unread')
-- A refused delivery may name a ticket.
for _, ticket in ipairs(r.tickets) do forget_refused(ticket) end
redis.call('SET', P .. 'hash-key', r.hash_key, 'NX')
local told = {ticket = 0, dead_letter = 0, orphan = answer[1], tombstones = {}}
for i = 2, #answer do
  local tombstone = remove(answer[i][1], r)
  if tombstone then
    told.ticket = told.ticket + 1
    told.dead_letter = told.dead_letter + answer[i][6]
    table.insert(told.tombstones, (tombstone:sub(#P + #'tombstone:' + 1)))
  else
    answer[i][7] = 1
  end
end
for _, orphan in ipairs(r.orphans) do
  drop_orphan(orphan[1], orphan[2])
  if orphan[3] ~= '' then entomb_conversation(orphan[1], orphan[3], r) end
end
-- The sweep of a worker tells it in the log and the metrics, whoever asked for it.
if told.ticket + told.orphan > 0 then redis.call('RPUSH', P .. 'forgotten', cjson.encode(told)) end
return answer
