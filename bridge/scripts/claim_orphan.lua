-- claim_orphan(project, conversation, ticket, lane, entry, wake_ms, id, decision, people, hash_key): a person says whose this is.
-- returns {verdict, lane to wake or ''}; verdict is done, gone (no such orphan), removed (what was kept of the ticket
-- was) or taken (another ticket has it).

local project, id, ticket, entry = ARGV[1], ARGV[2], ARGV[3], ARGV[5]
if redis.call('EXISTS', orphan_key(project, id)) == 0 then return {'gone', ''} end
if removed(ticket) then return {'removed', ''} end
local first = redis.call('GET', conversation_key(project, id))
if first and first ~= ticket then return {'taken', first} end
decide_of(cjson.decode(ARGV[9]), ARGV[10], ARGV[7], ARGV[8])
return {'done', give_orphan(project, id, ticket, ARGV[4], entry, tonumber(ARGV[6]))}
