"""One suite for every dialect."""
