-- What a claim has worked, stored with each of its marks and at its finish. Put behind the orphans.
--
-- A claim counts from the first event that it was given. Both lists grow at their ends alone while it holds the ticket, so
-- what it has cut is known by two counts, and who says the same again cuts nothing more. Its marks have numbers: one that is
-- told again, because its answer was lost, is answered as before. claim.lua begins the counts anew.

-- Those that share one conversation are told of its end in one step (accept_conversation.lua). One more is not told, and
-- finds out when Jelou is asked whether it is still open (looks_due.lua).
local SHARERS_MOST = 1000

local function forget_progress(ticket) redis.call('HDEL', link_key(ticket), 'inbox_cut', 'evidence_cut', 'marked') end

-- How much of its evidence the claim has cut already.
local function evidence_cut(ticket) return tonumber(redis.call('HGET', link_key(ticket), 'evidence_cut') or '0') end

local function cut(ticket, list, count_name, done)
  local before = tonumber(redis.call('HGET', link_key(ticket), count_name) or '0')
  if done <= before then return end
  redis.call('LTRIM', list, done - before, -1)
  redis.call('HSET', link_key(ticket), count_name, done)
end

-- The verdict of this very mark, where it was given before.
local function marked_before(item)
  local number, at = (redis.call('HGET', link_key(item.ticket), 'marked') or ''):match('^(%d+) (%d+)$')
  if not number or tonumber(number) < item.number then return nil end
  return {'go', string.format('%.0f', math.max(tonumber(at) - NOW, 0)), ''}
end

local function note_marked(item, in_ms)
  redis.call('HSET', link_key(item.ticket), 'marked', string.format('%.0f %.0f', item.number, NOW + in_ms))
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

-- A conversation belongs to the first ticket that named it; a second one shares it, and says so.
local function name_conversations(item)
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
end

-- The state covers what was worked: both are stored in one step, or a worker that dies leaves an event to be worked twice.
local function store_progress(item)
  local ticket = item.ticket
  cut(ticket, inbox_key(ticket), 'inbox_cut', item.inbox_done)
  cut(ticket, evidence_key(ticket), 'evidence_cut', item.evidence_done)
  if item.state ~= '' then redis.call('HSET', link_key(ticket), 'state', item.state) end
  tell(ticket, item.entries)
  bury(ticket, item.bury)
  unbury(item.unbury)
  transcribe(item)
  name_conversations(item)
end
