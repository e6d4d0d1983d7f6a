"""Made for tests, ours and yours: a clock that stands still, an engine that follows a script, a server that lies, and
the suites that tell whether a store or an engine keeps its promises.
"""
