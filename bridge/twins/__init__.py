"""A Jelou and a Zendesk to run against, with faults on demand: for the demo, the tests, the benchmark and the soak.

The twins are a reading of the vendors' documentation of their own: they share no code with the bridge's dialects, so
that a misreading there meets a refusal here. They are strict: what the documentation does not allow, they refuse.
"""
