"""Jobs: tasks in the words of the download contract (``/v1/download``, ``/ws/download``).

:mod:`initiation` begins them, :mod:`contract` says in the contract's words how they stand, :mod:`view` keeps that for all who
look, :mod:`watch` tells it over a WebSocket. May not live here: anything about tasks that the contract does not name.
"""
