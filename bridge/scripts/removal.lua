-- Removing a ticket, with everything that names it. Put behind the prelude; retire.lua and forget.lua say which and why.
-- So much of it goes in one step; the caller comes again for the rest. Its own keys go last.
-- how: {tombstone_ms, forgotten, in_flight_ms}

local entomb_conversation, letters_of, remove
do
  -- What came in it before it was known to be the ticket's goes as well.
  function entomb_conversation(project, id, how)
    redis.call('SET', tombstone_key('conversation', project .. ':' .. id), '', 'PX', how.tombstone_ms)
    drop_orphan(project, id)
  end

  local PART_MOST, LETTERS_LOOKED_AT = 500, 5000
  local function some(key, most) return redis.call('SRANDMEMBER', key, most) end

  local function leave_set(name, ticket) redis.call('SREM', P .. name, ticket) end

  local function leave_scores(name, ticket) redis.call('ZREM', P .. name, ticket) end

  -- Only the first ticket of a conversation is noted for it; one that shares it leaves it alone.
  local function leave_conversation(name, _, how)
    redis.call('DEL', P .. name)
    local project, id = name:match('^%a+:([^:]*):(.*)$')
    entomb_conversation(project, id, how)
  end

  -- A start that is in flight cannot be called back; until its fate would be settled, no other one for this bot and user
  -- begins, and its start event is known.
  local function leave_start(name, ticket, how)
    if redis.call('GET', P .. name) ~= ticket then return end
    redis.call('DEL', P .. name)
    redis.call('SET', tombstone_key('starting', name:match('^%a+:(.*)$')), how.tombstone_ms, 'PX', how.in_flight_ms)
  end

  local function leave_close(name, ticket)
    if redis.call('GET', P .. name) == ticket then redis.call('DEL', P .. name) end
  end

  local function leave_last(name, ticket)
    if last_of(name:match('^%a+:(.*)$')) == ticket then redis.call('DEL', P .. name) end
  end

  local function leave_letter(name) unbury({name:match('^%a+:(.*)$')}) end

  local LEAVE = {
    person = leave_set, contact = leave_set, room = leave_set, behind = leave_set, held = leave_set, sharers = leave_set,
    conversation = leave_conversation, starting = leave_start, letter = leave_letter, open = leave_scores,
    closing = leave_close, last = leave_last,
  }

  -- The ids of its dead letters that are still listed.
  function letters_of(ticket)
    local found = {}
    for _, name in ipairs(some(P .. 'named:' .. ticket, LETTERS_LOOKED_AT)) do
      local id = name:match('^letter:(.*)$')
      if id and redis.call('HEXISTS', P .. 'dead-letters', id) == 1 then found[#found + 1] = id end
    end
    return found
  end

  -- A conversation that only evidence has named so far; its further events are known as well. What a worker told of its
  -- own start names no project: that is in the lane's name. Returns whether there is more.
  local function entomb_evidence(ticket, how)
    local lane = redis.call('HGET', link_key(ticket), 'lane') or ''
    for _, text in ipairs(redis.call('LRANGE', evidence_key(ticket), 0, PART_MOST - 1)) do
      local read, told = pcall(cjson.decode, text)
      local event = read and type(told) == 'table' and told.event
      if type(event) == 'table' and event.conversation_id and event.conversation_id ~= '' then
        entomb_conversation(event.project or lane:match('~(.*)$') or '', event.conversation_id, how)
      end
    end
    redis.call('LTRIM', evidence_key(ticket), PART_MOST, -1)
    return redis.call('EXISTS', evidence_key(ticket)) == 1
  end

  -- A fact is known in either place, so that what is told in between is no news. Returns whether there are more.
  local function entomb_facts(ticket, tombstone, how)
    local key, hashed = P .. 'facts:' .. ticket, {}
    local facts = some(key, PART_MOST)
    for i, fact in ipairs(facts) do hashed[i] = keyed(fact) end
    if #facts > 0 then
      redis.call('SADD', tombstone, unpack(hashed))
      redis.call('SREM', key, unpack(facts))
      redis.call('PEXPIRE', tombstone, how.tombstone_ms)
    end
    return redis.call('EXISTS', key) == 1
  end

  local function leave_names(ticket, how)
    local key = P .. 'named:' .. ticket
    for _, name in ipairs(some(key, PART_MOST)) do
      LEAVE[name:match('^%a+')](name, ticket, how)
      redis.call('SREM', key, name)
    end
    return redis.call('EXISTS', key) == 1
  end

  local function leave_lanes(ticket)
    local link = redis.call('HMGET', link_key(ticket), 'lane', 'ended')
    if link[1] then redis.call('ZREM', lane_key(link[1]), ticket) end
    redis.call('ZREM', ended_key('heard'), ticket)
    if link[2] then redis.call('ZREM', ended_key(link[2]), ticket) end
  end

  -- Whoever holds it has lost it: without its link no mark, beat or finish of theirs is taken. Returns the tombstone, or
  -- nil where more of the ticket is left.
  function remove(ticket, how)
    local tombstone = tombstone_key('ticket', ticket)
    if entomb_facts(ticket, tombstone, how) then return nil end
    if entomb_evidence(ticket, how) then return nil end
    if leave_names(ticket, how) then return nil end
    redis.call('SADD', tombstone, how.forgotten and FORGOTTEN or 'removed')
    redis.call('PEXPIRE', tombstone, how.tombstone_ms)
    keep_places(ticket, {})
    leave_lanes(ticket)
    redis.call('DEL', link_key(ticket), inbox_key(ticket), evidence_key(ticket), P .. 'timeline:' .. ticket,
      transcript_key(ticket), P .. 'facts:' .. ticket, P .. 'named:' .. ticket, P .. 'wrote:' .. ticket,
      -- A worker of the version before keeps a ticket's own rate there.
      P .. 'pace:ticket:' .. ticket)
    return tombstone
  end
end
