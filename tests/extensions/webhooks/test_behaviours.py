"""How receivers behave, good and bad, met by both kinds of webhook (REL F53 to F64)."""

import socket
import time

import pytest

from extensions.models import WebhookAttempt, WebhookDelivery
from extensions.runs import pipeline
from extensions.webhooks.delivery import deliver_one
from library.services.assets import AssetChanges, update_asset
from mediahub.lib import clock
from mediahub.lib.http import lookup
from tests import receivers
from tests.extensions.scenes import ask_for
from tests.receivers import Receiver

pytestmark = pytest.mark.django_db


@pytest.fixture(params=["extension", "event"])
def sent(request, asset, listen):
    """Announce something to a URL by this kind of webhook, make one attempt; gives the delivery as it is then."""

    def send(url):
        if request.param == "event":
            listen(url, events=["file.updated"])
            update_asset(asset=asset, changes=AssetChanges(description="new"), now=clock.now())
        else:
            ask_for(asset, "local-auto-tagging", webhook_url=url)
            pipeline.work("tagging")
        assert deliver_one() is not None
        return WebhookDelivery.objects.get(kind=request.param)

    send.kind = request.param
    return send


@pytest.fixture
def names(monkeypatch):
    """Play the resolver: a name stands for a list of answers, one for each look-up, the last one for ever."""
    table: dict[str, list] = {}
    asked: list[str] = []

    def resolve(host, port):
        asked.append(host)
        answers = table[host]
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer() if callable(answer) else answer

    monkeypatch.setattr(lookup, "resolve", resolve)
    table["asked"] = asked
    return table


@pytest.mark.rel("W2", "F53", "F54")
@pytest.mark.parametrize("status", [200, 201, 204, 301, 302, 307, 400, 404, 429, 500, 503])
def test_each_kind_takes_its_own_statuses_for_success(sent, status):
    with Receiver(receivers.answer(status, b"")) as receiver:
        delivery = sent(receiver.url)
    succeeds = status == 200 if sent.kind == "extension" else 200 <= status < 300
    assert delivery.state == ("delivered" if succeeds else "pending")
    assert (delivery.last_status, delivery.last_reason) == (status, "" if succeeds else "http_error")


@pytest.mark.rel("W8", "F54")
@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_no_kind_follows_a_redirect(sent, status):
    with Receiver(receivers.answer(200)) as elsewhere, Receiver(receivers.redirect(status, elsewhere.url)) as receiver:
        delivery = sent(receiver.url)
        assert elsewhere.connections == 0
    assert delivery.state == "pending"
    assert WebhookAttempt.objects.get(delivery=delivery).location == elsewhere.url


@pytest.mark.rel("W6", "F56")
@pytest.mark.parametrize("status", [429, 503])
def test_retry_after_is_heard_by_both_kinds(sent, status):
    with Receiver(receivers.busy(status, "18")) as receiver:
        delivery = sent(receiver.url)
    assert 16 <= (delivery.due_at - clock.now()).total_seconds() <= 18.5


@pytest.mark.rel("W3", "F57")
def test_an_answer_just_in_time_delivers_and_one_just_too_late_is_a_timeout(sent, settings):
    # 29 s and 31 s of the true 30 s, at a tenth of their length.
    settings.MEDIAHUB_WEBHOOK_TIMEOUT_S = 3.0
    with Receiver(
        receivers.in_turn(receivers.answer(200, after_s=3.1), receivers.answer(200, after_s=2.5))
    ) as receiver:
        late = sent(receiver.url)
        assert (late.state, late.last_reason) == ("pending", "timeout")
        clock.shift(30)
        deliver_one()
    late.refresh_from_db()
    assert late.state == "delivered"
    first, second = WebhookAttempt.objects.filter(delivery=late)
    assert 2900 <= first.duration_ms <= 3400
    assert second.duration_ms < 3000


@pytest.mark.rel("W3", "F57", "F58", "F61")
@pytest.mark.parametrize(
    "behaviour",
    [
        receivers.never_reads,
        receivers.drip_status_line,
        receivers.drip_headers,
        receivers.continue_forever,
        lambda: receivers.continue_forever(every_s=0),
        lambda: receivers.raw(b"HTTP/1.1 200 OK\r\n", hold=True),
    ],
    ids=["silence", "drips status", "drips headers", "100 for ever", "100 as fast as it goes", "half a header"],
)
def test_a_receiver_without_a_whole_header_block_times_out_in_time(sent, behaviour):
    with Receiver(behaviour()) as receiver:
        started = time.monotonic()
        delivery = sent(receiver.url)
        took_s = time.monotonic() - started
    assert delivery.state == "pending"
    assert delivery.last_reason in {"timeout", "protocol"}
    assert took_s < 5


@pytest.mark.rel("W4", "F59")
@pytest.mark.parametrize("behaviour", [receivers.drip_body, receivers.endless_body])
def test_the_body_of_a_200_does_not_matter_to_either_kind(sent, behaviour):
    with Receiver(behaviour()) as receiver:
        delivery = sent(receiver.url)
    assert delivery.state == "delivered"
    assert len(WebhookAttempt.objects.get(delivery=delivery).answer) <= 1024


@pytest.mark.rel("W17", "F60")
@pytest.mark.parametrize(
    "behaviour",
    [
        receivers.endless_headers,
        receivers.endless_header_line,
        receivers.random_bytes,
        receivers.http_09,
        receivers.two_content_lengths,
        receivers.cut_off_headers,
    ],
)
def test_what_is_not_http_is_a_failure_with_its_reason(sent, behaviour):
    with Receiver(behaviour()) as receiver:
        delivery = sent(receiver.url)
    assert delivery.state == "pending"
    assert delivery.last_reason in {"protocol", "reset", "too_large"}


@pytest.mark.rel("W17", "F61")
@pytest.mark.parametrize("behaviour", [receivers.reset, receivers.close_at_accept])
def test_a_closed_connection_is_a_reset(sent, behaviour):
    with Receiver(behaviour()) as receiver:
        delivery = sent(receiver.url)
    assert (delivery.state, delivery.last_reason) == ("pending", "reset")


@pytest.mark.rel("F61")
def test_a_refused_connection_is_tried_again_by_both_kinds(sent):
    with receivers.refusing() as url:
        delivery = sent(url)
    assert (delivery.state, delivery.last_reason) == ("pending", "refused")


@pytest.mark.rel("W9", "F62")
@pytest.mark.parametrize("tls", ["self-signed", "expired", "wrong-name"])
def test_a_certificate_that_does_not_hold_is_a_tls_failure(sent, tls, settings):
    with Receiver(receivers.answer(200), tls=tls) as receiver:
        # Trusting the authority must not help an expired certificate or one for another name.
        settings.MEDIAHUB_EXTRA_CA_FILE = receiver.ca_file
        delivery = sent(receiver.url)
        assert receiver.requests == []
    assert (delivery.state, delivery.last_reason) == ("pending", "tls")


@pytest.mark.rel("W9", "F62")
def test_a_repaired_certificate_delivers_at_the_next_attempt(sent, settings):
    with Receiver(receivers.answer(200), tls="good") as receiver:
        delivery = sent(receiver.url)
        assert delivery.last_reason == "tls"
        settings.MEDIAHUB_EXTRA_CA_FILE = receiver.ca_file
        clock.shift(15)
        deliver_one()
    delivery.refresh_from_db()
    assert delivery.state == "delivered"


@pytest.mark.rel("F61")
def test_a_receiver_that_stalls_in_tls_times_out(sent):
    with Receiver(receivers.answer(200), tls="stall") as receiver:
        delivery = sent(receiver.url)
    assert (delivery.state, delivery.last_reason) == ("pending", "timeout")


@pytest.mark.rel("F63")
def test_a_name_that_does_not_exist_is_a_dns_failure(sent, names):
    names["nowhere.example"] = [socket.gaierror(socket.EAI_NONAME, "Name or service not known")]
    delivery = sent("https://nowhere.example/hook")
    assert (delivery.state, delivery.last_reason) == ("pending", "dns")


@pytest.mark.rel("F63", "O7")
def test_a_look_up_that_hangs_is_a_dns_failure_in_time(sent, names):
    names["slow.example"] = [lambda: time.sleep(4) or ["127.0.0.1"]]
    started = time.monotonic()
    delivery = sent("http://slow.example/hook")
    assert time.monotonic() - started < 3.5
    assert (delivery.state, delivery.last_reason in {"dns", "timeout"}) == ("pending", True)


@pytest.mark.rel("O2", "O3", "F63")
@pytest.mark.parametrize(
    "addresses", [["10.1.2.3"], ["192.0.2.1", "169.254.169.254"], ["::ffff:10.0.0.1"], ["fd00::1"]]
)
def test_a_name_with_a_private_address_among_others_is_blocked_unconnected(sent, names, addresses):
    names["inside.example"] = [addresses]
    delivery = sent("http://inside.example/hook")
    assert (delivery.state, delivery.last_reason) == ("pending", "blocked")
    assert WebhookAttempt.objects.get(delivery=delivery).status is None


@pytest.mark.rel("O2", "F63")
def test_a_name_that_changes_between_check_and_connection_is_called_at_the_address_that_was_checked(sent, names):
    # The first look-up gives the receiver; whoever looked again would get an address inside.
    with Receiver(receivers.answer(200)) as receiver:
        names["rebinding.example"] = [["127.0.0.1"], ["10.0.0.1"]]
        delivery = sent(receiver.url_for("rebinding.example"))
        assert names["asked"] == ["rebinding.example"]
    assert delivery.state == "delivered"
    assert WebhookAttempt.objects.get(delivery=delivery).address == "127.0.0.1"


@pytest.mark.rel("O2", "F63")
def test_a_name_that_moves_inside_between_attempts_is_judged_anew(sent, names):
    with Receiver(receivers.answer(500)) as receiver:
        names["moving.example"] = [["127.0.0.1"], ["10.0.0.1"]]
        delivery = sent(receiver.url_for("moving.example"))
        assert delivery.last_status == 500
        clock.shift(15)
        deliver_one()
    delivery.refresh_from_db()
    assert (delivery.last_reason, len(receiver.requests)) == ("blocked", 1)
