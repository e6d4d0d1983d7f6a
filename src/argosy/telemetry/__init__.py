"""What operators see: structured logs.

Everything else in the package only says ``log.info("task.claimed", extra={...})`` to the standard library's logging;
where that goes, and what of it nobody may see, is decided here, by a face, once.
"""
