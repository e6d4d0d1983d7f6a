"""The runtime behind HTTP: who may ask what, how it is asked, and how what happens is told.

Routes translate: a request becomes a verb of the runtime, its answer a document. Nothing here decides what a task does,
and nothing below knows of HTTP. Needs the ``service`` extra.
"""
