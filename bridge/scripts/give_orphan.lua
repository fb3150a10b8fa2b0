-- give_orphan(project, conversation, ticket, lane, entry, wake_ms): the ticket that was opened for it gets it.
-- returns {verdict, lane to wake or ''}; done, also where it has it already, or gone: somebody else has it, or nobody.

local project, id, ticket = ARGV[1], ARGV[2], ARGV[3]
if redis.call('EXISTS', orphan_key(project, id)) == 0 then
  return {redis.call('GET', conversation_key(project, id)) == ticket and 'done' or 'gone', ''}
end
return {'done', give_orphan(project, id, ticket, ARGV[4], ARGV[5], tonumber(ARGV[6]))}
