"""The way out: ordered, bounded, replayable delivery of events to whoever listens.

A bus knows events and sequence numbers; it knows nothing of how a task runs. What it has not kept it reads back
from the store's log.
"""
