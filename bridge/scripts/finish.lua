-- finish(items, wake_ms): what was done is kept (progress.lua), and the ticket is let go.
-- item: {ticket, lane, token, state, inbox_done, evidence_done, left, evidence_left, entries, wait, due_in_ms,
--        release, adopt: [conversation ids], project, room, contact, also: [its other spellings], open, bury: [[id, text]...],
--        look: [in ms, at most ms after the last time, anew], when Jelou is asked whether it is still open; a time that
--        was set before holds unless anew,
--        person: the customer's id at Jelou or '', people: their other ids, ended: how (see retire.lua), or '' for what is to stay,
--        behind: contact whose start is awaited or '', behind_also, held: the pause that holds it or '', uncount: account or '',
--        account, start_wait: why its start waits or '',
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

local function index(item)
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

-- Its start among those that wait, since it had something to do; one that is over is none any more.
local function note_start(item)
  local link = link_key(item.ticket)
  local name = item.start_wait ~= '' and start_wait_name(item.account, item.start_wait)
  local before = redis.call('HGET', link, 'start_wait')
  if before and before ~= name then
    redis.call('ZREM', P .. before, item.ticket)
    redis.call('SREM', P .. 'named:' .. item.ticket, before)
    redis.call('HDEL', link, 'start_wait')
  end
  if name and before ~= name then
    redis.call('HSET', link, 'start_wait', name)
    redis.call('ZADD', P .. name, redis.call('HGET', link, 'busy') or NOW, item.ticket)
    redis.call('SADD', START_WAITS, name)
    note(item.ticket, name)
  end
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
  forget_progress(item.ticket)
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

local function finish(item)
  if redis.call('HGET', link_key(item.ticket), 'holder') ~= item.token then return {'lost'} end
  local lanes = {}
  store_progress(item)
  if item.state ~= '' then note_start(item) end
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
