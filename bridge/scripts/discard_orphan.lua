-- discard_orphan(project, conversation, events seen, id, decision, people whose it was, hash_key if there is none yet): a person forgets its events; why is kept.
-- returns done, gone, or changed: more events have come meanwhile.

local project, id = ARGV[1], ARGV[2]
local there = redis.call('LLEN', orphan_key(project, id))
if there == 0 then return 'gone' end
if there ~= tonumber(ARGV[3]) then return 'changed' end
drop_orphan(project, id)
decide_of(cjson.decode(ARGV[6]), ARGV[7], ARGV[4], ARGV[5])
return 'done'
