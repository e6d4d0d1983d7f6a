"""What happened, told to other servers: signed, persisted until delivered, and never to an address it should not reach.

The way of a message: ``herald`` reads the event log and writes deliveries into the ``outbox``, with how far it has read, in
one transaction; ``courier`` takes what is due from there, ``post`` sends it, and what came of it goes into the outbox again.
"""
