-- retire(request): what has been kept for as long as it is to be kept goes, `most` of it in all; to be repeated.
-- request: {ended: {closed: ms, failed: ms, ignored: ms, heard: ms}, letters_ms, orphans_ms, projects, most,
--           tombstone_ms, hash_key (taken if there is none yet)}
-- A ticket is noted by how it ended, from its last finish on: closed, failed, ignored (nothing was to be started) or
-- heard (it was only told of). What is open, parked, not settled or has something to do is not among them, and it is
-- asked again here. A ticket stays as long as one of its dead letters, a parked one's letter as long as that is parked.
-- returns [how many of each kind as JSON, {project, how many orphans were dropped to keep their bounds...}, 1 where more
-- may be over, notes of what was forgotten meanwhile (see forget.lua)...]

local r = cjson.decode(ARGV[1])
local LOOK_MS = 3600000
redis.call('SET', P .. 'hash-key', r.hash_key, 'NX')
local retired = {}

local function count(kind) retired[kind] = (retired[kind] or 0) + 1 end

local looked_at, more = 0, 0

-- What is looked at counts, so that a batch is one whatever becomes of it.
local function over(key, keep_ms)
  local found = redis.call('ZRANGEBYSCORE', key, '-inf', NOW - keep_ms, 'LIMIT', 0, math.max(r.most - looked_at, 0))
  looked_at = looked_at + #found
  return ipairs(found)
end

-- It cannot go yet, and must not stand before those that can.
local function look_later(key, keep_ms, name) redis.call('ZADD', key, NOW - keep_ms + LOOK_MS, name) end

local function at_rest(ticket, kind)
  if kind == 'heard' then return redis.call('EXISTS', link_key(ticket)) == 0 end
  local link = redis.call('HMGET', link_key(ticket), 'ended', 'lane')
  if link[1] ~= kind then return false end
  -- What a worker holds is in its lane, too.
  if redis.call('ZSCORE', lane_key(link[2]), ticket) then return false end
  return redis.call('EXISTS', inbox_key(ticket), evidence_key(ticket)) == 0
end

for kind, keep_ms in pairs(r.ended) do
  for _, ticket in over(ended_key(kind), keep_ms) do
    if not at_rest(ticket, kind) then
      -- Its next finish notes it again.
      redis.call('ZREM', ended_key(kind), ticket)
    elseif #letters_of(ticket) > 0 then
      look_later(ended_key(kind), keep_ms, ticket)
    elseif remove(ticket, r) then
      count(kind)
    else
      more = 1
    end
  end
end

local function is_parked(text)
  local read, letter = pcall(cjson.decode, text or '')
  return read and type(letter) == 'table' and letter.action == 'parked'
end

local BY_TIME = P .. 'dead-letters-by-time'
for _, id in over(BY_TIME, r.letters_ms) do
  if is_parked(redis.call('HGET', P .. 'dead-letters', id)) then
    look_later(BY_TIME, r.letters_ms, id)
  else
    unbury({id})
    count('dead_letter')
  end
end

for _, project in ipairs(r.projects) do
  for _, id in over(P .. 'orphans:' .. project, r.orphans_ms) do
    drop_orphan(project, id)
    count('orphan')
  end
  -- What a version without bounds has left; the number is told with what was dropped on the way in.
  if trim_orphans(project, '', 0) > 0 then more = 1 end
end
-- Of each project.
local dropped = redis.call('HGETALL', P .. 'orphans-dropped')
redis.call('DEL', P .. 'orphans-dropped')

if looked_at >= r.most then more = 1 end
return {cjson.encode(retired), dropped, more, unpack(redis.call('LPOP', P .. 'forgotten', r.most) or {})}
