-- testify(ticket, lane, fact, event, entry, wake_ms): a worker tells what it knows of a start, as evidence.
-- returns the lanes to wake. Told again, it is told to nobody.

local ticket, fact = ARGV[1], ARGV[3]
if not new_fact(ticket, fact) then return {} end
put(ticket, ARGV[4], true)
tell(ticket, {ARGV[5]})
local due, lane = arrived(ticket, ARGV[2], true)
return due and must_wake(lane, tonumber(ARGV[6])) and {lane} or {}
