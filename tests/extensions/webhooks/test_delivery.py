"""Deliveries: what counts as success, what is tried again and when, what an attempt leaves behind (REL section 3)."""

import base64
import hashlib
import hmac
import json
from datetime import timedelta
from uuid import uuid4

import pytest
from django.db import DatabaseError, connection
from django.test.utils import CaptureQueriesContext
from imagekitio import ImageKit
from standardwebhooks.webhooks import Webhook

from extensions.models import Turn, WebhookAttempt, WebhookDelivery
from extensions.runs import pipeline
from extensions.runs.services import cancel_run
from extensions.webhooks import claim as claims
from extensions.webhooks.delivery import deliver_one, deliver_while
from extensions.webhooks.publish import receiver_of
from extensions.webhooks.services import NotReplayable, cancel_deliveries, replay
from extensions.webhooks.tasks import sweep_due_deliveries
from library.services.accounts import create_account
from library.services.assets import delete_asset
from mediahub.lib import clock, waking
from tests import receivers
from tests.extensions.scenes import FAKE_CHAINS, ask_for, make_asset
from tests.receivers import Receiver

pytestmark = pytest.mark.django_db
TAGGER = "local-auto-tagging"
DAY_S = 24 * 3600


@pytest.fixture(autouse=True)
def open_door(settings):
    settings.MEDIAHUB_PROVIDER_CHAINS = dict(FAKE_CHAINS)
    settings.MEDIAHUB_ALLOWED_PRIVATE_NETWORKS = ("127.0.0.0/8",)
    settings.MEDIAHUB_WEBHOOK_TIMEOUT_S = 1


@pytest.fixture
def asset(new_account):
    return make_asset(new_account.account)


def announced(asset, url):
    """A delivery as the end of a real run writes it."""
    [run] = ask_for(asset, TAGGER, webhook_url=url)
    pipeline.work("tagging")
    return WebhookDelivery.objects.get(run_id=run.pk)


def fresh(delivery):
    return WebhookDelivery.objects.get(pk=delivery.pk)


@pytest.mark.rel("W1", "W2", "W10", "F53")
def test_a_200_delivers_the_frozen_body_with_one_attempt(asset):
    with Receiver(receivers.answer(200)) as receiver:
        delivery = announced(asset, receiver.url)
        deliver_one()
    [request] = receiver.requests
    assert request.body == bytes(delivery.body)
    assert request.headers["webhook-id"] == delivery.message_id
    assert request.headers["content-type"] == "application/json"
    delivery = fresh(delivery)
    assert (delivery.state, delivery.last_status, delivery.attempts_made) == ("delivered", 200, 1)
    attempt = WebhookAttempt.objects.get()
    assert (attempt.status, attempt.reason, attempt.address) == (200, "", "127.0.0.1")


@pytest.mark.rel("W11")
def test_both_kinds_of_receiver_verify_the_same_request(asset, new_account):
    with Receiver(receivers.answer(200)) as receiver:
        announced(asset, receiver.url)
        deliver_one()
    [request] = receiver.requests
    body, secret = request.body.decode(), new_account.webhook_secret
    headers = {name: request.headers[name] for name in ("webhook-id", "webhook-timestamp", "webhook-signature")}
    assert Webhook(secret).verify(body, headers)["service"] == TAGGER
    sdk = ImageKit(private_key="private_x", webhook_secret=secret)
    sdk.webhooks.unwrap(body, headers=headers)
    with pytest.raises(Exception, match=r"(?i)signature"):
        sdk.webhooks.unwrap(body.replace("SUCCESS", "FAILURE"), headers=headers)
    stamp, signature = request.headers["x-ik-signature"].split(",")
    signed = f"{stamp.removeprefix('t=')}.{body}".encode()
    assert signature == "v1=" + hmac.digest(secret.encode(), signed, hashlib.sha256).hex()
    assert base64.b64decode(secret.removeprefix("whsec_"))


@pytest.mark.rel("W2", "W8", "F54")
@pytest.mark.parametrize("status", [201, 204, 400, 404, 500])
def test_any_other_status_is_a_failure_and_tried_again(asset, status):
    with Receiver(receivers.answer(status)) as receiver:
        delivery = announced(asset, receiver.url)
        deliver_one()
    delivery = fresh(delivery)
    assert (delivery.state, delivery.last_status, delivery.last_reason) == ("pending", status, "http_error")
    wait = delivery.due_at - clock.now()
    assert timedelta(seconds=5) < wait <= timedelta(seconds=12)


@pytest.mark.rel("W8", "F54")
@pytest.mark.parametrize("status", [301, 302, 307])
def test_a_redirect_is_never_followed_and_its_location_is_logged(asset, status):
    with Receiver(receivers.answer(200)) as elsewhere, Receiver(receivers.redirect(status, elsewhere.url)) as receiver:
        announced(asset, receiver.url)
        deliver_one()
        assert elsewhere.requests == []
    attempt = WebhookAttempt.objects.get()
    assert (attempt.status, attempt.location) == (status, elsewhere.url)


@pytest.mark.rel("W7", "F55")
def test_a_410_ends_the_delivery(asset):
    with Receiver(receivers.gone()) as receiver:
        delivery = announced(asset, receiver.url)
        deliver_one()
    assert fresh(delivery).state == "gone"
    assert claims.claim(now=clock.now() + timedelta(days=1)) is None


@pytest.mark.rel("W6", "F56")
@pytest.mark.parametrize(("value", "least", "most"), [("60", 15, 20), ("-1", 5, 12), ("soon", 5, 12), ("1e12", 5, 12)])
def test_retry_after_lengthens_a_gap_to_at_most_twice_its_size(asset, value, least, most):
    with Receiver(receivers.busy(429, value)) as receiver:
        delivery = announced(asset, receiver.url)
        deliver_one()
    wait_s = (fresh(delivery).due_at - clock.now()).total_seconds()
    assert least <= wait_s <= most


@pytest.mark.rel("W3", "W17", "F57", "F58")
@pytest.mark.parametrize(
    "behaviour", [receivers.drip_status_line(), receivers.drip_headers(), receivers.continue_forever()]
)
def test_a_receiver_that_drips_times_out(asset, behaviour):
    with Receiver(behaviour) as receiver:
        delivery = announced(asset, receiver.url)
        deliver_one()
    assert (fresh(delivery).state, fresh(delivery).last_reason) == ("pending", "timeout")
    assert 800 <= WebhookAttempt.objects.get().duration_ms <= 5000


@pytest.mark.rel("W4", "F59")
@pytest.mark.parametrize("behaviour", [receivers.drip_body(), receivers.endless_body()])
def test_a_complete_200_header_is_a_success_whatever_the_body_does(asset, behaviour):
    with Receiver(behaviour) as receiver:
        delivery = announced(asset, receiver.url)
        deliver_one()
    assert fresh(delivery).state == "delivered"
    assert len(WebhookAttempt.objects.get().answer) <= 1024


@pytest.mark.rel("W17", "F61", "F62")
@pytest.mark.parametrize(
    ("receiver", "reason"),
    [
        (lambda: Receiver(receivers.reset()), "reset"),
        (lambda: Receiver(receivers.close_at_accept()), "reset"),
        (lambda: Receiver(receivers.random_bytes()), "protocol"),
        (lambda: Receiver(receivers.answer(200), tls="self-signed"), "tls"),
    ],
    ids=["reset", "closed", "random bytes", "self-signed"],
)
def test_a_failed_call_is_logged_with_its_reason_and_tried_again(asset, receiver, reason):
    with receiver() as server:
        delivery = announced(asset, server.url)
        deliver_one()
    assert (fresh(delivery).state, WebhookAttempt.objects.get().reason) == ("pending", reason)


@pytest.mark.rel("W9")
def test_a_refused_connection_is_tried_again(asset):
    with receivers.refusing() as url:
        delivery = announced(asset, url)
        deliver_one()
    assert (fresh(delivery).state, fresh(delivery).last_reason) == ("pending", "refused")


@pytest.mark.rel("W20", "O5", "F64")
def test_a_private_address_is_blocked_unless_the_operator_allows_it(asset, settings):
    settings.MEDIAHUB_ALLOWED_PRIVATE_NETWORKS = ()
    with Receiver(receivers.answer(200)) as receiver:
        delivery = announced(asset, receiver.url)
        deliver_one()
        assert receiver.requests == []
    assert fresh(delivery).last_reason == "blocked"


@pytest.mark.rel("W5", "F65", "W18")
def test_a_receiver_dead_for_a_day_gets_12_to_14_attempts_and_the_delivery_expires_visibly(asset):
    with receivers.refusing() as url:
        delivery = announced(asset, url)
        started = delivery.first_due_at
        while fresh(delivery).state == "pending":
            due = fresh(delivery).due_at
            Turn.objects.update(paused_until=None)
            clock.shift((due - started).total_seconds() + 1)
            assert deliver_one() is not None
    delivery = fresh(delivery)
    starts = list(WebhookAttempt.objects.values_list("started_at", flat=True))
    assert delivery.state == "expired"
    assert 12 <= len(starts) <= 14
    assert max(starts) - started <= timedelta(seconds=DAY_S - 25)


@pytest.mark.rel("W18")
def test_a_replay_sends_the_same_id_and_body_with_a_fresh_signature(asset):
    with Receiver(receivers.answer(200)) as receiver:
        delivery = announced(asset, receiver.url)
        deliver_one()
        clock.shift(3600)
        replay(delivery=fresh(delivery), actor="olga")
        deliver_one()
    first, second = receiver.requests
    assert (first.body, first.headers["webhook-id"]) == (second.body, second.headers["webhook-id"])
    assert int(second.headers["webhook-timestamp"]) >= int(first.headers["webhook-timestamp"]) + 3599
    assert fresh(delivery).attempts_made == 2


@pytest.mark.rel("W18")
def test_a_replay_that_fails_is_tried_again_on_the_schedule(asset):
    with Receiver(receivers.in_turn(receivers.answer(200), receivers.answer(500))) as receiver:
        delivery = announced(asset, receiver.url)
        deliver_one()
        clock.shift(DAY_S * 3)
        replay(delivery=fresh(delivery), actor="olga")
        deliver_one()
    wait_s = (fresh(delivery).due_at - clock.now()).total_seconds()
    assert fresh(delivery).state == "pending"
    assert 5 <= wait_s <= 12


@pytest.mark.rel("W18")
def test_what_waits_or_is_older_than_30_days_cannot_be_replayed(asset):
    with Receiver(receivers.answer(200)) as receiver:
        delivery = announced(asset, receiver.url)
        with pytest.raises(NotReplayable):
            replay(delivery=delivery, actor="olga")
        deliver_one()
    clock.shift(31 * DAY_S)
    with pytest.raises(NotReplayable):
        replay(delivery=fresh(delivery), actor="olga")


@pytest.mark.rel("W14", "J4")
def test_a_delivery_among_many_costs_five_statements(asset):
    with Receiver(receivers.answer(200)) as receiver:
        for _ in range(6):
            announced(asset, receiver.url)
        going_on = iter([True] * 6 + [False] * 6)
        with CaptureQueriesContext(connection) as seen:
            deliver_while(lambda: next(going_on))
    of_savepoints = ("SAVEPOINT", "RELEASE")
    statements = [query["sql"] for query in seen.captured_queries if not query["sql"].startswith(of_savepoints)]
    sent = len(receiver.requests)
    assert sent >= 5
    # One question for the time and one claim at the start; then: delivery, attempt, turn, next delivery, its columns.
    assert len(statements) <= 1 + 5 * sent, statements


@pytest.mark.rel("J8", "F8")
def test_an_attempt_whose_next_claim_fails_is_not_recorded_half(asset, monkeypatch):
    from extensions.webhooks import delivery as deliveries

    def broken(*, now):
        raise DatabaseError("the database went away")

    with Receiver(receivers.answer(200)) as receiver:
        sent = announced(asset, receiver.url)
        announced(asset, receiver.url)
        monkeypatch.setattr(deliveries, "take_next", broken)
        with pytest.raises(DatabaseError):
            deliver_while(lambda: True)
    assert (fresh(sent).state, fresh(sent).attempts_made) == ("sending", 0)
    assert not WebhookAttempt.objects.exists()


@pytest.mark.rel("W14")
def test_receivers_take_turns(asset):
    with Receiver(receivers.answer(200)) as busy, Receiver(receivers.answer(200)) as quiet:
        for _ in range(4):
            announced(asset, busy.url)
        announced(asset, quiet.url)
        order = [deliver_one().receiver for _ in range(3)]
    assert receiver_of(quiet.url) in order[:2]


@pytest.mark.rel("W14", "W15")
def test_at_most_four_are_under_way_to_one_receiver(asset):
    for _ in range(6):
        announced(asset, "https://slow.example/hook")
    taken = [claims.claim(now=clock.now()) for _ in range(6)]
    assert [one is not None for one in taken] == [True] * 4 + [False] * 2


@pytest.mark.rel("W14", "W15")
def test_three_failures_in_a_row_pause_a_receiver_and_a_success_resets(asset):
    answers = [receivers.answer(500)] * 4 + [receivers.answer(200)] * 4
    with Receiver(receivers.in_turn(*answers)) as receiver:
        for _ in range(8):
            announced(asset, receiver.url)
        for _ in range(3):
            deliver_one()
        assert claims.claim(now=clock.now()) is None
        assert Turn.objects.get(queue="webhooks").failures == 3
        clock.shift(2.5)
        assert deliver_one() is not None
        clock.shift(2.5 + 4.5)
        assert deliver_one() is not None
    assert Turn.objects.get(queue="webhooks").failures == 0
    assert claims.claim(now=clock.now()) is not None
    assert WebhookDelivery.objects.get(attempts_made=1, state="delivered")


@pytest.mark.rel("W14")
def test_pauses_double_up_to_a_minute():
    assert claims.pause_after(2) is None
    assert [claims.pause_after(n).total_seconds() for n in (3, 4, 5, 6, 7, 8, 50)] == [2, 4, 8, 16, 32, 60, 60]


@pytest.mark.rel("W15")
def test_a_pause_does_not_use_up_the_last_attempt(asset):
    delivery = announced(asset, "https://dead.example/hook")
    Turn.objects.filter(queue="webhooks").update(failures=9, paused_until=clock.now() + timedelta(days=2))
    assert claims.claim(now=clock.now()) is None
    assert claims.claim(now=delivery.first_due_at + timedelta(seconds=DAY_S - 31)) is not None


@pytest.mark.rel("W16", "W19")
def test_a_deleted_assets_deliveries_are_still_sent_and_a_closed_accounts_are_cancelled(asset, new_account):
    with Receiver(receivers.answer(200)) as receiver:
        sent = announced(asset, receiver.url)
        waiting = announced(asset, "https://slow.example/")
        delete_asset(asset=asset)
        deliver_one()
    assert len(receiver.requests) == 1
    assert fresh(sent).state == "delivered"
    assert cancel_deliveries(account=new_account.account) == 1
    assert fresh(waiting).state == "cancelled"


@pytest.mark.rel("W13")
def test_one_run_is_announced_once_under_an_id_of_ours(asset):
    [run] = ask_for(asset, TAGGER, webhook_url="https://receiver.example/a.b")
    cancel_run(run=run, actor="edda")
    pipeline.work("tagging")
    delivery = WebhookDelivery.objects.get()
    assert "." not in delivery.message_id
    assert asset.file_id not in delivery.message_id


@pytest.mark.rel("J7", "F7", "F8")
def test_an_attempt_that_was_overtaken_is_not_recorded_and_the_id_stays(asset):
    with Receiver(receivers.answer(200)) as receiver:
        delivery = announced(asset, receiver.url)
        lost = claims.claim(now=clock.now())
        clock.shift(claims.LEASE_S + 1)
        deliver_one()
        from extensions.webhooks.delivery import Outcome, record

        assert record(lost, Outcome(duration_ms=1, status=200), started_at=clock.now()) is False
    assert fresh(delivery).attempts_made == 1
    assert receiver.requests[0].headers["webhook-id"] == delivery.message_id


def many(delivery, count):
    """Copies of a delivery, as events, that nobody was woken for."""
    values = {f.attname: getattr(delivery, f.attname) for f in delivery._meta.concrete_fields}
    values |= {"id": None, "run_id": None, "kind": "event", "woken_at": None}
    copies = [WebhookDelivery(**(values | {"message_id": f"{delivery.pk}.{number}"})) for number in range(count)]
    return WebhookDelivery.objects.bulk_create(copies)


@pytest.fixture
def published(monkeypatch):
    """What the sweep publishes, instead of a broker: a count for each pass."""
    calls = []
    monkeypatch.setattr(waking, "waiting", lambda queue: 0)
    monkeypatch.setattr(waking, "publish", lambda queue, count: calls.append(count) or count)
    return calls


@pytest.mark.rel("J12", "W14")
def test_the_sweep_wakes_as_many_workers_as_may_send(asset, published):
    many(announced(asset, "https://slow.example/"), 50)
    sweep_due_deliveries()
    announced(asset, "https://other.example/")
    sweep_due_deliveries()
    assert published == [claims.MOST_AT_ONCE, 2 * claims.MOST_AT_ONCE]


@pytest.mark.rel("W14", "F66")
def test_a_backlog_for_a_failing_receiver_does_not_keep_others_from_being_woken(asset):
    many(announced(asset, "https://dead.example/"), 1200)
    WebhookDelivery.objects.update(woken_at=clock.now())
    Turn.objects.filter(queue="webhooks").update(failures=3, paused_until=clock.now() + timedelta(seconds=60))
    assert announced(asset, "https://live.example/").woken_at is not None
    assert announced(asset, "https://dead.example/").woken_at is None


@pytest.mark.rel("W18")
def test_the_sweep_ends_what_came_too_late_and_what_its_worker_lost_at_the_last(asset, published):
    first, second, fresh_one = (announced(asset, "https://slow.example/") for _ in range(3))
    yesterday = clock.now() - timedelta(hours=25)
    WebhookDelivery.objects.filter(pk__in=[first.pk, second.pk]).update(first_due_at=yesterday, attempts_made=12)
    WebhookDelivery.objects.filter(pk=second.pk).update(state="sending", token=uuid4())
    assert sweep_due_deliveries()["expired_deliveries"] == 2
    assert (fresh(first).state, fresh(second).state, fresh(fresh_one).state) == ("expired", "expired", "pending")
    assert fresh(second).last_reason == "worker_lost"


@pytest.mark.rel("W15")
def test_a_pause_opens_for_the_last_attempt_alone(asset):
    backlog = announced(asset, "https://dead.example/")
    last = announced(asset, "https://dead.example/")
    now = clock.now()
    closing = now - timedelta(seconds=DAY_S - 20)
    WebhookDelivery.objects.filter(pk=last.pk).update(first_due_at=closing)
    WebhookDelivery.objects.filter(pk=backlog.pk).update(due_at=now - timedelta(hours=1))
    Turn.objects.filter(queue="webhooks").update(failures=9, paused_until=now + timedelta(seconds=60))
    assert claims.claim(now=now).pk == last.pk
    assert claims.claim(now=now) is None


@pytest.mark.rel("W5", "W18")
def test_a_delivery_that_can_never_be_sent_is_counted_and_not_tried_for_ever(asset, new_account):
    delivery = announced(asset, "https://slow.example/")
    type(new_account.account).objects.update(webhook_secret_token="written under another key")
    deliver_one()
    assert (fresh(delivery).state, fresh(delivery).attempts_made) == ("pending", 1)
    assert WebhookAttempt.objects.get().reason == "internal"


def test_the_failure_body_names_the_code_and_the_file(asset):
    [run] = ask_for(asset, TAGGER, webhook_url="https://receiver.example/")
    cancel_run(run=run, actor="edda")
    body = json.loads(bytes(WebhookDelivery.objects.get().body))
    assert body == {
        "service": TAGGER,
        "status": "FAILURE",
        "fileId": asset.file_id,
        "error": {"code": "cancelled", "message": "Cancelled by edda."},
    }


@pytest.mark.parametrize(
    ("url", "receiver"),
    [
        ("https://a.example/x", "https://a.example:443"),
        ("http://A.example:8080/x", "http://a.example:8080"),
        ("http://[::1]/x", "http://::1:80"),
    ],
)
def test_a_receiver_is_scheme_host_and_port(url, receiver):
    assert receiver_of(url) == receiver


def test_another_accounts_deliveries_are_not_seen(asset):
    announced(asset, "https://slow.example/")
    assert not WebhookDelivery.objects.of_account(create_account(slug="other").account).exists()
