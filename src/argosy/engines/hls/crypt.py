"""Segments decrypted: AES-128 in CBC mode with PKCS#7 padding (RFC 8216 4.3.2.4), or the samples within them."""

from __future__ import annotations

from typing import Final

from argosy.engines.hls import sample
from argosy.engines.hls.playlist import Key
from argosy.errors import BadResponse, UsageError

KEY_BYTES: Final = 16
WHOLE: Final = "AES-128"
SAMPLES: Final = "SAMPLE-AES"


def check(key: Key, sequence: int) -> None:
    """Raise BadResponse, code ``encrypted``, for what cannot be undone here whatever the key."""
    if key.method not in (WHOLE, SAMPLES) or (key.method == SAMPLES and key.iv is None):
        raise _refused(key.method, sequence)


def decrypted(data: bytes, key: Key, secret: bytes, sequence: int) -> bytes:
    """Return the plain segment. Raises BadResponse naming it, UsageError without the extra."""
    check(key, sequence)
    if len(secret) != KEY_BYTES:
        raise BadResponse(f"the key has {len(secret)} bytes instead of {KEY_BYTES}", code="bad_key")
    return _samples(data, key, secret, sequence) if key.method == SAMPLES else _whole(data, key, secret, sequence)


def _samples(data: bytes, key: Key, secret: bytes, sequence: int) -> bytes:
    if not sample.is_transport_stream(data):
        raise _refused("SAMPLE-AES in something else than a whole transport stream", sequence)
    assert key.iv is not None
    iv = key.iv
    try:
        return sample.decrypted(data, lambda blocks: _blocks(blocks, secret, iv))
    except sample.Unfit as error:
        raise _refused(f"SAMPLE-AES in a form that is not read here ({error})", sequence) from None


def _whole(data: bytes, key: Key, secret: bytes, sequence: int) -> bytes:
    if not data or len(data) % KEY_BYTES:
        raise BadResponse(
            f"segment {sequence} has {len(data)} bytes, which no encrypted segment has",
            code="bad_segment",
            retryable=True,
        )
    plain = _blocks(data, secret, key.iv if key.iv is not None else sequence.to_bytes(KEY_BYTES, "big"))
    from cryptography.hazmat.primitives.padding import PKCS7  # noqa: PLC0415 - an extra

    unpadder = PKCS7(8 * KEY_BYTES).unpadder()
    try:
        return unpadder.update(plain) + unpadder.finalize()
    except ValueError:
        raise BadResponse(
            f"segment {sequence} does not decrypt: another key, or damaged", code="bad_segment", retryable=True
        ) from None


def _blocks(data: bytes, secret: bytes, iv: bytes) -> bytes:
    """Return whole blocks decrypted."""
    try:
        from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes  # noqa: PLC0415 - an extra
    except ImportError:
        raise UsageError(
            "encrypted playlists need cryptography", hint="pip install 'argosy[hls]'", code="missing_extra"
        ) from None
    decryptor = Cipher(algorithms.AES(secret), modes.CBC(iv)).decryptor()
    return decryptor.update(data) + decryptor.finalize()


def _refused(method: str, sequence: int) -> BadResponse:
    return BadResponse(
        f"segment {sequence} is encrypted with {method[:80]}, which cannot be undone here",
        hint="a player with the right licence can show it", code="encrypted",
    )  # fmt: skip
