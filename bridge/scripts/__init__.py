"""The store's Lua scripts: each one atomic step of the protocol."""
