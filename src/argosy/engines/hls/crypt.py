"""Segments decrypted: AES-128 in CBC mode with PKCS#7 padding (RFC 8216 4.3.2.4)."""

from __future__ import annotations

from typing import Final

from argosy.engines.hls.playlist import Key
from argosy.errors import BadResponse, UsageError

KEY_BYTES: Final = 16


def decrypted(data: bytes, key: Key, secret: bytes, sequence: int) -> bytes:
    """Return the plain segment. Raises BadResponse naming it, UsageError without the extra."""
    if key.method != "AES-128":
        raise BadResponse(
            f"segment {sequence} is encrypted with {key.method[:40]}, which cannot be undone here",
            hint="a player with the right licence can show it", code="encrypted",
        )  # fmt: skip
    if len(secret) != KEY_BYTES:
        raise BadResponse(f"the key has {len(secret)} bytes instead of {KEY_BYTES}", code="bad_key")
    if not data or len(data) % KEY_BYTES:
        raise BadResponse(
            f"segment {sequence} has {len(data)} bytes, which no encrypted segment has",
            code="bad_segment",
            retryable=True,
        )
    try:
        from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes  # noqa: PLC0415 - an extra
        from cryptography.hazmat.primitives.padding import PKCS7  # noqa: PLC0415 - an extra
    except ImportError:
        raise UsageError(
            "encrypted playlists need cryptography", hint="pip install 'argosy[hls]'", code="missing_extra"
        ) from None
    iv = key.iv if key.iv is not None else sequence.to_bytes(KEY_BYTES, "big")
    decryptor = Cipher(algorithms.AES(secret), modes.CBC(iv)).decryptor()
    plain = decryptor.update(data) + decryptor.finalize()
    unpadder = PKCS7(8 * KEY_BYTES).unpadder()
    try:
        return unpadder.update(plain) + unpadder.finalize()
    except ValueError:
        raise BadResponse(
            f"segment {sequence} does not decrypt: another key, or damaged", code="bad_segment", retryable=True
        ) from None
