"""No secret reaches a log line, wherever it stands in it (REL A2)."""

import logging

import pytest
import structlog

from mediahub.lib.logs import mask_secrets

SECRETS = [
    "private_abcdefgh12345678",
    "whsec_QUJDREVGR0hJSktMTU5PUA==",
    "Basic cHJpdmF0ZV9rOmRvX25vdF9zZXQ=",
    "Bearer abcdef.ghijkl",
    "redis://user:hunter2hunter2@broker:6379/0",
    "https://x/a.jpg?ik-s=0d09eed46a05bf9724ef0b33676e99e1ec33417f",
    "AKIAIOSFODNN7EXAMPLE",
]
TELLTALE = ["abcdefgh12345678", "QUJDREVG", "cHJpdmF0", "abcdef.ghijkl", "hunter2", "0d09eed4", "IOSFODNN7"]


@pytest.mark.parametrize(("text", "part"), list(zip(SECRETS, TELLTALE, strict=True)))
@pytest.mark.parametrize(
    "place", [lambda t: t, lambda t: {"inner": [t]}, lambda t: (t,)], ids=["text", "dict", "tuple"]
)
def test_secret_values_are_masked(text, part, place):
    assert part not in str(mask_secrets(None, "info", {"event": "x", "detail": place(text)}))


@pytest.mark.parametrize("name", ["authorization", "X-Api-Key", "private_key", "token", "password", "signature"])
def test_values_under_secret_names_are_masked(name):
    assert mask_secrets(None, "info", {"headers": {name: "plain words"}})["headers"][name] == "***"


def test_harmless_text_stays():
    event = {"event": "run_settled", "count": 3, "path": "/a/b.jpg", "ok": True}
    assert mask_secrets(None, "info", dict(event)) == event


def test_both_kinds_of_logger_are_masked(capsys):
    from django.conf import settings

    from mediahub.lib.logs import configure

    configure({**settings.LOGGING, "level": "INFO"})
    structlog.get_logger("ours").warning("said", key="private_abcdefgh12345678")
    logging.getLogger("theirs").warning("said whsec_QUJDREVGR0hJSktMTU5PUA==")
    err = capsys.readouterr().err
    assert "said" in err
    assert "abcdefgh12345678" not in err
    assert "QUJDREVG" not in err
