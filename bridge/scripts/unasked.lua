-- unasked(ticket, project, conversation, contact or '', back_to, entry, wake_ms, also): what becomes of a conversation that no
-- ticket asked for. `ticket` is the name under which it is worked; the entry is for the timeline of who gets it.
-- back_to is the ticket that was found to take it, '-' where the one that was asked takes nothing more, else ''.
-- returns {verdict, ticket or '', lane to wake or ''}; verdict is
-- gone: it is no orphan any more; the ticket has it | busy: the ticket's start or close for this person is in flight |
-- back: its customer came back to the ticket in time, and whether that takes it is to be found out | given: that did |
-- open: it is to get a ticket; the one that is told is the person's earlier one. Then no start or close for this person
-- begins before the finish.

local ticket, project, id, contact, back_to = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5]
local also = cjson.decode(ARGV[8])
if redis.call('EXISTS', orphan_key(project, id)) == 0 then
  return {'gone', redis.call('GET', conversation_key(project, id)) or '', ''}
end

local other = starting(contact, also) or closing(contact, also)
if other and other ~= ticket then return {'busy', other, ''} end

-- One that has a conversation again, or takes no more writes, is nobody's to come back to.
local function to_come_back_to()
  local last, _, till = last_of(contact, also)
  if not last then return nil end
  local link = redis.call('HMGET', link_key(last), 'state', 'lane')
  local state = link[1] and cjson.decode(link[1])
  if not state or state.phase ~= 'closed' then return nil end
  return last, till > NOW and (state.gone or '') == '' and link[2]
end

local last, lane = to_come_back_to()
if lane and back_to ~= '-' then
  if back_to ~= last then return {'back', last, ''} end
  return {'given', last, give_orphan(project, id, last, lane, ARGV[6], tonumber(ARGV[7]))}
end
for _, name in ipairs(names_of('closing:', contact, also)) do
  redis.call('SET', P .. name, ticket)
  note(ticket, name)
end
return {'open', last or '', ''}
