"""HTTP(S), FTP and SFTP through libcurl.

::

    CurlEngine.fetch ── Dash: a small file that comes at once and as expected; hands all else, request and all, to a
                        Fetch: one file; which pieces, how many connections, same bytes or start again
                          │ owns
                          ├─ Stream: one connection's request and its body ─► Ledger ─► part file
                          │      │ runs on
                          └──────┴─ Client: the multi handle and its idle easy handles

    CurlEngine.fetch_bulk ── Bulk: many small files, a dash each, over some handles that are used again and again

``core/answer.py`` judges what servers say, ``core/ranges.py`` says which bytes are missing, ``core/pace.py`` how many
connections are worth having; here it is only carried out.
"""

from argosy.engines.curl.engine import CurlEngine

__all__ = ["CurlEngine"]
