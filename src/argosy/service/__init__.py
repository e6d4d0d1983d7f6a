"""The runtime behind HTTP: who may ask what, how it is asked, and how what happens is told.

::

    daemon ──► operations ──► security ──► routes ──┬─► asking ──► tasks | jobs ──► the runtime
    sockets    log, span      the gate              ├─► results | live | webhooks
                                                    └─► answering

Routes translate: a request becomes a verb of the runtime, its answer a document. Nothing here decides what a task does,
and nothing below knows of HTTP. :mod:`app` joins the routes, :mod:`context` is what each has at hand. Needs the
``service`` extra.
"""
