"""The configuration: one YAML file read, checked and located; the process's own settings; a schema for editors.

Seen only by the wiring and the entry points. The models it fills are ``bridge.accounts`` and the dialects' own.
"""
