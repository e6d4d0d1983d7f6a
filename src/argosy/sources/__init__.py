"""What a user wrote becomes files: one module for each kind of source.

A source finds out which files there are, where they lie and what is known of them. It moves no bytes of theirs and
touches no disk.
"""
