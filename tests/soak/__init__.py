"""``make soak``: a whole bridge under a seeded plan of faults, and a table of what held."""
