"""Chains of providers: fallback, the circuit breaker and the limits, shared by all processes (REL F33 to F36)."""

import json
from datetime import timedelta

import pytest
from celery.exceptions import SoftTimeLimitExceeded
from django.core import mail
from django.db import connection
from django.test.utils import CaptureQueriesContext

from extensions.models import ExtensionRun, ProviderNotice, ProviderState, UnitEntry
from extensions.providers import state
from extensions.providers.base import PermanentProviderError, ProviderUnavailable, TransientProviderError
from extensions.providers.registry import get_provider
from extensions.runs import pipeline
from extensions.runs.chain import _leave_to_call
from extensions.runs.claim import claim, lease
from extensions.runs.services import cancel_run
from library.models import AITag
from mediahub.lib import clock
from tests.extensions.scenes import FAKE_CHAINS, ask_for, make_asset

pytestmark = pytest.mark.django_db
TAGGER = {"name": "google-auto-tagging", "minConfidence": 0, "maxTags": 5}


@pytest.fixture(autouse=True)
def chains(settings, tmp_path):
    settings.MEDIAHUB_PROVIDER_CHAINS = dict(FAKE_CHAINS)
    settings.MEDIAHUB_FAKE_DIR = str(tmp_path)
    settings.MEDIAHUB_RUN_BACKOFF_BASE_S = 0
    settings.MEDIAHUB_BREAKER_FAILURES = 3
    settings.MEDIAHUB_OPERATOR_EMAILS = ["ops@example.com", "boss@example.com"]
    settings.EMAIL_HOST = "mail.example.com"
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    return tmp_path


@pytest.fixture
def asset(new_account):
    return make_asset(new_account.account)


@pytest.fixture
def first(settings, monkeypatch):
    """The provider in front of `fake` in the chain of remove-bg, with what it raises and how often it was called."""
    return Stub("rembg", settings, monkeypatch)


class Stub:
    """A real provider whose call raises `error`; without one, it answers as `fake` does."""

    def __init__(self, slug, settings, monkeypatch):
        settings.MEDIAHUB_PROVIDER_CHAINS = settings.MEDIAHUB_PROVIDER_CHAINS | {"remove-bg": [slug, "fake"]}
        self.slug, self.calls, self.error = slug, 0, None
        self.fake_run = get_provider("fake").run
        monkeypatch.setattr(get_provider(slug), "run", self.run)

    def run(self, run_input):
        self.calls += 1
        if self.error is not None:
            raise self.error
        return self.fake_run(run_input)


def plan(folder, **members):
    (folder / "plan.json").write_text(json.dumps(members))


def fresh(run):
    return ExtensionRun.objects.get(pk=run.pk)


def row(slug="fake"):
    return ProviderState.objects.filter(slug=slug).first()


def fail(slug="fake", *, times=1, **members):
    facts = {"code": "busy", "message": "later", "retry_after_s": None, **members}
    return [state.note_failure(slug, **facts) for _ in range(times)][-1]


def done(asset, extension=TAGGER):
    """One run, asked for and worked on once; runs from before that wait go on waiting."""
    ExtensionRun.objects.filter(state="queued").update(due_at=clock.now() + timedelta(days=1))
    [run] = ask_for(asset, extension)
    pipeline.work(run.queue)
    return fresh(run)


# The happy path ------------------------------------------------------------------------------------------------------


def test_while_all_is_well_leave_to_call_costs_one_read(asset):
    ask_for(asset, TAGGER)
    run = claim("tagging", now=clock.now())
    with CaptureQueriesContext(connection) as captured:
        ticket = _leave_to_call(run, "fake")
        state.note_answer(ticket)
    assert [query["sql"].split()[0] for query in captured] == ["SELECT"]
    assert fresh(run).provider == "fake"
    assert row() is None


def test_the_provider_that_answered_stands_on_the_run_and_on_every_tag(asset):
    run = done(asset)
    assert (run.state, run.provider) == ("succeeded", "fake")
    assert set(AITag.objects.values_list("provider", flat=True)) == {"fake"}


def test_the_provider_in_use_stands_on_the_run_while_it_works(asset, first):
    seen = []
    first.error = None
    original = first.fake_run
    first.fake_run = lambda run_input: (
        seen.append(list(ExtensionRun.objects.values_list("state", "provider"))),
        original(run_input),
    )[1]
    run = done(asset, "remove-bg")
    assert seen == [[("running", "rembg")]]
    assert run.provider == "rembg"


def test_a_cancelled_run_is_not_sent_to_a_provider(asset, chains):
    [run] = ask_for(asset, TAGGER)
    claimed = claim("tagging", now=clock.now())
    cancel_run(run=run, actor="edda")
    pipeline.execute(claimed)
    assert not (chains / "calls.log").exists()
    assert fresh(run).state == "cancelled"


# The breaker ---------------------------------------------------------------------------------------------------------


@pytest.mark.rel("F33")
def test_failures_in_a_row_open_the_breaker_and_the_next_provider_is_asked_at_once(asset, first):
    first.error = TransientProviderError("http_503", "It said 503.")
    runs = [done(asset, "remove-bg") for _ in range(3)]
    assert [run.state for run in runs] == ["queued", "queued", "succeeded"]
    assert runs[2].provider == "fake"
    assert (row("rembg").breaker, row("rembg").code) == ("open", "http_503")
    later = done(asset, "remove-bg")
    assert first.calls == 3
    assert (later.state, later.provider, later.attempts) == ("succeeded", "fake", 1)


def test_a_success_between_failures_counts_from_the_start_again(asset, first):
    fail("rembg", times=2)
    assert done(asset, "remove-bg").provider == "rembg"
    assert row("rembg").failures == 0
    fail("rembg", times=2)
    assert row("rembg").breaker == "closed"


def test_an_open_breaker_lets_one_probe_through_whose_success_closes_it(asset, first):
    until = fail("rembg", times=3)
    clock.shift((until - clock.now()).total_seconds() + 1)
    for _ in range(2):
        ask_for(asset, "remove-bg")
    probe, other = claim("images", now=clock.now()), claim("images", now=clock.now())
    ticket = _leave_to_call(probe, "rembg")
    assert (ticket.is_probe, row("rembg").breaker) == (True, "half_open")
    pipeline.execute(other)
    assert fresh(other).provider == "fake"
    state.note_answer(ticket)
    assert (row("rembg").breaker, row("rembg").failures, row("rembg").openings) == ("closed", 0, 0)
    assert done(asset, "remove-bg").provider == "rembg"


def test_a_probe_that_fails_opens_the_breaker_for_twice_as_long(asset, first, settings):
    until = fail("rembg", times=3)
    clock.shift((until - clock.now()).total_seconds() + 1)
    first.error = TransientProviderError("http_503", "Still 503.")
    assert done(asset, "remove-bg").provider == "fake"
    again = row("rembg")
    assert (again.breaker, first.calls) == ("open", 1)
    waits_s = (again.until - clock.now()).total_seconds()
    assert settings.MEDIAHUB_BREAKER_OPEN_S * 2 - 2 <= waits_s <= settings.MEDIAHUB_BREAKER_OPEN_S * 2


def test_a_probe_whose_worker_died_is_followed_by_another(asset, first, settings):
    until = fail("rembg", times=3)
    clock.shift((until - clock.now()).total_seconds() + 1)
    [run] = ask_for(asset, "remove-bg")
    assert _leave_to_call(claim("images", now=clock.now()), "rembg").is_probe
    clock.shift(settings.MEDIAHUB_BREAKER_OPEN_S + lease("images").total_seconds() + 5)
    pipeline.work("images")
    assert fresh(run).provider == "rembg"
    assert row("rembg").breaker == "closed"


def test_a_probe_that_meets_a_fault_of_ours_makes_room_for_the_next(asset, first):
    until = fail("rembg", times=3)
    clock.shift((until - clock.now()).total_seconds() + 1)
    first.error = ZeroDivisionError()
    assert done(asset, "remove-bg").last_error.startswith("internal_error")
    first.error = None
    assert done(asset, "remove-bg").provider == "rembg"


def test_an_image_that_is_refused_is_an_answer_and_closes_the_breaker(asset, first):
    until = fail("rembg", times=3)
    clock.shift((until - clock.now()).total_seconds() + 1)
    first.error = PermanentProviderError("no_clear_subject", "Nothing stands out.")
    assert done(asset, "remove-bg").error_code == "no_clear_subject"
    assert row("rembg").breaker == "closed"


def test_a_call_that_began_before_the_breaker_opened_does_not_close_it(asset, first):
    fail("rembg")
    ask_for(asset, "remove-bg")
    ticket = _leave_to_call(claim("images", now=clock.now()), "rembg")
    fail("rembg", times=2)
    state.note_answer(ticket)
    assert row("rembg").breaker == "open"


@pytest.mark.rel("F38")
def test_a_provider_that_outlives_the_time_limit_counts_as_failed(asset, first):
    first.error = SoftTimeLimitExceeded()
    run = done(asset, "remove-bg")
    assert (run.state, run.last_error.partition(":")[0]) == ("queued", "provider_timeout")
    assert (row("rembg").failures, row("rembg").code) == (1, "provider_timeout")


def test_a_run_waits_without_cost_while_its_only_provider_is_not_asked(asset, chains):
    until = fail(times=3)
    run = done(asset)
    assert (run.state, run.attempts, run.provider) == ("queued", 0, "")
    assert until <= run.due_at <= until + timedelta(seconds=2)
    assert "busy" in run.last_error
    assert not (chains / "calls.log").exists()
    clock.shift((run.due_at - clock.now()).total_seconds() + 1)
    pipeline.work("tagging")
    assert (fresh(run).state, fresh(run).attempts) == ("succeeded", 1)


def test_a_run_that_waits_longer_than_it_may_live_fails_uncharged(asset, settings):
    settings.MEDIAHUB_RUN_MAX_AGE_S = 20
    fail(times=3)
    run = done(asset)
    assert (run.state, run.error_code) == ("failed", "busy")
    assert list(UnitEntry.objects.filter(run_id=run.pk).order_by("id").values_list("kind", flat=True)) == [
        "hold",
        "void",
    ]


# Retry-After ---------------------------------------------------------------------------------------------------------


@pytest.mark.rel("F34")
def test_retry_after_pauses_that_provider_for_all_while_others_go_on(asset, first):
    first.error = TransientProviderError("rate_limited", "Too many.", 40)
    assert [done(asset, "remove-bg").provider for _ in range(3)] == ["fake"] * 3
    assert first.calls == 1
    assert row("rembg").breaker == "open"
    assert 38 <= (row("rembg").until - clock.now()).total_seconds() <= 40
    first.error = None
    clock.shift(41)
    assert done(asset, "remove-bg").provider == "rembg"
    assert not ProviderNotice.objects.exists()


@pytest.mark.rel("F34")
def test_without_retry_after_only_the_run_itself_waits(asset, first):
    first.error = TransientProviderError("rate_limited", "Too many.")
    assert done(asset, "remove-bg").state == "queued"
    assert row("rembg").breaker == "closed"


def test_a_supplier_cannot_pause_itself_for_longer_than_a_run_may_wait(settings):
    until = fail(retry_after_s=1e15)
    assert (until - clock.now()).total_seconds() <= settings.MEDIAHUB_RUN_MAX_AGE_S


# Unavailable ---------------------------------------------------------------------------------------------------------


@pytest.mark.rel("F36")
def test_a_provider_that_refuses_everybody_is_marked_and_the_next_one_asked(
    asset, first, django_capture_on_commit_callbacks
):
    first.error = ProviderUnavailable("insufficient_credits", "No credits are left.")
    with django_capture_on_commit_callbacks(execute=True):
        runs = [done(asset, "remove-bg") for _ in range(3)]
    assert [run.provider for run in runs] == ["fake"] * 3
    assert first.calls == 1
    assert (row("rembg").cause, row("rembg").reason) == ("unavailable", "No credits are left.")
    notice = ProviderNotice.objects.get()
    assert (notice.slug, notice.kind, notice.code) == ("rembg", "unavailable", "insufficient_credits")
    assert [message.to for message in mail.outbox] == [["ops@example.com"], ["boss@example.com"]]
    assert "No credits are left." in mail.outbox[0].body


@pytest.mark.rel("F36")
def test_a_chain_of_providers_that_refuse_everybody_fails_at_once_uncharged(asset, chains):
    plan(chains, error={"kind": "unavailable", "code": "invalid_api_key", "message": "The key is refused."})
    first_run, second = done(asset), done(asset)
    for run in (first_run, second):
        assert (run.state, run.error_code) == ("failed", "invalid_api_key")
        assert "The key is refused" in run.error_message
        assert list(UnitEntry.objects.filter(run_id=run.pk).order_by("id").values_list("kind", flat=True)) == [
            "hold",
            "void",
        ]
    assert len((chains / "calls.log").read_text().splitlines()) == 1


@pytest.mark.rel("F36")
def test_a_chain_says_why_its_one_configured_provider_refuses(asset, settings, chains):
    settings.MEDIAHUB_PROVIDER_CHAINS = settings.MEDIAHUB_PROVIDER_CHAINS | {
        "google-auto-tagging": ["fake", "nonesuch"]
    }
    plan(chains, error={"kind": "unavailable", "code": "invalid_api_key", "message": "The key is refused."})
    run = done(asset)
    assert run.error_code == "invalid_api_key"
    assert "nonesuch" in run.error_message


@pytest.mark.rel("F36")
def test_a_provider_that_refused_is_tried_again_after_a_while(asset, chains, settings):
    state.note_unavailable("fake", code="invalid_api_key", message="no")
    clock.shift(settings.MEDIAHUB_PROVIDER_UNAVAILABLE_S + 1)
    assert done(asset).state == "succeeded"
    assert row().breaker == "closed"
    assert list(ProviderNotice.objects.values_list("kind", flat=True)) == ["closed", "unavailable"]


def test_a_run_waits_for_the_one_that_will_come_back_rather_than_fail(asset, first):
    state.note_unavailable("rembg", code="invalid_api_key", message="no")
    fail("fake", times=3)
    run = done(asset, "remove-bg")
    assert (run.state, run.attempts) == ("queued", 0)


# Alerts --------------------------------------------------------------------------------------------------------------


def test_operators_are_told_once_that_a_breaker_opened(django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks(execute=True):
        until = fail(times=5)
        clock.shift((until - clock.now()).total_seconds() + 1)
        state.admit("fake", probe_s=60, now=clock.now(), in_flight=lambda: 0)
        fail()
    assert [notice.kind for notice in ProviderNotice.objects.all()] == ["opened"]
    assert len(mail.outbox) == 2
    assert mail.outbox[0].subject == "MediaHub: fake not asked for a while"


def test_a_provider_that_comes_and_goes_is_mailed_about_once_an_hour(django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks(execute=True):
        for _ in range(3):
            fail(times=3)
            state.reset("fake", actor="olga")
            ProviderState.objects.update(alerted_at=clock.now())
    assert ProviderNotice.objects.filter(kind="opened").count() == 3
    assert len(mail.outbox) == 2


def test_only_the_latest_notices_of_a_provider_are_kept(monkeypatch):
    monkeypatch.setattr(state, "NOTICES_KEPT", 4)
    for _ in range(5):
        fail(times=3)
        state.reset("fake", actor="olga")
    assert ProviderNotice.objects.count() == 4


def test_a_reset_closes_the_breaker_and_is_noted(asset):
    fail(times=3)
    assert state.reset("fake", actor="olga") is True
    assert state.reset("fake", actor="olga") is False
    assert ProviderNotice.objects.first().message == "Reset by olga."
    assert done(asset).state == "succeeded"


def test_what_a_supplier_says_is_kept_without_controls():
    state.note_unavailable("fake", code="x\x00y", message="a\x00b" + "c" * 5000)
    assert row().reason.startswith("a bccc")
    assert len(row().reason) == 1000


# Limits --------------------------------------------------------------------------------------------------------------


def test_a_provider_gets_no_more_runs_at_once_than_its_limit(asset, first, settings):
    settings.MEDIAHUB_PROVIDER_CONCURRENCY = {"rembg": 1}
    ask_for(asset, "remove-bg")
    busy = claim("images", now=clock.now())
    assert isinstance(_leave_to_call(busy, "rembg"), state.Ticket)
    assert done(asset, "remove-bg").provider == "fake"
    pipeline.execute(busy)
    assert done(asset, "remove-bg").provider == "rembg"


def test_the_place_of_a_dead_worker_is_free_when_its_lease_ends(asset, first, settings):
    settings.MEDIAHUB_PROVIDER_CONCURRENCY = {"rembg": 1}
    [run] = ask_for(asset, "remove-bg")
    _leave_to_call(claim("images", now=clock.now()), "rembg")
    ExtensionRun.objects.filter(pk=run.pk).update(due_at=clock.now())
    [other] = ask_for(make_asset(asset.account), "remove-bg")
    ExtensionRun.objects.filter(pk=other.pk).update(due_at=clock.now() - timedelta(hours=1))
    assert pipeline.work("images").pk == other.pk
    assert fresh(other).provider == "rembg"


def test_a_run_waits_without_cost_for_a_place(asset, settings):
    settings.MEDIAHUB_PROVIDER_CONCURRENCY = {"fake": 1}
    ask_for(asset, TAGGER)
    _leave_to_call(claim("tagging", now=clock.now()), "fake")
    run = done(asset)
    assert (run.state, run.attempts) == ("queued", 0)
    assert run.last_error.startswith("provider_limit_reached")
    assert run.due_at <= clock.now() + timedelta(seconds=3)


def test_a_provider_gets_no_more_runs_a_minute_than_its_limit(asset, first, settings):
    settings.MEDIAHUB_PROVIDER_RATE_PER_MIN = {"rembg": 2}
    now = clock.now()
    providers = [done(asset, "remove-bg").provider for _ in range(3)]
    assert providers == ["rembg", "fake", "fake"]
    clock.shift((row("rembg").next_call_at - now).total_seconds() + 1)
    assert done(asset, "remove-bg").provider == "rembg"


def test_an_unknown_pair_of_providers_and_limits_changes_nothing(asset, settings):
    settings.MEDIAHUB_PROVIDER_CONCURRENCY = {"nonesuch": 1}
    assert done(asset).state == "succeeded"
    assert row() is None
