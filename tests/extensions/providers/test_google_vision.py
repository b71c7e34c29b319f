"""Google Cloud Vision as a provider: Google's own client against a gRPC server that speaks its protocol."""

import json
import os
import subprocess
import sys
import time

import grpc
import pytest
from google.cloud import vision_v1
from google.cloud.vision_v1.services.image_annotator.transports import ImageAnnotatorGrpcTransport

from extensions.providers.base import (
    PermanentProviderError,
    ProviderUnavailable,
    TransientProviderError,
    prepare_for,
)
from extensions.providers.registry import get_provider
from tests.contracts.provider import READABLE, REFUSED, ProviderContract, run_input
from tests.extensions.providers import key_files
from tests.photos import opened, photo
from tests.receivers import Receiver, answer, refusing
from tests.runtime import ROOT
from tests.standins.vision import VisionStandIn

Code = grpc.StatusCode
PARAMS = {"minConfidence": 0, "maxTags": 30}


@pytest.fixture(autouse=True)
def nothing_is_set(settings):
    settings.GOOGLE_APPLICATION_CREDENTIALS = settings.MEDIAHUB_GOOGLE_CREDENTIALS_JSON = ""
    settings.MEDIAHUB_GOOGLE_VISION_ENDPOINT = ""
    settings.MEDIAHUB_GOOGLE_AMBIENT_CREDENTIALS = False


@pytest.fixture
def vision(settings):
    with VisionStandIn() as server:
        settings.MEDIAHUB_GOOGLE_VISION_ENDPOINT = f"http://{server.address}"
        yield server


class TestGoogleVision(ProviderContract):
    slug = "google-vision"
    params = PARAMS

    @pytest.fixture
    def available(self, vision):
        return None


def tag(name="teacup.jpg", deadline_s=30.0, **params):
    provider = get_provider("google-vision")
    image, mime = prepare_for(provider, photo(name), "image/jpeg")
    work = run_input("google-auto-tagging", image, mime=mime, params={**PARAMS, **params}, deadline_s=deadline_s)
    return provider.run(work)


def failure(kind, **changes):
    with pytest.raises(kind) as caught:
        tag(**changes)
    assert type(caught.value) is kind
    return caught.value


# --- what is asked and what becomes of the answer ---------------------------------------------------------------------


def test_labels_become_tags_with_a_percentage_of_two_decimals(vision):
    assert [(found.name, found.confidence) for found in tag().tags] == [
        ("Teacup", 97.31),
        ("Tableware", 94.12),
        ("Saucer", 87.45),
        ("Porcelain", 62.18),
        ("Coffee", 50.0),
    ]


def test_one_image_is_sent_with_one_feature_and_the_number_of_tags(vision):
    assert tag(maxTags=2).model == "builtin/stable"
    [request] = vision.requests
    [one] = request.requests
    [feature] = one.features
    assert feature.type_ == vision_v1.Feature.Type.LABEL_DETECTION
    assert (feature.max_results, feature.model) == (2, "builtin/stable")
    assert one.image.content == photo("teacup.jpg")


def test_a_label_is_kept_when_its_two_decimals_reach_the_threshold(vision):
    assert [found.name for found in tag(minConfidence=87.45).tags] == ["Teacup", "Tableware", "Saucer"]
    assert [found.name for found in tag(minConfidence=87.46).tags] == ["Teacup", "Tableware"]


def test_tags_come_best_first_whatever_the_order_of_the_labels(vision):
    vision.labels = (("Low", 0.1), ("High", 0.9), ("Middle", 0.5))
    assert [found.name for found in tag().tags] == ["High", "Middle", "Low"]


def test_a_repeated_name_becomes_one_tag_with_the_surest_confidence(vision):
    vision.labels = (("Cup", 0.5), ("Cup", 0.9), ("Plate", 0.7))
    assert [(found.name, found.confidence) for found in tag().tags] == [("Cup", 90.0), ("Plate", 70.0)]


def test_no_tags_wanted_is_a_success_without_a_call(vision):
    assert tag(maxTags=0).tags == ()
    assert vision.requests == []


def test_an_image_without_labels_is_a_success(vision):
    vision.labels = ()
    assert tag().tags == ()


@pytest.mark.parametrize("name", READABLE)
def test_an_awkward_file_arrives_in_a_format_and_size_that_google_takes(vision, name):
    assert tag(f"formats/{name}").tags
    content = vision.requests[0].requests[0].image.content
    assert len(content) <= 7_000_000
    assert not opened(content).getexif()


@pytest.mark.rel("U5", "B20")
@pytest.mark.parametrize(("name", "code"), REFUSED.items())
def test_a_file_that_cannot_be_used_is_refused_without_a_call(vision, name, code):
    assert failure(PermanentProviderError, name=f"formats/{name}").code == code
    assert vision.requests == []


# --- errors -----------------------------------------------------------------------------------------------------------


@pytest.mark.rel("F33", "F41")
@pytest.mark.parametrize(
    ("status", "code"),
    [
        (Code.UNAVAILABLE, "provider_error"),
        (Code.RESOURCE_EXHAUSTED, "provider_rate_limited"),
        (Code.DEADLINE_EXCEEDED, "provider_timeout"),
        (Code.INTERNAL, "provider_error"),
        (Code.ABORTED, "provider_error"),
        (Code.UNKNOWN, "provider_error"),
    ],
)
def test_a_passing_fault_is_transient_and_asked_once(vision, status, code):
    vision.abort = (status, "Quota exceeded for consumer project_number:4711")
    error = failure(TransientProviderError)
    assert "4711" not in error.message
    assert (error.code, error.retry_after_s) == (code, None)
    assert status.name in error.message
    assert len(vision.requests) == 1


@pytest.mark.rel("F34")
def test_the_wait_that_google_asks_for_is_passed_on(vision):
    vision.abort, vision.retry_delay_s = (Code.RESOURCE_EXHAUSTED, "quota"), 12.5
    assert failure(TransientProviderError).retry_after_s == 12.5


@pytest.mark.rel("F36", "F41")
@pytest.mark.parametrize("status", [Code.PERMISSION_DENIED, Code.UNAUTHENTICATED])
def test_refused_credentials_make_it_unavailable_and_tell_clients_nothing_of_the_account(vision, status):
    vision.abort = (status, "Cloud Vision API has not been used in project 4711 before")
    error = failure(ProviderUnavailable)
    assert error.code == "provider_key_refused"
    assert "4711" not in error.message


def test_an_endpoint_that_is_no_vision_makes_it_unavailable(vision):
    vision.abort = (Code.UNIMPLEMENTED, "")
    assert failure(ProviderUnavailable).code == "provider_misconfigured"


@pytest.mark.rel("F35", "F41")
@pytest.mark.parametrize("status", [Code.INVALID_ARGUMENT, Code.OUT_OF_RANGE, Code.FAILED_PRECONDITION])
def test_a_refused_request_is_permanent(vision, status):
    vision.abort = (status, "Bad image data.")
    error = failure(PermanentProviderError)
    assert error.code == "provider_refused"
    assert "Bad image data." in error.message


@pytest.mark.rel("F35", "F41")
@pytest.mark.parametrize(
    ("number", "kind", "code"),
    [
        (3, PermanentProviderError, "provider_refused"),
        (99, PermanentProviderError, "provider_refused"),
        (7, ProviderUnavailable, "provider_key_refused"),
        (16, ProviderUnavailable, "provider_key_refused"),
        (4, TransientProviderError, "provider_timeout"),
        (8, TransientProviderError, "provider_rate_limited"),
        (13, TransientProviderError, "provider_error"),
        (14, TransientProviderError, "provider_error"),
    ],
)
def test_an_error_inside_an_ok_answer_counts_more_than_the_labels_beside_it(vision, number, kind, code):
    vision.image_error = (number, "Bad image data.")
    assert failure(kind).code == code


def test_an_error_without_a_code_is_an_error_too(vision):
    vision.image_error = (0, "something went wrong")
    assert failure(PermanentProviderError).code == "provider_refused"


@pytest.mark.rel("F37")
@pytest.mark.parametrize("label", [("", 0.9), (" ", 0.9), ("Cup", float("nan")), ("Cup", float("inf")), ("Cup", -0.1)])
def test_a_label_without_a_name_or_with_an_impossible_score_spoils_the_answer(vision, label):
    vision.labels = (("Saucer", 0.9), label)
    assert failure(PermanentProviderError, minConfidence=80).code == "bad_provider_result"


@pytest.mark.rel("F37")
@pytest.mark.parametrize("count", [0, 2])
def test_an_answer_for_another_number_of_images_is_bad(vision, count):
    vision.answers = count
    assert failure(PermanentProviderError).code == "bad_provider_result"


@pytest.mark.rel("F37")
@pytest.mark.parametrize("raw", [b"<html>it works</html>", b"\x0a\x05\x0a"])
def test_an_answer_that_is_no_message_is_bad(vision, raw):
    vision.raw = raw
    assert failure(PermanentProviderError).code == "bad_provider_result"


@pytest.mark.rel("F37")
def test_an_empty_answer_is_bad(vision):
    vision.raw = b""
    assert failure(PermanentProviderError).code == "bad_provider_result"


@pytest.mark.rel("F38")
def test_a_server_that_does_not_answer_in_time_is_given_up(vision):
    vision.delay_s = 20
    started = time.monotonic()
    assert failure(TransientProviderError, deadline_s=1.5).code == "provider_timeout"
    assert time.monotonic() - started < 12


@pytest.mark.rel("F38")
def test_an_answer_without_end_is_cut_off(vision):
    vision.raw = b"\x0a" + b"\xff" * 3_000_000
    assert failure(TransientProviderError).code == "provider_rate_limited"


@pytest.mark.rel("F40")
def test_nobody_there_is_transient_and_the_next_call_dials_anew(settings, vision):
    endpoint = settings.MEDIAHUB_GOOGLE_VISION_ENDPOINT
    with refusing() as address:
        settings.MEDIAHUB_GOOGLE_VISION_ENDPOINT = address
        assert failure(TransientProviderError).code == "provider_error"
    settings.MEDIAHUB_GOOGLE_VISION_ENDPOINT = endpoint
    assert tag().tags


@pytest.mark.rel("F37")
def test_a_server_of_another_protocol_is_transient(settings):
    with Receiver(answer(200, b"<html>")) as web:
        settings.MEDIAHUB_GOOGLE_VISION_ENDPOINT = web.url.rstrip("/")
        assert failure(TransientProviderError, deadline_s=5).code in ("provider_error", "provider_timeout")


# --- credentials ------------------------------------------------------------------------------------------------------


def availability():
    return get_provider("google-vision").availability()


def test_without_credentials_it_says_what_to_set(settings):
    state = availability()
    assert not state.available
    for name in (
        "GOOGLE_APPLICATION_CREDENTIALS",
        "MEDIAHUB_GOOGLE_CREDENTIALS_JSON",
        "MEDIAHUB_GOOGLE_AMBIENT_CREDENTIALS",
    ):
        assert name in state.reason


def test_a_run_without_credentials_is_not_configured():
    assert failure(ProviderUnavailable).code == "provider_not_configured"


def test_a_key_file_makes_it_available(settings, tmp_path):
    path = tmp_path / "key.json"
    path.write_text(key_files.service_account(key_files.rsa_key()))
    settings.GOOGLE_APPLICATION_CREDENTIALS = str(path)
    assert availability().available


def test_a_key_in_the_environment_makes_it_available(settings):
    settings.MEDIAHUB_GOOGLE_CREDENTIALS_JSON = key_files.service_account(key_files.rsa_key())
    assert availability().available


def test_ambient_credentials_count_when_they_are_asked_for(settings):
    settings.MEDIAHUB_GOOGLE_AMBIENT_CREDENTIALS = True
    assert availability().available


def test_a_missing_key_file_is_told_of_without_its_path(settings, tmp_path):
    settings.GOOGLE_APPLICATION_CREDENTIALS = str(tmp_path / "nowhere.json")
    assert "GOOGLE_APPLICATION_CREDENTIALS names cannot be read: No such file" in availability().reason
    assert str(tmp_path) not in availability().reason


@pytest.mark.parametrize("text", ["{", "[]", "{}", '{"type": 3}', "secret words"])
def test_a_key_that_is_none_is_not_configured_and_not_repeated(settings, text):
    settings.MEDIAHUB_GOOGLE_CREDENTIALS_JSON = text
    state = availability()
    assert state.reason.startswith("MEDIAHUB_GOOGLE_CREDENTIALS_JSON")
    assert "secret" not in state.reason


@pytest.mark.rel("F36")
@pytest.mark.parametrize("key", [{"type": "service_account"}, {"type": "of_my_own"}])
def test_a_key_that_google_cannot_read_makes_it_unavailable(settings, key):
    settings.MEDIAHUB_GOOGLE_CREDENTIALS_JSON = json.dumps(key)
    assert failure(ProviderUnavailable).code == "provider_key_refused"


@pytest.mark.rel("F36")
@pytest.mark.parametrize(
    ("status", "body", "kind", "code"),
    [
        (400, b'{"error": "invalid_grant"}', ProviderUnavailable, "provider_key_refused"),
        (503, b'{"error": "internal_failure"}', TransientProviderError, "provider_error"),
    ],
)
def test_a_token_that_is_refused_or_late_is_judged_before_the_call(settings, tmp_path, status, body, kind, code):
    with Receiver(answer(status, body, {"Content-Type": "application/json"})) as tokens:
        settings.MEDIAHUB_GOOGLE_CREDENTIALS_JSON = key_files.federated(tokens.url, tmp_path)
        settings.MEDIAHUB_GOOGLE_VISION_ENDPOINT = "https://127.0.0.1:9"
        assert failure(kind).code == code


@pytest.mark.rel("F40")
def test_a_token_server_that_cannot_be_reached_is_transient(settings, tmp_path):
    with refusing() as address:
        settings.MEDIAHUB_GOOGLE_CREDENTIALS_JSON = key_files.federated(address, tmp_path)
        settings.MEDIAHUB_GOOGLE_VISION_ENDPOINT = "https://127.0.0.1:9"
        assert failure(TransientProviderError).code == "provider_error"


# --- the stand-in -----------------------------------------------------------------------------------------------------


def ask_directly(vision, *requests):
    channel = grpc.insecure_channel(vision.address)
    client = vision_v1.ImageAnnotatorClient(transport=ImageAnnotatorGrpcTransport(channel=channel))
    return client.batch_annotate_images(requests=list(requests), retry=None, timeout=10)


def annotate(content, type_=vision_v1.Feature.Type.LABEL_DETECTION, **feature):
    features = [vision_v1.Feature(type_=type_, **feature)]
    return vision_v1.AnnotateImageRequest(image=vision_v1.Image(content=content), features=features)


CUP = photo("teacup.jpg")


@pytest.mark.parametrize(
    "requests",
    [
        [],
        [annotate(CUP)] * 17,
        [annotate(CUP + bytes(7_600_000))],
        [annotate(CUP, 77)],
        [annotate(CUP, 0)],
        [annotate(b"")],
        [annotate(b"not an image")],
        [annotate(CUP, max_results=-1)],
    ],
    ids=["none", "17 images", "too large", "unknown feature", "no feature", "no image", "no picture", "negative"],
)
def test_the_stand_in_refuses_what_google_refuses(vision, requests):
    with pytest.raises(Exception) as caught:
        ask_directly(vision, *requests)
    assert caught.value.grpc_status_code is Code.INVALID_ARGUMENT


def test_the_stand_in_answers_a_right_request(vision):
    assert len(ask_directly(vision, annotate(CUP, max_results=3)).responses[0].label_annotations) == 3


# --- processes --------------------------------------------------------------------------------------------------------

LOADS_NOTHING = """
import sys, django
django.setup()
from extensions.providers.registry import get_provider
import extensions.providers.{module}
assert get_provider("{slug}").availability().available
get_provider("{slug}").describe()
loaded = [name for name in ("grpc", "google.auth", "google.cloud.vision", "google.cloud.vision_v1", "boto3", "botocore")
          if name in sys.modules]
assert not loaded, loaded
"""


@pytest.mark.parametrize(
    ("module", "slug"), [("google_vision", "google-vision"), ("aws_rekognition", "aws-rekognition")]
)
def test_importing_a_tagger_and_asking_whether_it_is_available_loads_no_library(module, slug):
    script = LOADS_NOTHING.format(module=module, slug=slug)
    environment = {"MEDIAHUB_GOOGLE_CREDENTIALS_JSON": '{"type": "service_account"}', **AWS}
    run = subprocess.run(
        [sys.executable, "-c", script], env=os.environ | environment, capture_output=True, text=True, cwd=ROOT
    )
    assert run.returncode == 0, run.stderr


AWS = {"AWS_REGION": "eu-west-1", "AWS_ACCESS_KEY_ID": "AKID", "AWS_SECRET_ACCESS_KEY": "key"}

AFTER_A_FORK = """
import os, sys, django
django.setup()
from extensions.providers.registry import get_provider
from tests.contracts.provider import run_input
from tests.photos import photo
work = run_input("google-auto-tagging", photo("teacup.jpg"), params={"minConfidence": 0, "maxTags": 3})
provider = get_provider("google-vision")
assert provider.availability().available
children = []
for number in range(3):
    child = os.fork()
    if child == 0:
        found = [len(provider.run(work).tags) for _ in range(3)]
        os._exit(0 if found == [3, 3, 3] else 1)
    children.append(child)
assert [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children] == [0, 0, 0]
"""


def test_forked_processes_each_make_a_client_of_their_own(vision):
    run = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", AFTER_A_FORK],
        env=os.environ | {"MEDIAHUB_GOOGLE_VISION_ENDPOINT": f"http://{vision.address}"},
        capture_output=True,
        text=True,
        cwd=ROOT,
        timeout=60,
    )
    assert run.returncode == 0, run.stderr
    assert len(vision.requests) == 9
