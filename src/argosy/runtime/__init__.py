"""The only package that starts tasks and threads: it wires decisions, store, engines and destinations together.

Two loops. On the *runtime loop* (the caller's) live the router, the scheduler, the hub and the bus; on the *transfer
loop* (a thread owned by the pool) live the workers and the engines. A message crosses between them in exactly two
places: reports go to the router through :mod:`argosy.runtime.mailbox`, and starts, signals and answers go to the
workers through :mod:`argosy.runtime.pool`. Nothing here decides what a status becomes: that is ``core.lifecycle``.
"""
