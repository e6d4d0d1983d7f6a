"""The same request again is the same task, whatever crashed in between: ``Idempotency-Key``.

A key is kept, before any task is stored, with what was asked and with a random text. The ids of the tasks follow from that
text, and the store takes an id once only: so of many who ask at the same time, and before or after a crash, all are given
the same tasks. Which requests joined tasks that were there already is noted afterwards.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from argosy.core.types import TaskId
from argosy.errors import UsageError
from argosy.service.security.principal import Principal
from argosy.store.port import Record, Store

KIND: Final = "idempotency"
KEPT_S: Final = 86_400.0
LONGEST: Final = 255
_KEY: Final = re.compile(r"[\x21-\x7e]+")


@dataclass(frozen=True, slots=True)
class Claim:
    """What a key stands for. ``fresh``: nobody has used it before. ``joined``: ids of tasks that were there, by index."""

    record: Record
    nonce: str = field(repr=False)
    fresh: bool = True
    joined: Mapping[int, TaskId] = field(default_factory=dict)

    def task_id(self, key: bytes, index: int) -> TaskId:
        """Return the id of the task that is made for the request of that index; nobody can guess it."""
        text = f"task\0{self.nonce}\0{index}".encode()
        return hmac.digest(key, text, "sha256")[:16].hex()


async def claim(store: Store, now: float, asker: Principal, key: str, content: bytes) -> Claim:
    """Return what the key stands for, durably. Raises UsageError, code ``idempotency_mismatch`` if that is another
    request than ``content``.
    """
    if len(key) > LONGEST or not _KEY.fullmatch(key):
        raise UsageError(
            "that is no Idempotency-Key",
            hint=f"at most {LONGEST} printable characters, such as a UUID",
            code="idempotency_key",
        )
    name = hashlib.blake2b(f"{asker.name}\0{key}".encode(), digest_size=24).hexdigest()
    ours = {"asked": hashlib.sha256(content).hexdigest(), "nonce": secrets.token_hex(16)}
    record = await store.keep(Record(KIND, name, json.dumps(ours), now + KEPT_S), now)
    kept = json.loads(record.value)
    if kept["asked"] != ours["asked"]:
        raise UsageError(
            "the Idempotency-Key was used for another request", hint="take a new key", code="idempotency_mismatch"
        )
    joined = {int(index): task_id for index, task_id in kept.get("joined", {}).items()}
    return Claim(record, kept["nonce"], kept["nonce"] == ours["nonce"], joined)


async def note_joined(store: Store, claimed: Claim, joined: Mapping[int, TaskId]) -> None:
    """From now on the key stands for these tasks too, which were there before it was used."""
    if not joined or dict(joined) == dict(claimed.joined):
        return
    value = json.loads(claimed.record.value) | {"joined": {str(index): task_id for index, task_id in joined.items()}}
    await store.put(Record(KIND, claimed.record.name, json.dumps(value), claimed.record.expires_at))
