-- Orphans: events of Jelou's that found no ticket yet. Put behind the prelude. In a block: Lua counts to 200 names.
--
-- orphan:<project>:<conversation, or whose it is>    its events: [is evidence, fact, event, the timeline's line]
-- orphans:<project>                                  their names, by when the last event came
-- orphan-sizes:<project>, orphan-bytes:<project>     bytes of each, and of all
-- orphans-dropped                                    project to how many were dropped since retention looked last

local drop_orphan, oldest_orphan, trim_orphans, push_orphan, adopt, give_orphan
do
  -- What strangers say is bounded: so many conversations and bytes of a project, the oldest go first; and so much of one.
  local ORPHANS_MOST, ORPHANS_BYTES, DROPPED_MOST = 10000, 32 * 1048576, 100
  local ORPHAN_EVENTS, ORPHAN_BYTES = 200, 262144
  local function orphans_key(project) return P .. 'orphans:' .. project end
  local function orphan_sizes_key(project) return P .. 'orphan-sizes:' .. project end
  local function orphan_bytes_key(project) return P .. 'orphan-bytes:' .. project end

  local function resize_orphan(project, id, by)
    redis.call('HINCRBY', orphan_sizes_key(project), id, by)
    redis.call('INCRBY', orphan_bytes_key(project), by)
  end

  -- Returns how many bytes it had; 0 where a worker of the version before stored it.
  function drop_orphan(project, id)
    local size = tonumber(redis.call('HGET', orphan_sizes_key(project), id) or '0')
    if size > 0 then
      resize_orphan(project, id, -size)
      redis.call('HDEL', orphan_sizes_key(project), id)
    end
    redis.call('DEL', orphan_key(project, id))
    if redis.call('ZREM', orphans_key(project), id) == 1 and redis.call('EXISTS', orphans_key(project)) == 0 then
      redis.call('DEL', orphan_sizes_key(project), orphan_bytes_key(project))
    end
    return size
  end

  -- Another one than this that may go to make room, oldest first; nil where there is none.
  function oldest_orphan(project, id)
    local first = redis.call('ZRANGE', orphans_key(project), 0, 1)
    return first[1] ~= id and first[1] or first[2]
  end

  -- Drops what is over the bounds, at most so many; and while Redis is nearly full as many bytes as have come.
  function trim_orphans(project, id, bytes)
    local count, freed = 0, 0
    while count < DROPPED_MOST do
      local over = redis.call('ZCARD', orphans_key(project)) > ORPHANS_MOST
        or tonumber(redis.call('GET', orphan_bytes_key(project)) or '0') > ORPHANS_BYTES
      local oldest = (over or freed < bytes) and oldest_orphan(project, id)
      if not oldest then break end
      freed = freed + math.max(drop_orphan(project, oldest), 1)
      count = count + 1
    end
    if count > 0 then redis.call('HINCRBY', P .. 'orphans-dropped', project, count) end
    return count
  end

  -- The first event says whose it is; behind it the newest are kept.
  local function trim_orphan(project, id)
    local key = orphan_key(project, id)
    local count, size = redis.call('LLEN', key), tonumber(redis.call('HGET', orphan_sizes_key(project), id))
    if count <= ORPHAN_EVENTS and size <= ORPHAN_BYTES then return end
    local first, freed = redis.call('LPOP', key), 0
    while count > 2 and (count > ORPHAN_EVENTS or size - freed > ORPHAN_BYTES) do
      freed, count = freed + #redis.call('LPOP', key), count - 1
    end
    redis.call('LPUSH', key, first)
    resize_orphan(project, id, -freed)
  end

  function push_orphan(project, id, text)
    redis.call('RPUSH', orphan_key(project, id), text)
    redis.call('ZADD', orphans_key(project), NOW, id)
    resize_orphan(project, id, #text)
    trim_orphan(project, id)
    trim_orphans(project, id, is_full(ORPHANS_AT) and #text or 0)
  end

  -- Events that came before their link. Their facts are noted now, so that a repeat stays a repeat.
  function adopt(project, id, ticket)
    for _, text in ipairs(redis.call('LRANGE', orphan_key(project, id), 0, -1)) do
      local orphan = cjson.decode(text)
      if new_fact(ticket, orphan[2]) then
        put(ticket, orphan[3], orphan[1])
        tell(ticket, {orphan[4]})
      end
    end
    drop_orphan(project, id)
  end

  -- A conversation that no ticket asked for becomes this one's, with all that came in it. Returns the lane to wake or ''.
  function give_orphan(project, id, ticket, lane, entry, wake_ms)
    redis.call('SET', conversation_key(project, id), ticket)
    note(ticket, 'conversation:' .. project .. ':' .. id)
    tell(ticket, {entry})
    adopt(project, id, ticket)
    local due, its_lane = arrived(ticket, lane, true)
    return due and must_wake(its_lane, wake_ms) and its_lane or ''
  end
end
