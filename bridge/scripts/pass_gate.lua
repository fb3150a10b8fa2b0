-- pass_gate(name, gate, outcomes): a call that changes nothing of a ticket, at the same gate as the others.
-- name is a ticket that is in the caller's hands, or a caller of its own (gate.caller), who asks again until it may go.
-- outcomes: what became of its calls before, see gate.lua; without a gate (false) that is all.
-- returns what mark.lua does: go | soon | paced | broken.

local gate = cjson.decode(ARGV[2])
for _, outcome in ipairs(cjson.decode(ARGV[3])) do record(outcome) end
if not gate then return {'go', '0', ''} end
return pass(ARGV[1], gate)
