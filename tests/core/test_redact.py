"""What may be shown of a text that has secrets in it."""

from __future__ import annotations

import pytest

from argosy.core.redact import redacted, redacted_proxy, redacted_url


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("https://u:p@h/x", "https://***@h/x"),
        ("ftp://u:p@ss@h/x", "ftp://***@h/x"),
        ("see https://h/x?token=a&b=c#access_token=d now", "see https://h/x?token=***&b=c#access_token=*** now"),
        ("https://h/x?key=a&monkey=b", "https://h/x?key=***&monkey=b"),
        ("Authorization: Basic abc", "Authorization: ***"),
        ("('Cookie', 'a=b')", "('Cookie', '***')"),
        ("X-Api-Key=abc", "X-Api-Key=***"),
        ("nothing to hide: 5 of 7", "nothing to hide: 5 of 7"),
        ("mail@example.org wrote", "mail@example.org wrote"),
    ],
)
def test_secrets_are_known_by_where_they_stand(text: str, shown: str) -> None:
    assert redacted(text) == shown


def test_a_url_alone_keeps_its_words() -> None:
    assert redacted_url("https://h/auth: x/session=1?sig=2") == "https://h/auth: x/session=1?sig=***"


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://u:p@host/a?b=1", "https://***@host/a?b=1"),
        ("https://host/a?X-Amz-Signature=abc&x=1", "https://host/a?X-Amz-Signature=***&x=1"),
        ("https://host/a?access_token=abc", "https://host/a?access_token=***"),
        ("https://host/a", "https://host/a"),
    ],
)
def test_a_url_is_shown_without_its_secrets(url: str, shown: str) -> None:
    assert redacted_url(url) == shown


def test_a_proxy_is_shown_without_its_password() -> None:
    assert redacted_proxy("http://me:secret@proxy:1") == "http://***@proxy:1"
    assert redacted_proxy("http://proxy:1") == "http://proxy:1"
    assert redacted_proxy("me:secret@proxy:1") == "proxy:1"
