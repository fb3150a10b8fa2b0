-- testify(ticket, lane, fact, event, entry, wake_ms, contact, also): evidence of the bridge's own for a ticket that somebody else may
-- hold, once per fact. It counts in every phase and ends every wait, as an event of Jelou's does.
-- contact is whose conversation it tells of, '' where of none; also, as JSON, its other spellings.
-- returns the lane to wake, or ''.

local ticket = ARGV[1]
if removed(ticket) then return '' end
if not new_fact(ticket, ARGV[3]) then return '' end
put(ticket, ARGV[4], true)
has_begun(ticket, ARGV[7], cjson.decode(ARGV[8]))
tell(ticket, {ARGV[5]})
local due, lane = arrived(ticket, ARGV[2], true)
return due and must_wake(lane, tonumber(ARGV[6])) and lane or ''
