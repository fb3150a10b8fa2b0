-- accept(request): one delivery of a helpdesk, all its events, once.
-- request: {seen, id, ttl_s, wake_ms, sender ('' where it was not the sender who told it), items: [{ticket, lane, fact, event, entry, repeated, person, people, warnings: [[fact, entry]]}]}
-- An item without an event asks for nothing: it is only told on the timeline, and wakes nobody.
-- An item of a forgotten ticket is accepted and not kept. One without `repeated` is not told where it is none any more.
-- Warnings stand behind what was told; each is told once of a ticket.
-- returns {status, id, lanes to wake...}; status is accepted or duplicate, id that of the first time.

local r = cjson.decode(ARGV[1])
local seen = P .. 'seen:' .. r.seen
local first = redis.call('GET', seen)
if first then return {'duplicate', first} end
if is_full(DELIVERIES_AT) then return no_room() end
redis.call('SET', seen, r.id, 'EX', r.ttl_s)
heard(r.sender)
local answer = {'accepted', r.id}
for _, item in ipairs(r.items) do
  local kept = not forgotten(item.ticket)
  if kept and item.event == '' then
    tell(item.ticket, {item.entry})
    -- No finish will say when it may go.
    if redis.call('EXISTS', link_key(item.ticket)) == 0 then
      redis.call('ZADD', ended_key('heard'), NOW, item.ticket)
    else
      -- What was read of the ticket may not be true any more.
      redis.call('HINCRBY', link_key(item.ticket), 'changes', 1)
    end
  elseif kept and new_fact(item.ticket, item.fact) then
    put(item.ticket, item.event, false)
    tell(item.ticket, {item.entry})
    belongs(item.ticket, item.person, item.people)
    local due, lane = arrived(item.ticket, item.lane, false)
    if due and must_wake(lane, r.wake_ms) then answer[#answer + 1] = lane end
  elseif kept and item.repeated ~= '' then
    tell_more(item.ticket, {item.repeated})
  end
  for _, warning in ipairs(kept and item.warnings or {}) do
    if redis.call('EXISTS', P .. 'timeline:' .. item.ticket) == 1 and new_fact(item.ticket, warning[1]) then
      tell(item.ticket, {warning[2]})
    end
  end
end
return answer
