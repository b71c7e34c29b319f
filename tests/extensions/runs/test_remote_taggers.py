"""Runs of the taggers of Google and AWS, from claim to end: the suppliers' clients against stand-ins on loopback."""

from datetime import timedelta

import grpc
import pytest

from extensions.models import ExtensionRun, UnitEntry
from extensions.runs import pipeline
from extensions.runs.claim import claim, lease
from extensions.units import audit
from library.models import AITag
from mediahub.lib import clock
from tests.extensions.scenes import ask_for, make_asset
from tests.photos import photo
from tests.standins.rekognition import RekognitionStandIn
from tests.standins.vision import VisionStandIn

pytestmark = pytest.mark.django_db


class Google:
    """What a test does to the stand-in of Google, in words that hold for both suppliers."""

    extension, provider, model = "google-auto-tagging", "google-vision", "builtin/stable"
    units, best = 2, ("Teacup", "97.31")

    def __init__(self, server):
        self.server = server

    @property
    def calls(self):
        return len(self.server.requests)

    def fail(self, kind, times=None):
        status = {
            "busy": grpc.StatusCode.RESOURCE_EXHAUSTED,
            "bad image": grpc.StatusCode.INVALID_ARGUMENT,
            "bad key": grpc.StatusCode.PERMISSION_DENIED,
        }[kind]
        self.server.abort, self.server.times = (status, "says the stand-in"), times

    def ask_to_wait(self, seconds):
        self.fail("busy")
        self.server.retry_delay_s = float(seconds)

    def garble(self):
        self.server.labels = (("Teacup", 0.9), ("", 0.8))


class Aws:
    extension, provider, model = "aws-auto-tagging", "aws-rekognition", "DetectLabels 3.0"
    units, best = 1, ("Cup", "99.12")

    def __init__(self, server):
        self.server = server

    @property
    def calls(self):
        return self.server.calls

    def fail(self, kind, times=None):
        self.server.error = {
            "busy": "ThrottlingException",
            "bad image": "InvalidImageFormatException",
            "bad key": "UnrecognizedClientException",
        }[kind]
        self.server.times = times

    def ask_to_wait(self, seconds):
        self.server.error, self.server.headers = "TooManyRequestsException", {"Retry-After": str(seconds)}

    def garble(self):
        self.server.raw = b'{"Labels": [{"Name": "Cup", "Confidence": 90}, {"Name": "Saucer", "Confidence": 1e9}]}'


@pytest.fixture(params=["google", "aws"])
def supplier(request, settings, monkeypatch):
    settings.MEDIAHUB_RUN_BACKOFF_BASE_S = 1
    settings.MEDIAHUB_PROVIDER_CHAINS = {
        **settings.MEDIAHUB_PROVIDER_CHAINS,
        "google-auto-tagging": ["google-vision"],
        "aws-auto-tagging": ["aws-rekognition"],
    }
    if request.param == "google":
        with VisionStandIn() as vision:
            settings.MEDIAHUB_GOOGLE_VISION_ENDPOINT = f"http://{vision.address}"
            yield Google(vision)
        return
    with RekognitionStandIn() as rekognition:
        for name, value in {
            "AWS_ENDPOINT_URL_REKOGNITION": rekognition.url,
            "AWS_REGION": "eu-west-1",
            "AWS_ACCESS_KEY_ID": "AKID",
            "AWS_SECRET_ACCESS_KEY": "of the test",
        }.items():
            monkeypatch.setenv(name, value)
        yield Aws(rekognition)


@pytest.fixture
def run(new_account, supplier):
    asset = make_asset(new_account.account, name="teacup.jpg", data=photo("teacup.jpg"))
    [made] = ask_for(asset, {"name": supplier.extension, "minConfidence": 60, "maxTags": 4})
    return made


def work(run):
    pipeline.work("tagging")
    return ExtensionRun.objects.get(pk=run.pk)


def kinds(run):
    return list(UnitEntry.objects.filter(run_id=run.pk).order_by("id").values_list("kind", flat=True))


def test_tags_are_written_with_where_they_came_from_and_the_units_are_posted(run, supplier):
    run = work(run)
    assert (run.state, run.provider, run.model) == ("succeeded", supplier.provider, supplier.model)
    tags = list(AITag.objects.filter(asset=run.asset_id).order_by("-confidence"))
    assert len(tags) == 4
    assert (tags[0].name, str(tags[0].confidence)) == supplier.best
    assert {(tag.source, tag.provider, tag.model, tag.run_id) for tag in tags} == {
        (supplier.extension, supplier.provider, supplier.model, run.pk)
    }
    assert kinds(run) == ["hold", "post"]
    assert run.units == supplier.units
    assert audit.differences() == []


@pytest.mark.rel("F34")
def test_a_busy_supplier_is_asked_again_later_and_the_run_is_charged_once(run, supplier):
    supplier.fail("busy", times=1)
    run = work(run)
    assert (run.state, run.attempts) == ("queued", 1)
    assert run.last_error.startswith("provider_rate_limited: ")
    assert kinds(run) == ["hold"]
    clock.shift(60)
    run = work(run)
    assert (run.state, run.attempts, supplier.calls) == ("succeeded", 2, 2)
    assert kinds(run) == ["hold", "post"]


@pytest.mark.rel("F34")
def test_a_run_waits_at_least_as_long_as_the_supplier_asks(run, supplier):
    supplier.ask_to_wait(90)
    run = work(run)
    assert run.due_at >= clock.now() + timedelta(seconds=85)


def test_a_supplier_that_stays_busy_fails_the_run_uncharged(run, supplier, settings):
    settings.MEDIAHUB_RUN_ATTEMPTS = 2
    supplier.fail("busy")
    for _ in range(2):
        found = work(run)
        clock.shift(3600)
    assert (found.state, found.error_code, supplier.calls) == ("failed", "provider_rate_limited", 2)
    assert kinds(run) == ["hold", "void"]


@pytest.mark.rel("F35")
def test_a_refused_image_fails_the_run_at_once_and_uncharged(run, supplier):
    supplier.fail("bad image")
    found = work(run)
    assert (found.state, found.error_code, supplier.calls) == ("failed", "provider_refused", 1)
    assert kinds(run) == ["hold", "void"]
    assert audit.differences() == []


@pytest.mark.rel("F36", "F41")
def test_refused_credentials_fail_the_run_at_once_when_nobody_follows(run, supplier):
    supplier.fail("bad key")
    found = work(run)
    assert (found.state, found.error_code, supplier.calls) == ("failed", "provider_key_refused", 1)
    assert kinds(run) == ["hold", "void"]


@pytest.mark.rel("F36")
def test_refused_credentials_have_the_next_of_the_chain_asked_at_once(run, supplier, settings):
    settings.MEDIAHUB_PROVIDER_CHAINS[supplier.extension] = [supplier.provider, "fake"]
    supplier.fail("bad key")
    found = work(run)
    assert (found.state, found.provider, found.attempts) == ("succeeded", "fake", 1)


@pytest.mark.rel("F37", "F42")
def test_of_a_spoilt_answer_nothing_is_applied(run, supplier):
    supplier.garble()
    found = work(run)
    assert (found.state, found.error_code, supplier.calls) == ("failed", "bad_provider_result", 1)
    assert not AITag.objects.exists()
    assert kinds(run) == ["hold", "void"]


@pytest.mark.rel("F39")
def test_an_answer_after_the_lease_ran_out_is_refused_and_the_newer_attempt_counts(run, supplier):
    late = claim("tagging", now=clock.now())
    answer = pipeline._answer(late)
    newer = claim("tagging", now=clock.now() + lease("tagging") + timedelta(seconds=1))
    assert newer.pk == late.pk
    assert pipeline.settle_success(late, answer) is False
    assert not AITag.objects.exists()
    pipeline.execute(newer)
    assert AITag.objects.filter(run_id=run.pk).count() == 4
    assert kinds(run) == ["hold", "post"]


@pytest.mark.rel("J9", "F4")
def test_a_paid_answer_that_was_kept_is_not_paid_for_again(run, supplier):
    first = claim("tagging", now=clock.now())
    assert pipeline._answer(first)
    newer = claim("tagging", now=clock.now() + lease("tagging") + timedelta(seconds=1))
    pipeline.execute(newer)
    assert supplier.calls == 1
    assert ExtensionRun.objects.get(pk=run.pk).state == "succeeded"


def test_a_run_without_credentials_ends_as_not_configured(run, supplier, settings, monkeypatch):
    settings.MEDIAHUB_GOOGLE_VISION_ENDPOINT = ""
    settings.MEDIAHUB_GOOGLE_CREDENTIALS_JSON = settings.GOOGLE_APPLICATION_CREDENTIALS = ""
    monkeypatch.delenv("AWS_REGION", raising=False)
    found = work(run)
    assert (found.state, found.error_code, supplier.calls) == ("failed", "provider_not_configured", 0)
    assert kinds(run) == ["hold", "void"]
