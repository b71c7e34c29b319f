"""What every HTTP provider inherits: faults of a call become the three errors of the contract; the key is not shown."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import ClassVar

import pytest
import structlog

from extensions.providers.base import (
    Availability,
    PermanentProviderError,
    ProviderUnavailable,
    TransientProviderError,
)
from extensions.providers.http import HttpProvider
from tests import receivers
from tests.receivers import Receiver, answer

KEY = "the-key-nobody-may-see"


class Supplier(HttpProvider):
    slug: ClassVar[str] = "supplier"
    title: ClassVar[str] = "Supplier"
    extensions: ClassVar[tuple[str, ...]] = ("ai-tasks",)
    key = KEY

    @property
    def api_key(self) -> str:
        return self.key

    def availability(self):
        return Availability(True)

    def run(self, run_input):
        raise NotImplementedError

    def ask(self, url, *, deadline_s=5.0, max_answer_bytes=20_000):
        return self.call(
            "POST",
            url,
            headers={"Authorization": f"Bearer {self.key}"},
            body=b"{}",
            deadline_s=deadline_s,
            max_answer_bytes=max_answer_bytes,
        )


def error_of(behaviour, **limits):
    with Receiver(behaviour) as receiver, pytest.raises(Exception) as caught:
        Supplier().ask(receiver.url, **limits)
    assert KEY not in str(caught.value)
    return caught.value


def test_an_answer_of_the_2xx_is_returned():
    with Receiver(answer(201, b"made")) as receiver:
        found = Supplier().ask(receiver.url)
        assert receiver.requests[0].headers["authorization"] == f"Bearer {KEY}"
    assert (found.status, found.body) == (201, b"made")


@pytest.mark.rel("F33", "F34", "F35", "F36")
@pytest.mark.parametrize(
    ("status", "error", "code"),
    [
        (400, PermanentProviderError, "provider_refused"),
        (404, PermanentProviderError, "provider_refused"),
        (401, ProviderUnavailable, "provider_key_refused"),
        (403, ProviderUnavailable, "provider_key_refused"),
        (402, ProviderUnavailable, "provider_out_of_credits"),
        (302, ProviderUnavailable, "provider_not_configured"),
        (408, TransientProviderError, "provider_error"),
        (429, TransientProviderError, "provider_rate_limited"),
        (500, TransientProviderError, "provider_error"),
        (502, TransientProviderError, "provider_error"),
        (503, TransientProviderError, "provider_error"),
        (504, TransientProviderError, "provider_error"),
        (599, TransientProviderError, "provider_error"),
    ],
)
def test_each_status_is_one_of_the_three_errors(status, error, code):
    found = error_of(answer(status, KEY.encode(), {"Location": "http://127.0.0.1:9/"}))
    assert (type(found), found.code) == (error, code)


IN_TWO_MINUTES = format_datetime(datetime(2030, 1, 1, 0, 2, tzinfo=UTC), usegmt=True)
AT_MIDNIGHT = format_datetime(datetime(2030, 1, 1, tzinfo=UTC), usegmt=True)


@pytest.mark.rel("F34")
@pytest.mark.parametrize(
    ("headers", "wanted"),
    [
        ({}, None),
        ({"Retry-After": "7"}, 7),
        ({"Retry-After": "0"}, 0),
        ({"Retry-After": "259200"}, 259_200),
        ({"Retry-After": "-5"}, None),
        ({"Retry-After": "soon"}, None),
        ({"Retry-After": "9" * 5000}, None),
        ({"Retry-After": "1e9"}, None),
        ({"Retry-After": "٣"}, None),
        ({"Retry-After": "Mon, 99 Foo 2030 25:61:00 GMT"}, None),
        ({"Retry-After": IN_TWO_MINUTES, "Date": AT_MIDNIGHT}, 120),
        ({"Retry-After": AT_MIDNIGHT, "Date": IN_TWO_MINUTES}, None),
    ],
)
@pytest.mark.parametrize("status", [429, 503])
def test_the_wait_that_a_supplier_asks_for_is_read(status, headers, wanted):
    latin = {name: value.encode().decode("latin-1") for name, value in headers.items()}
    assert error_of(answer(status, b"", latin)).retry_after_s == wanted


def test_a_date_counts_from_our_clock_where_the_supplier_shows_none():
    moment = format_datetime(datetime.now(UTC) + timedelta(seconds=90), usegmt=True)
    assert 80 < error_of(answer(429, b"", {"Retry-After": moment})).retry_after_s <= 90


@pytest.mark.rel("F38", "F40")
@pytest.mark.parametrize(
    ("behaviour", "code"),
    [
        (receivers.answer(200, after_s=30), "provider_timeout"),
        (receivers.drip_status_line(), "provider_timeout"),
        (receivers.drip_headers(), "provider_timeout"),
        (receivers.drip_body(), "provider_timeout"),
        (receivers.continue_forever(), "provider_timeout"),
        (receivers.endless_body(), "provider_answer_too_large"),
        (receivers.endless_headers(), "provider_unreachable"),
        (receivers.reset(), "provider_unreachable"),
        (receivers.close_at_accept(), "provider_unreachable"),
        (receivers.cut_off_headers(), "provider_unreachable"),
        (receivers.random_bytes(), "provider_unreachable"),
    ],
)
def test_a_call_that_gives_no_answer_is_transient(behaviour, code):
    error = error_of(behaviour, deadline_s=0.8)
    assert (type(error), error.code) == (TransientProviderError, code)


@pytest.mark.rel("O12")
def test_nobody_listening_is_transient_and_names_no_address():
    with receivers.refusing() as url, pytest.raises(TransientProviderError) as caught:
        Supplier().ask(url)
    assert caught.value.code == "provider_unreachable"
    assert "127.0.0.1" not in caught.value.message


@pytest.mark.parametrize("url", ["ftp://127.0.0.1/", "http://", "http://user:word@127.0.0.1/"])
def test_an_address_that_cannot_be_called_makes_it_unavailable(url):
    with pytest.raises(ProviderUnavailable) as caught:
        Supplier().ask(url)
    assert caught.value.code == "provider_not_configured"
    assert "word" not in caught.value.message


@pytest.mark.parametrize("key", ["two\nlines", "ключ", "tab\tkey"])
def test_a_key_that_no_header_can_carry_is_not_sent_and_not_shown(key):
    supplier = Supplier()
    supplier.key = key
    with Receiver() as receiver, pytest.raises(ProviderUnavailable) as caught:
        supplier.ask(receiver.url)
    assert receiver.connections == 0
    assert key not in caught.value.message


def test_the_log_has_the_reason_and_not_the_key():
    with structlog.testing.capture_logs() as lines:
        error_of(answer(403, KEY.encode()))
        error_of(receivers.reset())
    assert [line["event"] for line in lines] == ["provider_call_refused", "provider_call_failed"]
    assert KEY not in str(lines)


def test_what_a_supplier_says_is_quoted_on_one_line_without_the_key():
    assert Supplier().quote(f"bad\nkey\x00 {KEY}!") == "bad key ***!"
    assert len(Supplier().quote("x" * 5000)) == 300
