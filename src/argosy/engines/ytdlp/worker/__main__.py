"""Does what one order says."""

from __future__ import annotations

import os
import sys

from argosy.engines.ytdlp.worker.channel import Channel


def main() -> int:
    channel = Channel()
    order = channel.order()
    try:
        from argosy.engines.ytdlp.worker.trouble import trouble_of  # noqa: PLC0415 - half a second; being told to end comes first
    except ImportError as error:
        channel.tell(error={"kind": "other", "message": str(error)})
        return 1
    try:
        if order["do"] == "list":
            from argosy.engines.ytdlp.worker.listing import listed as do  # noqa: PLC0415 - only one of the two
        else:
            from argosy.engines.ytdlp.worker.fetching import fetched as do  # noqa: PLC0415 - as above
        do(order, channel)
    except Exception as error:  # noqa: BLE001 - the other process wants to know of every kind
        channel.tell(error=trouble_of(error))
    channel.tell(done=True)
    return 0


if __name__ == "__main__":
    code = main()
    sys.stderr.flush()
    os._exit(code)  # threads that still wait for a dead server are nobody's concern any more
