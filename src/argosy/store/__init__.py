"""The truth: one port, several stores that keep it, one contract suite that they all pass.

A store keeps values and refuses writes that come too late; it holds no policy. SQL lives in ``.sql`` files.
"""
