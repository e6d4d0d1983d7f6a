"""What operators see: a line, a count and a span for each request, spans of tasks, meters, and whether we are ready.

May live here: what looks on. May not: anything that a request's answer depends on, but for ``/ready`` and ``/metrics``.
"""
