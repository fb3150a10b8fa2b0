-- Shared by every script. KEYS[1] is the prefix of all keys; the clock's text (now) is put before this file by
-- bridge/store.py: Redis' own time in production, a key in tests.
-- One primary, no cluster: a script touches keys that only its data names.

local P = KEYS[1] .. ':'
local NOW = now()

local function lane_key(lane) return P .. 'lane:' .. lane end
local function link_key(ticket) return P .. 'link:' .. ticket end
local function inbox_key(ticket) return P .. 'inbox:' .. ticket end
local function evidence_key(ticket) return P .. 'evidence:' .. ticket end
local function transcript_key(ticket) return P .. 'transcript:' .. ticket end
local function awake_key(lane) return P .. 'awake:' .. lane end
local function conversation_key(project, id) return P .. 'conversation:' .. project .. ':' .. id end
local function orphan_key(project, id) return P .. 'orphan:' .. project .. ':' .. id end
local function ended_key(kind) return P .. 'ended:' .. kind end

local LANES = P .. 'lanes'
-- Which life of the data this is, where past ones ended, how many steps it has seen, and what was lost last: join.lua.
local GENERATION = P .. 'generation'
local GENERATIONS = P .. 'generations'
local SEQUENCE = P .. 'sequence'
local ALIVE = P .. 'alive'
local LOSS = P .. 'loss'
local LOSSES = P .. 'losses'
local WORKERS = P .. 'workers'
local AWAITED = P .. 'awaited'
-- In the hash of paused accounts: that all are, and the limit of starts a minute (JSON). Kept there, so that a process of
-- any version puts them back after a loss (join.lua). No account has such a name.
local EVERY, LIMIT = '*', 'limit'
-- Without the prefix, as they are noted: who waits for the limit, by when it asks again; and by account and cause the starts
-- that wait, by since when. A process of the version before removes a ticket from what begins with `open` and a hyphen.
local LINE = 'open-line'
local function start_wait_name(account, cause) return 'open-start:' .. account .. ':' .. cause end
local START_WAITS = P .. 'start-waits'
local TIMELINE_MOST = 1000
local TRANSCRIPT_MOST = 1000
local ON_ITS_WAY = 'on-its-way'
local NO_ROOM = 'no-room'

-- How full the server was when a process last looked (tick.lua), in thousandths. None where it has no limit, or hides it.
local MEMORY = P .. 'memory'
local function memory_used() return tonumber(redis.call('GET', MEMORY) or '0') end

-- Whether what brings something new is refused. What was accepted before a loss was accepted.
local function is_full(at) return not AGAIN and memory_used() >= at end

local function no_room()
  return redis.error_reply('OOM Redis is ' .. math.floor(memory_used() / 10) .. ' % full')
end

-- Changes with each start of a server and with each failover. Empty where a managed server hides it from scripts.
local function run_id()
  local told = redis.pcall('INFO', 'server')
  return type(told) == 'string' and string.match(told, 'run_id:(%w+)') or ''
end

-- How long starts pause after a loss, in ms: until every worker that was alive then has told what it had sent.
local function hold_ms()
  local till = tonumber(redis.call('HGET', LOSS, 'hold_until') or '0')
  if till <= NOW or redis.call('SCARD', AWAITED) == 0 then return 0 end
  return math.ceil(till - NOW)
end

local function tell(ticket, entries, push)
  if #entries == 0 then return end
  local key = P .. 'timeline:' .. ticket
  redis.call(push or 'RPUSH', key, unpack(entries))
  redis.call('LTRIM', key, -TIMELINE_MOST, -1)
end

-- More of a ticket that is told of already; of one that was removed nothing is begun anew.
local function tell_more(ticket, entries) tell(ticket, entries, 'RPUSHX') end

-- Where a ticket is named outside its own keys (the key without its prefix), so that its removal finds every place.
local function note(ticket, ...) redis.call('SADD', P .. 'named:' .. ticket, ...) end

-- The keys of one person at one bot: by the id that is sent, and by `also`, every other way to write it (bridge/phones.py).
-- All of them are written and asked, so that a worker of any version finds the person, and none starts twice.
local function names_of(kind, contact, also)
  if contact == '' then return {} end
  local names = {kind .. contact}
  for _, other in ipairs(also or {}) do names[#names + 1] = kind .. other end
  return names
end

-- The tickets of a person, closed ones too. In clear, as in the link, for as long as the link is kept.
local function belongs(ticket, person, people)
  for _, name in ipairs(names_of('person:', person, people)) do
    redis.call('SADD', P .. name, ticket)
    note(ticket, name)
  end
end

-- A conversation of this person is said to be the ticket's; whether it is open the ticket's next finish says. Until then
-- no close of another ticket of theirs may hit it.
local function has_begun(ticket, contact, also)
  for _, name in ipairs(names_of('contact:', contact, also)) do
    redis.call('SADD', P .. name, ticket)
    note(ticket, name)
  end
end

-- What is removed leaves a tombstone, so that what was told once stays told. Its name is a keyed hash: a bare one of
-- a ticket's number is guessed in no time. The key is made by the first removal and lives here, not in the
-- configuration: it has to be the same in every process and for ever, since a changed one would know no tombstone any
-- more, and a rollback or flush has to take both or neither. A copy of all of Redis thus holds it as well; what it then
-- opens are ids of tickets and conversations. A phone number is hashed only while a forgotten start is in flight.
local FORGOTTEN = 'a forgotten ticket'
local hash_key

local function keyed(text)
  if hash_key == nil then hash_key = redis.call('GET', P .. 'hash-key') end
  return hash_key and redis.sha1hex(hash_key .. redis.sha1hex(hash_key .. text))
end

local function tombstone_key(kind, name)
  local hash = keyed(kind .. ' ' .. name)
  return hash and P .. 'tombstone:' .. hash
end

-- A forgotten ticket stays forgotten: whatever is told of it is accepted and not kept.
local function forgotten(ticket)
  local tombstone = tombstone_key('ticket', ticket)
  return tombstone and redis.call('SISMEMBER', tombstone, FORGOTTEN) == 1
end

-- Removed, and nothing new has come of it since.
local function removed(ticket)
  local tombstone = tombstone_key('ticket', ticket)
  return tombstone and redis.call('EXISTS', tombstone) == 1 and redis.call('EXISTS', link_key(ticket)) == 0
end

-- The ticket whose start for this bot and user is in flight. One that was forgotten goes on in flight, without a name.
local function starting(contact, also)
  local forgotten_one
  for _, name in ipairs(names_of('', contact, also)) do
    local ticket = redis.call('GET', P .. 'starting:' .. name)
    if ticket then return ticket end
    local tombstone = tombstone_key('starting', name)
    if tombstone and redis.call('EXISTS', tombstone) == 1 then forgotten_one = FORGOTTEN end
  end
  return forgotten_one
end

-- The ticket whose close for this bot and user is in flight.
local function closing(contact, also)
  for _, name in ipairs(names_of('closing:', contact, also)) do
    local ticket = redis.call('GET', P .. name)
    if ticket then return ticket end
  end
end

-- A lane is awake while a token of it has not expired: one for each job that claims, or the word that a job is on its
-- way. Returns whether the caller must send that job; a burst of events sends one.
local function must_wake(lane, wake_ms)
  local key = awake_key(lane)
  redis.call('ZREMRANGEBYSCORE', key, '-inf', NOW)
  if redis.call('ZCARD', key) > 0 then return false end
  redis.call('ZADD', key, NOW + wake_ms, ON_ITS_WAY)
  return true
end

-- The ticket has something to do from `due` on. The lane's own next look is never later than that.
local function schedule(ticket, lane, due)
  redis.call('ZADD', lane_key(lane), due, ticket)
  redis.call('ZADD', LANES, 'LT', due, lane)
end

-- Now, and which step: what came in one millisecond is in order all the same.
local function moment()
  return string.format('%.3f', NOW + tonumber(redis.call('GET', SEQUENCE) or '0') % 1000 / 1000)
end

-- Something new came for a ticket. A claimed one is left alone: its score is its lease, and its finish looks again.
-- A firm wait (an unknown's, a Retry-After, a park) ends early for evidence only. Returns whether it is due now.
local function arrived(ticket, lane, is_evidence)
  local link = redis.call('HMGET', link_key(ticket), 'holder', 'wait', 'lane')
  if not link[3] then redis.call('HSET', link_key(ticket), 'lane', lane) end
  -- Since when it has had something to do: its place where it waits for a call (queue.lua).
  redis.call('HSETNX', link_key(ticket), 'busy', moment())
  lane = link[3] or lane
  if link[1] then return false, lane end
  if link[2] == 'firm' and not is_evidence then return false, lane end
  redis.call('ZADD', lane_key(lane), 'LT', NOW, ticket)
  redis.call('ZADD', LANES, 'LT', NOW, lane)
  return true, lane
end

-- Once per fact: a trigger and a native event, or a webhook and a poll, tell the same thing. A removed ticket's
-- tombstone holds the facts it knew.
local function new_fact(ticket, fact)
  if fact == '' then return true end
  local tombstone = tombstone_key('ticket', ticket)
  if tombstone and redis.call('SISMEMBER', tombstone, keyed(fact)) == 1 then return false end
  return redis.call('SADD', P .. 'facts:' .. ticket, fact) == 1
end

-- What was given up, with its reason, where it can be listed.
local function bury(ticket, letters)
  for _, letter in ipairs(letters) do
    note(ticket, 'letter:' .. letter[1])
    redis.call('HSET', P .. 'dead-letters', letter[1], letter[2])
    redis.call('ZADD', P .. 'dead-letters-by-time', NOW, letter[1])
  end
end

-- What was settled after all.
local function unbury(ids)
  if #ids == 0 then return end
  redis.call('HDEL', P .. 'dead-letters', unpack(ids))
  redis.call('ZREM', P .. 'dead-letters-by-time', unpack(ids))
end

-- A letter or orphan is named with what the person saw of it: what has changed since is not decided blindly.
local function letter_verdict(id, at_ms)
  local text = redis.call('HGET', P .. 'dead-letters', id)
  if not text then return 'gone' end
  return cjson.decode(text).at_ms == at_ms and 'done' or 'changed'
end

-- What a person decided, for those who look for the thing later: the last decision on each, so long and so many.
local DECISIONS, DECISIONS_MS, DECISIONS_MOST = P .. 'decisions', 90 * 86400000, 10000
local function decide(id, text)
  local by_time = DECISIONS .. '-by-time'
  redis.call('HSET', DECISIONS, id, text)
  redis.call('ZADD', by_time, NOW, id)
  local old = redis.call('ZRANGEBYSCORE', by_time, '-inf', NOW - DECISIONS_MS, 'LIMIT', 0, 1000)
  local over = redis.call('ZCARD', by_time) - DECISIONS_MOST
  if #old == 0 and over > 0 then old = redis.call('ZRANGE', by_time, 0, math.min(over, 1000) - 1) end
  if #old > 0 then
    redis.call('HDEL', DECISIONS, unpack(old))
    redis.call('ZREM', by_time, unpack(old))
  end
  redis.call('PEXPIRE', DECISIONS, DECISIONS_MS)
  redis.call('PEXPIRE', by_time, DECISIONS_MS)
end

-- Which decisions were about an orphan of this person: a decision itself tells of nobody. Under a hash; see FORGOTTEN.
local function decided_key(person)
  local hash = keyed('person ' .. person)
  return hash and P .. 'decided:' .. hash
end

local function decide_of(people, new_key, id, text)
  decide(id, text)
  if #people > 0 and redis.call('SET', P .. 'hash-key', new_key, 'NX') then hash_key = new_key end
  for _, person in ipairs(people) do
    redis.call('SADD', decided_key(person), id)
    redis.call('PEXPIRE', decided_key(person), DECISIONS_MS)
  end
end

-- Starts are counted by the clock hour, so that a cap needs no list of them.
local function starts_key(account) return P .. 'starts:' .. account .. ':' .. math.floor(NOW / 3600000) end

-- How many deliveries came from a sender, by ten minutes, for as long as the days before are of use (bridge/silence.py).
local HEARD_MS, HEARD_KEPT = 600000, 15 * 144
local function heard(sender)
  if sender == '' then return end
  local key, bucket = P .. 'heard:' .. sender, math.floor(NOW / HEARD_MS)
  if redis.call('HINCRBY', key, bucket, 1) > 1 then return end
  local counts = redis.call('HGETALL', key)
  for i = 1, #counts, 2 do
    if tonumber(counts[i]) <= bucket - HEARD_KEPT then redis.call('HDEL', key, counts[i]) end
  end
  redis.call('PEXPIRE', key, HEARD_MS * HEARD_KEPT)
end

local function put(ticket, event, is_evidence)
  redis.call('RPUSH', is_evidence and evidence_key(ticket) or inbox_key(ticket), event)
end

-- The ticket whose conversation with this person ended last: its name, when that was, and until when they come back to it.
local function last_of(contact, also)
  local found, latest, until_ms
  for _, name in ipairs(names_of('last:', contact, also)) do
    local last = redis.call('GET', P .. name)
    local ended, till, ticket = string.match(last or '', '^(%d+) (%d+) (.*)$')
    if ended and (not latest or tonumber(ended) > latest) then
      found, latest, until_ms = ticket, tonumber(ended), tonumber(till)
    end
  end
  return found, latest, until_ms
end
