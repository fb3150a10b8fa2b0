"""What a version of the bridge has stored, kept as a file, so that every later version is tried with it.

``python -m tests.data make NAME`` writes ``NAME.json`` by the code as it is: the keys of Redis with tickets in every
phase and in between (``scenes.py``), and what the other sides had by then (``peers.py``). A file that was made is never
made anew: it is what that version wrote. ``ends.py`` says what becomes of each ticket, and
``tests/integration/test_stored_data.py`` lets real workers get it there.
"""
