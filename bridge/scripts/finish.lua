-- finish(items, wake_ms): what was done is kept, and the ticket is let go.
-- item: {ticket, lane, token, state, inbox_done, evidence_done, left, evidence_left, entries, wait, due_in_ms,
--        release, adopt: [conversation ids], project, room, contact, also: [its other spellings], open, bury: [[id, text]...],
--        look: [in ms, at most ms after the last time, anew], when Jelou is asked whether it is still open; a time that
--        was set before holds unless anew,
--        person: the customer's id at Jelou or '', people: their other ids, ended: how (see retire.lua), or '' for what is to stay,
--        behind: contact whose start is awaited or '', behind_also, held: paused account or '', uncount: account or '',
--        said: lines for the transcript, transcribed: whether it has been used up,
--        outcomes: see gate.lua, unbury: [ids of dead letters that are settled],
--        wanted: [destinations at which it keeps its place], requeue: [gates of calls that are to be made again],
--        ended_ms: how long ago the conversation ended, below 0 where it has not; back_ms: for how long after that its
--        customer comes back to this ticket}
-- state is '' where it is to stay as it is.
-- wait is '' (nothing to wait for), backoff (a new event ends it) or firm (only evidence does). left and
-- evidence_left are what the claim knew of and did not work: they alone end no wait.
-- returns for each {verdict, lanes to wake...}; verdict is done or lost. A lost one wrote nothing.

local wake_ms = tonumber(ARGV[2])
local RELEASED_MOST = 1000
-- Those that share one conversation are told of its end in one step (accept_conversation.lua). One more is not told, and
-- finds out when Jelou is asked whether it is still open (looks_due.lua).
local SHARERS_MOST = 1000

-- Since when nobody has asked Jelou whether the conversation is still open (doubt.lua), and when it is asked next
-- (looks_due.lua). A ticket that is set aside names no project, and stays.
local function note_open(item)
  local name, due_name = 'open:' .. item.project, 'open-due:' .. item.project
  if not item.open then
    redis.call('ZREM', P .. name, item.ticket)
    redis.call('ZREM', P .. due_name, item.ticket)
    return
  end
  if redis.call('ZADD', P .. name, 'NX', NOW, item.ticket) == 1 then note(item.ticket, name) end
  local in_ms, most_ms, anew = unpack(item.look)
  if not anew and redis.call('ZSCORE', P .. due_name, item.ticket) then return end
  local due = math.min(NOW + in_ms, redis.call('ZSCORE', P .. name, item.ticket) + most_ms)
  if redis.call('ZADD', P .. due_name, due, item.ticket) == 1 then note(item.ticket, due_name) end
end

-- Where a person who comes back is looked for: at the ticket whose conversation with them ended last.
local function note_last(item)
  if item.ended_ms < 0 or item.contact == '' then return end
  local ended = NOW - item.ended_ms
  local last, last_ended = last_of(item.contact, item.also)
  if last and last ~= item.ticket and last_ended > ended then return end
  for _, name in ipairs(names_of('last:', item.contact, item.also)) do
    redis.call('SET', P .. name, string.format('%.0f %.0f %s', ended, ended + item.back_ms, item.ticket))
    note(item.ticket, name)
  end
end

-- A conversation belongs to the first ticket that named it; a second one shares it, and says so.
local function index(item)
  for _, id in ipairs(item.adopt) do
    local key = conversation_key(item.project, id)
    local first = redis.call('GET', key)
    if not first then
      redis.call('SET', key, item.ticket)
      note(item.ticket, 'conversation:' .. item.project .. ':' .. id)
    end
    if first and first ~= item.ticket then
      redis.call('HSET', link_key(item.ticket), 'shared_with', first)
      local name = 'sharers:' .. item.project .. ':' .. id
      if redis.call('SCARD', P .. name) < SHARERS_MOST then
        redis.call('SADD', P .. name, item.ticket)
        note(item.ticket, name)
      end
    else
      adopt(item.project, id, item.ticket)
    end
  end
  local found_by = names_of('contact:', item.contact, item.also)
  if item.room ~= '' then found_by[#found_by + 1] = 'room:' .. item.room end
  for _, name in ipairs(found_by) do
    redis.call(item.open and 'SADD' or 'SREM', P .. name, item.ticket)
    if item.open then note(item.ticket, name) end
  end
  belongs(item.ticket, item.person, item.people)
  note_open(item)
  note_last(item)
end

-- The next start or close for this bot and user may go.
local function release(item, lanes)
  local held = false
  for _, kind in ipairs({'starting:', 'closing:'}) do
    for _, name in ipairs(names_of(kind, item.contact, item.also)) do
      if redis.call('GET', P .. name) == item.ticket then
        redis.call('DEL', P .. name)
        held = true
      end
    end
  end
  if not held then return end
  -- Who is left waits for the next release, or looks by itself (BEHIND_MS in workers/admit.py).
  for _, behind in ipairs(names_of('behind:', item.contact, item.also)) do
    for _, ticket in ipairs(redis.call('SRANDMEMBER', P .. behind, RELEASED_MOST)) do
      local due, lane = arrived(ticket, item.lane, true)
      if due then lanes[lane] = true end
      redis.call('SREM', P .. behind, ticket)
    end
  end
end

-- What the ticket waits for may have ended since mark said so; then it does not wait. Else it is noted here, in one
-- step, so that the end finds it.
local function wait_ended(item)
  if item.behind ~= '' then
    local also = item.behind_also
    if not starting(item.behind, also) and not closing(item.behind, also) then return true end
    redis.call('SADD', P .. 'behind:' .. item.behind, item.ticket)
    note(item.ticket, 'behind:' .. item.behind)
  end
  if item.held ~= '' then
    if redis.call('HEXISTS', P .. 'paused', item.held) == 0 then return true end
    redis.call('SADD', P .. 'held:' .. item.held, item.ticket)
    note(item.ticket, 'held:' .. item.held)
  end
  return false
end

local function has_grant(ticket)
  for _, destination in ipairs(redis.call('SMEMBERS', at_key(ticket))) do
    if granted_moment(destination, ticket) then return true end
  end
end

local function due_at(item)
  if wait_ended(item) or has_grant(item.ticket) then return NOW end
  if redis.call('LLEN', evidence_key(item.ticket)) > item.evidence_left then return NOW end
  local waiting = redis.call('LLEN', inbox_key(item.ticket))
  if item.wait == 'firm' then return NOW + item.due_in_ms end
  if item.wait == 'backoff' then return waiting > item.left and NOW or NOW + item.due_in_ms end
  return waiting > 0 and NOW or nil
end

-- From when on it may go, where nothing is left to do.
local function note_end(item, due)
  local link, ended = link_key(item.ticket), due and '' or item.ended
  local before = redis.call('HGET', link, 'ended')
  if before and before ~= ended then
    redis.call('ZREM', ended_key(before), item.ticket)
    redis.call('HDEL', link, 'ended')
  end
  if ended ~= '' then
    redis.call('ZADD', ended_key(ended), NOW, item.ticket)
    redis.call('HSET', link, 'ended', ended)
  end
end

local function let_go(item, lanes)
  local link = link_key(item.ticket)
  redis.call('HDEL', link, 'holder', 'claims')
  local due = due_at(item)
  note_end(item, due)
  if not due then
    redis.call('ZREM', lane_key(item.lane), item.ticket)
    redis.call('HDEL', link, 'busy')
    return
  end
  if item.wait ~= '' and due > NOW then redis.call('HSET', link, 'wait', item.wait) end
  schedule(item.ticket, item.lane, due)
  if due <= NOW then lanes[item.lane] = true end
end

-- A start that certainly did not happen is given back to the account's hour.
local function uncount(account)
  local counter = starts_key(account)
  if tonumber(redis.call('GET', counter) or '0') > 0 then redis.call('DECR', counter) end
end

-- What was said, for the note at the end. Bounded: the newest lines are kept.
local function transcribe(item)
  local key = transcript_key(item.ticket)
  if #item.said > 0 then
    redis.call('RPUSH', key, unpack(item.said))
    redis.call('LTRIM', key, -TRANSCRIPT_MOST, -1)
  end
  if item.transcribed then redis.call('DEL', key) end
end

local function finish(item)
  if redis.call('HGET', link_key(item.ticket), 'holder') ~= item.token then return {'lost'} end
  local lanes = {}
  redis.call('LTRIM', inbox_key(item.ticket), item.inbox_done, -1)
  redis.call('LTRIM', evidence_key(item.ticket), item.evidence_done, -1)
  if item.state ~= '' then redis.call('HSET', link_key(item.ticket), 'state', item.state) end
  tell(item.ticket, item.entries)
  bury(item.ticket, item.bury)
  unbury(item.unbury)
  transcribe(item)
  if item.uncount ~= '' then uncount(item.uncount) end
  for _, outcome in ipairs(item.outcomes) do record(outcome) end
  for _, gate in ipairs(item.requeue) do requeue(item.ticket, gate) end
  keep_places(item.ticket, item.wanted)
  index(item)
  if item.release then release(item, lanes) end
  let_go(item, lanes)
  local answer = {'done'}
  for lane in pairs(lanes) do
    if must_wake(lane, wake_ms) then answer[#answer + 1] = lane end
  end
  return answer
end

local answer = {}
for i, item in ipairs(cjson.decode(ARGV[1])) do answer[i] = finish(item) end
return answer
