-- unasked(ticket, project, conversation, contact or '', entry, wake_ms): what becomes of a conversation that no ticket
-- asked for. `ticket` is the name under which it is worked; the entry is for the timeline of who gets it.
-- returns {verdict, ticket or '', lane to wake or ''}; verdict is
-- gone: it is no orphan any more; the ticket has it | busy: the ticket's start or close for this person is in flight |
-- given: it is the next episode of the ticket, whose customer came back in time | open: it is to get a ticket; the one
-- that is told is the person's earlier one. Then no start or close for this person begins before the finish.

local ticket, project, id, contact = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
if redis.call('EXISTS', orphan_key(project, id)) == 0 then
  return {'gone', redis.call('GET', conversation_key(project, id)) or '', ''}
end

local closing = 'closing:' .. contact
if contact ~= '' then
  local other = starting(contact) or redis.call('GET', P .. closing)
  if other and other ~= ticket then return {'busy', other, ''} end
end

-- One that has a conversation again, or takes no more writes, is nobody's to come back to.
local function to_come_back_to()
  local last, _, till = last_of(contact)
  if not last then return nil end
  local link = redis.call('HMGET', link_key(last), 'state', 'lane')
  local state = link[1] and cjson.decode(link[1])
  if not state or state.phase ~= 'closed' then return nil end
  return last, till > NOW and state.gone == '' and link[2]
end

local last, lane = to_come_back_to()
if lane then
  return {'given', last, give_orphan(project, id, last, lane, ARGV[5], tonumber(ARGV[6]))}
end
if contact ~= '' then
  redis.call('SET', P .. closing, ticket)
  note(ticket, closing)
end
return {'open', last or '', ''}
