-- accept_conversation(request): one event of Jelou's, once, for the ticket it belongs to, else among the orphans.
-- request: {seen, id, ttl_s, wake_ms, sender, project, fact, event, is_start, is_evidence,
--           ticket, lane (named by our metadata, else ''), conversation, room, contact, also (its other spellings),
--           entries: {ticket, conversation, starting, room, contact, repeated}: the timeline's line for each way,
--           unasked: [{ticket, lane, fact, event, entry, person, people}], what begins unasked_ms later where it is an orphan}
-- returns {status, id, ticket, by, lane to wake or ''}; status is accepted, orphaned or duplicate.
-- by is removed where it belongs to what was removed: it is accepted and not kept.
-- The finish that creates a link adopts orphans in its own script, so that neither misses the other.

local r = cjson.decode(ARGV[1])
local seen = P .. 'seen:' .. r.seen
local first = redis.call('GET', seen)
if first then return {'duplicate', first, '', '', ''} end

local function only(names)
  local found
  for _, name in ipairs(names) do
    for _, ticket in ipairs(redis.call('SRANDMEMBER', P .. name, 2)) do
      if found and ticket ~= found then return nil end
      found = ticket
    end
  end
  return found
end

-- For so long the end of a conversation may be told of after its ticket has noted it.
local JUST_ENDED_MS = 600000

local function has_any(names)
  for _, name in ipairs(names) do
    if redis.call('EXISTS', P .. name) == 1 then return true end
  end
end

-- The end of what has just ended, by a close of ours: its ticket is no candidate any more, and knows of it.
local function just_ended()
  if r.is_start or not r.is_evidence then return nil end
  if has_any(names_of('room:', r.room)) or has_any(names_of('contact:', r.contact, r.also)) then return nil end
  local last, ended = last_of(r.contact, r.also)
  return last and NOW - ended < JUST_ENDED_MS and last or nil
end

local function correlate()
  if r.ticket ~= '' then return r.ticket, 'ticket' end
  if r.conversation ~= '' then
    local ticket = redis.call('GET', conversation_key(r.project, r.conversation))
    if ticket then return ticket, 'conversation' end
  end
  -- Starts serialise per contact, so the holder of that lock is the one candidate.
  if r.is_start then return starting(r.contact, r.also), 'starting' end
  -- A conversation that no ticket has named yet waits for one that does: guessing by contact could close or answer
  -- another one. Only an event that names no conversation is matched by room or contact.
  if r.conversation ~= '' then return nil end
  local ticket = only(names_of('room:', r.room))
  if ticket then return ticket, 'room' end
  ticket = only(names_of('contact:', r.contact, r.also))
  if not ticket then ticket = just_ended() end
  if ticket then return ticket, 'contact' end
end

-- How long what became of a forgotten start is to be known.
local function starting_left(contact, also)
  for _, name in ipairs(names_of('', contact, also)) do
    local left = redis.call('GET', tombstone_key('starting', name))
    if left then return left end
  end
end

-- The conversation of a removed ticket is known as such by its id, once its start event has told it.
local function of_the_removed(ticket)
  local conversation = r.conversation ~= '' and tombstone_key('conversation', r.project .. ':' .. r.conversation)
  if not ticket then return conversation and redis.call('EXISTS', conversation) == 1 end
  if ticket ~= FORGOTTEN and not removed(ticket) then return false end
  if conversation then
    local left_ms = ticket == FORGOTTEN and starting_left(r.contact, r.also)
      or redis.call('PTTL', tombstone_key('ticket', ticket))
    entomb_conversation(r.project, r.conversation, {tombstone_ms = left_ms})
  end
  return true
end

-- What ends a conversation ends it for every ticket that shares it. The sweep wakes their lanes.
local function tell_sharers()
  if r.is_start or not r.is_evidence or r.conversation == '' then return end
  for _, ticket in ipairs(redis.call('SMEMBERS', P .. 'sharers:' .. r.project .. ':' .. r.conversation)) do
    if new_fact(ticket, r.fact) then
      put(ticket, r.event, true)
      tell(ticket, {r.entries.conversation})
      arrived(ticket, r.lane, true)
    end
  end
end

-- Once per conversation, whatever else comes in it. Returns the lane to wake, or ''; a later start is the sweep's.
local function begin_unasked()
  for _, item in ipairs(r.unasked) do
    if new_fact(item.ticket, item.fact) then
      put(item.ticket, item.event, false)
      tell(item.ticket, {item.entry})
      belongs(item.ticket, item.person, item.people)
      redis.call('HSET', link_key(item.ticket), 'lane', item.lane)
      schedule(item.ticket, item.lane, NOW + r.unasked_ms)
      if r.unasked_ms == 0 and must_wake(item.lane, r.wake_ms) then return item.lane end
    end
  end
  return ''
end

local ticket, by = correlate()
local orphan = r.conversation ~= '' and r.conversation or r.contact
local no_older = not ticket and not oldest_orphan(r.project, orphan)
if is_full(DELIVERIES_AT) or (no_older and is_full(ORPHANS_AT)) then return no_room() end
redis.call('SET', seen, r.id, 'EX', r.ttl_s)
heard(r.sender)
if of_the_removed(ticket) then return {'accepted', r.id, '', 'removed', ''} end
if not ticket then
  push_orphan(r.project, orphan, cjson.encode({r.is_evidence, r.fact, r.event, r.entries.conversation}))
  return {'orphaned', r.id, '', '', begin_unasked()}
end
if not new_fact(ticket, r.fact) then
  tell_more(ticket, {r.entries.repeated})
  return {'accepted', r.id, ticket, by, ''}
end
tell_sharers()
put(ticket, r.event, r.is_evidence)
if r.is_start then has_begun(ticket, r.contact, r.also) end
tell(ticket, {r.entries[by]})
local due, lane = arrived(ticket, r.lane, r.is_evidence)
local wake = due and must_wake(lane, r.wake_ms)
return {'accepted', r.id, ticket, by, wake and lane or ''}
