-- pass_gate(caller, gate, outcomes): a call that is of no ticket, at the same gate as the tickets' calls.
-- The caller keeps its place in the row as a ticket does, in a key of its own that ends by itself.
-- outcomes: what became of its calls before, see gate.lua; without a gate (false) that is all.
-- returns {verdict, ms to wait, reason}: go | paced | broken.

local gate = cjson.decode(ARGV[2])
for _, outcome in ipairs(cjson.decode(ARGV[3])) do record(outcome) end
if not gate then return {'go', '', ''} end
local place = P .. 'place:' .. ARGV[1]
local refused = refused_at(place, gate)
if refused then redis.call('PEXPIRE', place, math.ceil(tonumber(refused[2])) + 60000) end
return refused or {'go', '', ''}
