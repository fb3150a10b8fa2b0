-- turns_of(ticket): where it waits for a call, or may make one now. Reads only.
-- returns {{destination, class, ms that it may take, how many calls of which class stand before it
-- as JSON, why the destination is not called just now or ''}...}

local answer = {}
for _, destination in ipairs(redis.call('SMEMBERS', at_key(ARGV[1]))) do
  local place, gate = place_of(destination, ARGV[1]), known_gate(destination)
  if place and gate then
    local before, counts = 0, {}
    if not granted_moment(destination, ARGV[1]) then before, counts = ahead(destination, place) end
    gate.destination = destination
    local till, reason = broken(destination)
    answer[#answer + 1] = {destination, place.class, expected_ms(gate, place, before, till), cjson.encode(counts),
      reason or ''}
  end
end
return answer
