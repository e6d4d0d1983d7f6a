"""Where the bytes go: part files, durable flushes, and the publishing of a finished file under its name.

Every path is walked below the destination folder without following links; nothing here knows a URL.
"""
