-- discard(letter id, reason, ticket or '', entry): a person takes a dead letter from the list; the reason is kept.

unbury({ARGV[1]})
if ARGV[3] ~= '' then tell_more(ARGV[3], {ARGV[4]}) end
return 1
