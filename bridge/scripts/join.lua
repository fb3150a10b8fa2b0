-- join(new_id, highest, synced, remembered): enter the present generation of the data, or begin the next one.
-- KEYS[2] names the generation the process was in, '' at its start; highest the greatest step it was ever answered.
-- synced is 1 where the server is known to write each step to its disk before it answers.
-- remembered: {alive_ms, workers: [[id, ms]...], paused: [[account, since]...]}, what the process last saw.
-- returns {generation, id of the last loss or '', now}
-- A generation ends with the server's run (a restart, a failover) or when its key is gone (a flush). That alone loses
-- nothing; a loss is noted where a process knows of steps that are gone, and where nobody can vouch that none are.

local new_id, highest, synced = ARGV[1], tonumber(ARGV[2]), ARGV[3] == '1'
local remembered = cjson.decode(ARGV[4])
local known = KEYS[2]:sub(#P + #'generation:' + 1)
local stored = redis.call('HMGET', GENERATION, 'id', 'run_id')
local id, here = stored[1], run_id()
local sequence = tonumber(redis.call('GET', SEQUENCE) or '0')

-- Long enough for every living worker to notice and tell; with lease and sweep it stays under 15 s.
local HOLD_MS = 5000
-- Journals of processes reach back this far; what is older than that at a loss is not put back by them.
local JOURNALS_MS = 60000
-- A worker that was seen so shortly before the data ends may have sent something that the data does not know.
local SEEN_MS = 3000
local KEPT = 20
local SETTLED = 9e15

local function last_alive()
  return math.max(tonumber(redis.call('GET', ALIVE) or '0'), remembered.alive_ms)
end

local function await_workers(alive)
  for _, worker in ipairs(remembered.workers) do redis.call('ZADD', WORKERS, 'GT', worker[2], worker[1]) end
  redis.call('DEL', AWAITED)
  for _, worker in ipairs(redis.call('ZRANGEBYSCORE', WORKERS, alive - SEEN_MS, '+inf')) do
    redis.call('SADD', AWAITED, worker)
  end
end

local function lost(kind)
  local alive = last_alive()
  await_workers(alive)
  for _, paused in ipairs(remembered.paused) do redis.call('HSETNX', P .. 'paused', paused[1], paused[2]) end
  local deep = (NOW - alive > JOURNALS_MS) and 1 or 0
  local steps = math.max(highest - sequence, 0)
  redis.call('DEL', LOSS)
  redis.call('HSET', LOSS, 'id', new_id, 'kind', kind, 'at', NOW, 'since', alive, 'hold_until', NOW + HOLD_MS,
    'steps', steps, 'deep', deep, 'put_back', 0, 'testified', 0)
  redis.call('LPUSH', LOSSES, cjson.encode({id = new_id, kind = kind, at = NOW, since = alive, steps = steps}))
  redis.call('LTRIM', LOSSES, 0, KEPT - 1)
end

-- Jobs ended with the server, and what they held awake would sleep until that runs out.
local function rouse()
  for _, lane in ipairs(redis.call('ZRANGE', LANES, 0, -1)) do
    redis.call('DEL', awake_key(lane))
    redis.call('ZADD', LANES, 'LT', NOW, lane)
  end
end

local function begin(kind)
  if id then redis.call('HSET', GENERATIONS, id, sequence) end
  -- Noted once: the next process that comes from there only enters.
  if kind and known ~= '' then redis.call('HSET', GENERATIONS, known, SETTLED) end
  if kind then lost(kind) end
  redis.call('SET', SEQUENCE, math.max(sequence, highest))
  redis.call('HSET', GENERATION, 'id', new_id, 'run_id', here)
  rouse()
  return new_id
end

local function entered()
  local restarted = stored[2] ~= here
  local unvouched = restarted and not synced and 'unvouched' or nil
  if not id then return begin(known ~= '' and 'flushed' or nil) end
  if known == '' then return restarted and begin(unvouched) or id end
  if known == id then
    if not restarted then return id end
    return begin(highest > sequence and 'rolled back' or unvouched)
  end
  local ended = tonumber(redis.call('HGET', GENERATIONS, known) or '-1')
  if ended < 0 then return begin('flushed') end
  if highest > ended then return begin('rolled back') end
  return restarted and begin(unvouched) or id
end

local generation = entered()
redis.call('SET', ALIVE, NOW)
return {generation, redis.call('HGET', LOSS, 'id') or '', NOW}
