-- discard_orphan(project, conversation, events seen, id, decision): a person forgets its events; why is kept.
-- returns done, gone, or changed: more events have come meanwhile.

local project, id = ARGV[1], ARGV[2]
local there = redis.call('LLEN', orphan_key(project, id))
if there == 0 then return 'gone' end
if there ~= tonumber(ARGV[3]) then return 'changed' end
redis.call('DEL', orphan_key(project, id))
redis.call('ZREM', P .. 'orphans:' .. project, id)
decide(ARGV[4], ARGV[5])
return 'done'
