-- discard(letter id, at_ms, ticket, entry, decision): a person takes a dead letter from the list; why is kept.
-- returns done, gone, or changed: it was given up anew meanwhile.

local verdict = letter_verdict(ARGV[1], tonumber(ARGV[2]))
if verdict == 'done' then
  unbury({ARGV[1]})
  tell_more(ARGV[3], {ARGV[4]})
  decide(ARGV[1], ARGV[5])
end
return verdict
