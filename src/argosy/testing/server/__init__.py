"""FaultyServer: a real HTTP server which misbehaves exactly as told, and remembers what it was asked.

::

    request ──► site (file, faults that strike) ──► question ──faults──► question'
                                                                            │ correct_answer (RFC 9110)
    wire ◄── connection ◄── delivery ◄── steps ◄── answer' ◄──faults── answer
                                 └──► log

Requests, files, answers, faults and steps are values; only ``listener``, ``connection``, ``conversation`` and
``delivery`` do I/O. The faults are in ``argosy.testing.faults``, which knows this package and is not known to it.
"""

from argosy.testing.server.answer import BEFORE_HEAD, Answer
from argosy.testing.server.body import Body
from argosy.testing.server.fault import Fault
from argosy.testing.server.faulty_server import FaultyServer
from argosy.testing.server.log import Outcome, RequestRecord
from argosy.testing.server.message import Request, Span, http_date
from argosy.testing.server.resource import AUTO, LONG_AGO, Question, Resource, digest, repr_digest

__all__ = [
    "AUTO",
    "BEFORE_HEAD",
    "LONG_AGO",
    "Answer",
    "Body",
    "Fault",
    "FaultyServer",
    "Outcome",
    "Question",
    "Request",
    "RequestRecord",
    "Resource",
    "Span",
    "digest",
    "http_date",
    "repr_digest",
]
