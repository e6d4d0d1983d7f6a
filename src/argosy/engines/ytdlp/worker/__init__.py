"""The process in which yt-dlp runs: ``python -m argosy.engines.ytdlp.worker``. It is told by one line of JSON on stdin what
to do, answers with lines of JSON on stdout, and ends with all that it started when its stdin is closed.
"""
