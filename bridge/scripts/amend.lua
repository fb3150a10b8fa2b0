-- amend(request): a person's change of a ticket that no worker holds, out of a dead letter.
-- request: {ticket, lane, expected, state, events, entries, letter, at_ms, decision, wake_ms}
-- returns {verdict, lane to wake or ''}; gone: the letter is; changed: letter or link are not what the person was
-- shown, or a worker has the ticket.

local r = cjson.decode(ARGV[1])
local verdict = letter_verdict(r.letter, r.at_ms)
if verdict ~= 'done' then return {verdict, ''} end
-- A ticket that was removed in between has nothing left to change.
if removed(r.ticket) then return {'changed', ''} end
local link = redis.call('HMGET', link_key(r.ticket), 'state', 'holder', 'lane')
if link[2] or (link[1] or '') ~= r.expected then return {'changed', ''} end
local lane = link[3] or r.lane
redis.call('HSET', link_key(r.ticket), 'state', r.state, 'lane', lane)
redis.call('HDEL', link_key(r.ticket), 'wait')
for _, event in ipairs(r.events) do redis.call('LPUSH', inbox_key(r.ticket), event) end
tell(r.ticket, r.entries)
unbury({r.letter})
decide(r.letter, r.decision)
redis.call('ZADD', lane_key(lane), NOW, r.ticket)
redis.call('ZADD', LANES, 'LT', NOW, lane)
return {'done', must_wake(lane, r.wake_ms) and lane or ''}
