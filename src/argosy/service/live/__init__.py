"""What happens, told while it happens.

:mod:`feed` is the one reader of the bus and keeps what was heard last, for everybody once; a :mod:`mailbox` is a place in
it and a :mod:`filter`, whatever the client's pace; :mod:`conversation` (WebSocket) and :mod:`stream` (SSE) send what comes.
Nothing here queues for a client: what is lasting is read again, from the feed or the store's log, and of progress only the
newest counts. So the slowest client costs as little as the fastest.
"""
