-- accept(request): one delivery of a helpdesk, all its events, once.
-- request: {seen, id, ttl_s, wake_ms, items: [{ticket, lane, fact, event, entry, repeated}]}
-- An item without an event asks for nothing: it is only told on the timeline, and wakes nobody.
-- returns {status, id, lanes to wake...}; status is accepted or duplicate, id that of the first time.

local r = cjson.decode(ARGV[1])
local seen = P .. 'seen:' .. r.seen
if not redis.call('SET', seen, r.id, 'NX', 'EX', r.ttl_s) then
  return {'duplicate', redis.call('GET', seen)}
end
local answer = {'accepted', r.id}
for _, item in ipairs(r.items) do
  if item.event == '' then
    tell(item.ticket, {item.entry})
  elseif new_fact(item.ticket, item.fact) then
    put(item.ticket, item.event, false)
    tell(item.ticket, {item.entry})
    local due, lane = arrived(item.ticket, item.lane, false)
    if due and must_wake(lane, r.wake_ms) then answer[#answer + 1] = lane end
  else
    tell(item.ticket, {item.repeated})
  end
end
return answer
