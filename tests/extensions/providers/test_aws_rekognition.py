"""Amazon Rekognition as a provider: boto3 against a server that speaks its protocol, and against moto's."""

import base64
import json
import os
import time
import urllib.error
import urllib.request  # noqa: TID251 - the test is a client of its own stand-in

import pytest
from moto.server import ThreadedMotoServer
from PIL import Image

from extensions.providers import aws_rekognition
from extensions.providers.base import (
    PermanentProviderError,
    ProviderUnavailable,
    TransientProviderError,
    prepare_for,
)
from extensions.providers.registry import get_provider
from tests.contracts.provider import READABLE, REFUSED, ProviderContract, run_input
from tests.photos import encoded, gradient, opened, photo
from tests.receivers import Receiver, close_at_accept, drip_body, endless_body, refusing, reset
from tests.standins import rekognition
from tests.standins.rekognition import RekognitionStandIn

PARAMS = {"minConfidence": 0, "maxTags": 30}


@pytest.fixture(autouse=True)
def nothing_is_set(settings, monkeypatch, tmp_path):
    settings.MEDIAHUB_AWS_AMBIENT_CREDENTIALS = False
    for name in list(os.environ):
        if name.startswith("AWS_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))


@pytest.fixture
def key(monkeypatch):
    monkeypatch.setenv("AWS_REGION", "eu-west-1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "of the test")


@pytest.fixture(scope="module")
def server():
    """One for the module: boto3 takes its time for each client."""
    with RekognitionStandIn() as listening:
        yield listening


@pytest.fixture
def aws(key, server, monkeypatch):
    server.reset()
    monkeypatch.setenv("AWS_ENDPOINT_URL_REKOGNITION", server.url)
    return server


class TestAwsRekognition(ProviderContract):
    slug = "aws-rekognition"
    params = PARAMS

    @pytest.fixture
    def available(self, aws):
        return None


def tag(name="teacup.jpg", data=None, deadline_s=30.0, **params):
    provider = get_provider("aws-rekognition")
    image, mime = prepare_for(provider, data or photo(name), "image/jpeg")
    work = run_input("aws-auto-tagging", image, mime=mime, params={**PARAMS, **params}, deadline_s=deadline_s)
    return provider.run(work)


def failure(kind, **changes):
    with pytest.raises(kind) as caught:
        tag(**changes)
    assert type(caught.value) is kind
    return caught.value


# --- what is asked and what becomes of the answer ---------------------------------------------------------------------


def test_labels_become_tags_with_a_confidence_of_two_decimals(aws):
    output = tag()
    assert output.model == "DetectLabels 3.0"
    assert [(found.name, found.confidence) for found in output.tags] == [
        ("Cup", 99.12),
        ("Coffee Cup", 98.4),
        ("Saucer", 90.15),
        ("Pottery", 71.43),
        ("Beverage", 40.5),
    ]


def test_bytes_number_and_threshold_are_always_sent(aws):
    tag(minConfidence=0, maxTags=3)
    [request] = aws.requests
    assert request == {"Image": photo("teacup.jpg"), "MaxLabels": 3, "MinConfidence": 0}


def test_whole_numbers_written_with_a_point_are_understood(aws):
    assert len(tag(minConfidence=71.5, maxTags=3.0).tags) == 3
    assert aws.requests[0]["MinConfidence"] == 71.5


def test_no_tags_wanted_is_a_success_without_a_call(aws):
    assert tag(maxTags=0).tags == ()
    assert aws.calls == 0


def test_an_image_without_labels_is_a_success(aws):
    aws.labels = ()
    assert tag().tags == ()


def test_a_repeated_name_becomes_one_tag(aws):
    aws.labels = (("Cup", 90.0), ("Cup", 80.0))
    assert [(found.name, found.confidence) for found in tag().tags] == [("Cup", 90.0)]


def test_a_version_that_cannot_be_shown_is_left_out(aws):
    aws.raw = b'{"Labels": [], "LabelModelVersion": "3\\u0000"}'
    assert tag().model == "DetectLabels"


@pytest.mark.parametrize("name", READABLE)
def test_an_awkward_file_arrives_as_jpeg_or_png(aws, name):
    assert tag(f"formats/{name}").tags
    assert opened(aws.requests[0]["Image"]).format in ("JPEG", "PNG")


def test_a_large_file_is_made_to_fit(aws):
    noise = os.urandom(3 * 2000 * 2000)
    data = encoded(Image.frombytes("RGB", (2000, 2000), noise))
    assert len(data) > 5_242_880
    tag(data=data)
    assert len(aws.requests[0]["Image"]) <= 5_242_880


def test_a_long_side_is_scaled_to_what_aws_takes(aws):
    tag(data=encoded(gradient(12_000, 200), "JPEG"))
    assert opened(aws.requests[0]["Image"]).size == (10_000, 166)


@pytest.mark.parametrize("size", [(79, 300), (300, 79), (12_000, 90)])
def test_an_image_that_is_too_small_for_aws_is_refused_without_a_call(aws, size):
    error = failure(PermanentProviderError, data=encoded(gradient(*size), "JPEG"))
    assert error.code == "image_too_small"
    assert "80 pixels" in error.message
    assert aws.calls == 0


@pytest.mark.rel("U5", "B20")
@pytest.mark.parametrize(("name", "code"), REFUSED.items())
def test_a_file_that_cannot_be_used_is_refused_without_a_call(aws, name, code):
    assert failure(PermanentProviderError, name=f"formats/{name}").code == code
    assert aws.calls == 0


# --- errors -----------------------------------------------------------------------------------------------------------


@pytest.mark.rel("F33", "F34", "F42")
@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("ThrottlingException", "provider_rate_limited"),
        ("ProvisionedThroughputExceededException", "provider_rate_limited"),
        ("TooManyRequestsException", "provider_rate_limited"),
        ("InternalServerError", "provider_error"),
        ("ServiceUnavailable", "provider_error"),
    ],
)
def test_a_passing_fault_is_transient_and_asked_once(aws, name, code):
    aws.error = name
    error = failure(TransientProviderError)
    assert (error.code, error.retry_after_s) == (code, None)
    assert name in error.message
    assert aws.calls == 1


@pytest.mark.rel("F42")
def test_throttling_with_a_status_of_the_server_is_throttling(aws):
    aws.error, aws.status = "ThrottlingException", 500
    assert failure(TransientProviderError).code == "provider_rate_limited"


@pytest.mark.rel("F34")
@pytest.mark.parametrize(("header", "wait_s"), [("7", 7.0), ("soon", None), ("-1", None), ("", None)])
def test_the_wait_that_aws_asks_for_is_passed_on(aws, header, wait_s):
    aws.error, aws.headers = "TooManyRequestsException", {"Retry-After": header}
    assert failure(TransientProviderError).retry_after_s == wait_s


@pytest.mark.rel("F35", "F42")
@pytest.mark.parametrize(
    "name",
    [
        "InvalidImageFormatException",
        "ImageTooLargeException",
        "InvalidParameterException",
        "InvalidS3ObjectException",
        "ValidationException",
    ],
)
def test_a_refused_request_is_permanent(aws, name):
    aws.error = name
    error = failure(PermanentProviderError)
    assert error.code == "provider_refused"
    assert name in error.message
    assert aws.calls == 1


@pytest.mark.rel("F36")
@pytest.mark.parametrize(
    "name",
    [
        "AccessDeniedException",
        "UnrecognizedClientException",
        "ExpiredTokenException",
        "InvalidSignatureException",
        "MissingAuthenticationTokenException",
    ],
)
def test_refused_credentials_make_it_unavailable_and_tell_clients_nothing_of_the_account(aws, name):
    aws.error, aws.message = name, "User: arn:aws:iam::123456789012:user/shop is not authorized"
    error = failure(ProviderUnavailable)
    assert error.code == "provider_key_refused"
    assert "123456789012" not in error.message


@pytest.mark.rel("F36")
def test_credentials_for_another_region_are_refused(aws, monkeypatch):
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    assert failure(ProviderUnavailable).code == "provider_key_refused"


@pytest.mark.rel("F33", "F35", "F36")
@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (500, TransientProviderError),
        (502, TransientProviderError),
        (503, TransientProviderError),
        (504, TransientProviderError),
        (429, TransientProviderError),
        (401, ProviderUnavailable),
        (403, ProviderUnavailable),
        (404, ProviderUnavailable),
        (400, PermanentProviderError),
        (413, PermanentProviderError),
        (302, PermanentProviderError),
    ],
)
@pytest.mark.parametrize("body", [b"", b"<html>gateway</html>", b"[]"], ids=["empty", "html", "array"])
def test_a_refusal_in_another_tongue_is_judged_by_its_status(aws, status, kind, body):
    aws.status, aws.raw = status, body
    failure(kind)
    assert aws.calls == 1


@pytest.mark.rel("F37", "F42")
@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"<html>it works</html>",
        b'{"Labels": [{"Name": "Cu',
        b"{}",
        b"[]",
        b"null",
        b"7",
        b'"Labels"',
        b'{"Labels": {}}',
        b'{"Labels": null}',
        b'{"Labels": ["Cup"]}',
        b'{"Labels": [null]}',
        b'{"Labels": [{}]}',
        b'{"Labels": [{"Name": "Cup"}]}',
        b'{"Labels": [{"Confidence": 90}]}',
        b'{"Labels": [{"Name": "", "Confidence": 90}]}',
        b'{"Labels": [{"Name": 3, "Confidence": 90}]}',
        b'{"Labels": [{"Name": "Cup", "Confidence": NaN}]}',
        b'{"Labels": [{"Name": "Cup", "Confidence": "high"}]}',
        b'{"Labels": [{"Name": "Cup", "Confidence": 1e9}]}',
        b'{"Labels": [{"Name": "Cup", "Confidence": 1e999}]}',
        b'{"Labels": [{"Name": "Cup", "Confidence": true}]}',
        b'{"Labels": [{"Name": "Cup", "Confidence": -1}]}',
        b'{"Labels": [{"Name": "Cup", "Confidence": 90, "Instances": "x"}]}',
        b"[" * 100_000,
    ],
    ids=range(25),
)
def test_garbage_with_a_good_status_is_bad(aws, raw):
    aws.raw = raw
    assert failure(PermanentProviderError, minConfidence=80).code == "bad_provider_result"


@pytest.mark.rel("F38")
def test_a_server_that_does_not_answer_in_time_is_given_up(aws):
    aws.delay_s = 20
    started = time.monotonic()
    assert failure(TransientProviderError, deadline_s=1.5).code == "provider_timeout"
    assert time.monotonic() - started < 12  # the library is loaded in that time too


@pytest.mark.rel("F38")
def test_a_server_that_drips_is_given_up_in_time(key, monkeypatch):
    with Receiver(drip_body(0.2)) as web:
        monkeypatch.setenv("AWS_ENDPOINT_URL_REKOGNITION", web.url)
        started = time.monotonic()
        assert failure(TransientProviderError, deadline_s=1.5).code == "provider_timeout"
        assert time.monotonic() - started < 12  # the library is loaded in that time too


@pytest.mark.rel("F38")
def test_an_answer_without_end_is_cut_off(key, monkeypatch):
    with Receiver(endless_body()) as web:
        monkeypatch.setenv("AWS_ENDPOINT_URL_REKOGNITION", web.url)
        assert failure(TransientProviderError).code == "provider_error"


@pytest.mark.rel("F40")
@pytest.mark.parametrize("behaviour", [reset(), close_at_accept()], ids=["reset", "closed"])
def test_a_connection_that_breaks_is_transient(key, monkeypatch, behaviour):
    with Receiver(behaviour) as web:
        monkeypatch.setenv("AWS_ENDPOINT_URL_REKOGNITION", web.url)
        assert failure(TransientProviderError).code == "provider_error"


@pytest.mark.rel("F40")
def test_nobody_there_is_transient(key, monkeypatch):
    with refusing() as address:
        monkeypatch.setenv("AWS_ENDPOINT_URL_REKOGNITION", address)
        assert failure(TransientProviderError).code == "provider_error"


@pytest.mark.parametrize(("name", "value"), [("AWS_ENDPOINT_URL_REKOGNITION", "no address"), ("AWS_REGION", "a b")])
def test_an_address_that_is_none_makes_it_unavailable(key, monkeypatch, name, value):
    monkeypatch.setenv(name, value)
    assert failure(ProviderUnavailable).code == "provider_misconfigured"


def test_an_address_that_settings_forbid_makes_it_unavailable(aws, settings):
    settings.MEDIAHUB_HTTPS_ONLY = True
    assert failure(ProviderUnavailable).code == "provider_misconfigured"


# --- credentials ------------------------------------------------------------------------------------------------------


def availability():
    return get_provider("aws-rekognition").availability()


def test_without_a_region_it_says_so(key, monkeypatch):
    monkeypatch.delenv("AWS_REGION")
    assert "AWS_REGION" in availability().reason
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    assert availability().available


def test_with_nothing_set_it_says_all_that_is_missing():
    state = availability()
    assert not state.available
    for name in (
        "AWS_REGION",
        "AWS_ACCESS_KEY_ID",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_PROFILE",
        "MEDIAHUB_AWS_AMBIENT_CREDENTIALS",
    ):
        assert name in state.reason


def test_half_a_key_is_none(key, monkeypatch):
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    assert "half a key" in availability().reason


@pytest.mark.parametrize("names", aws_rekognition.SOURCES)
def test_each_usual_source_makes_it_available(monkeypatch, names):
    monkeypatch.setenv("AWS_REGION", "eu-west-1")
    assert not availability().available
    for name in names:
        monkeypatch.setenv(name, "something")
    assert availability().available


def test_ambient_credentials_count_when_they_are_asked_for(monkeypatch, settings):
    monkeypatch.setenv("AWS_REGION", "eu-west-1")
    settings.MEDIAHUB_AWS_AMBIENT_CREDENTIALS = True
    assert availability().available


@pytest.mark.parametrize("is_named", [True, False])
def test_a_shared_credentials_file_is_used(aws, monkeypatch, tmp_path, is_named):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    assert not availability().available
    path = tmp_path / ("elsewhere" if is_named else ".aws/credentials")
    path.parent.mkdir(exist_ok=True)
    path.write_text("[default]\naws_access_key_id = AKIDFILE\naws_secret_access_key = of the test\n")
    if is_named:
        monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(path))
    assert availability().available
    assert tag().tags


@pytest.mark.rel("F36")
def test_a_profile_that_nobody_wrote_makes_it_unavailable(aws, monkeypatch):
    monkeypatch.setenv("AWS_PROFILE", "nobody")
    assert failure(ProviderUnavailable).code == "provider_key_refused"


def test_a_run_without_credentials_is_not_configured():
    assert failure(ProviderUnavailable).code == "provider_not_configured"


def test_new_credentials_are_used_at_once(aws, monkeypatch):
    tag()
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDNEW")
    tag()
    assert [credential.split("/")[0] for credential in aws.credentials] == ["AKIDEXAMPLE", "AKIDNEW"]


# --- the stand-in -----------------------------------------------------------------------------------------------------

CUP = photo("teacup.jpg")
SIGNED = (
    "AWS4-HMAC-SHA256 Credential=AKID/20260101/eu-west-1/rekognition/aws4_request, "
    f"SignedHeaders=content-type;host;x-amz-date;x-amz-target, Signature={'0' * 64}"
)
HEADERS = {
    "X-Amz-Target": rekognition.TARGET,
    "Content-Type": rekognition.CONTENT_TYPE,
    "X-Amz-Date": "20260101T000000Z",
    "Authorization": SIGNED,
}


def ask_directly(aws, image=CUP, headers=(), **members):
    wanted = {"Image": {"Bytes": base64.b64encode(image).decode()}, **members}
    sent = {**HEADERS, **dict(headers)}
    request = urllib.request.Request(aws.url, json.dumps(wanted).encode(), sent, method="POST")  # noqa: TID251
    try:
        with urllib.request.urlopen(request, timeout=10) as reply:  # noqa: TID251
            return reply.status, json.loads(reply.read())
    except urllib.error.HTTPError as error:
        return error.code, json.loads(error.read())


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({"headers": {"X-Amz-Target": "RekognitionService.DetectFaces"}}, "UnknownOperationException"),
        ({"headers": {"Content-Type": "application/json"}}, "SerializationException"),
        ({"headers": {"Authorization": "Bearer x"}}, "InvalidSignatureException"),
        ({"headers": {"Authorization": SIGNED.replace("/rekognition/", "/s3/")}}, "InvalidSignatureException"),
        ({"headers": {"Authorization": SIGNED.replace("eu-west-1", "us-east-1")}}, "InvalidSignatureException"),
        ({"headers": {"Authorization": SIGNED.replace(";x-amz-target", "")}}, "InvalidSignatureException"),
        ({"image": b""}, "InvalidParameterException"),
        ({"image": photo("teacup.jpg") + bytes(5_300_000)}, "ImageTooLargeException"),
        ({"image": photo("formats/photo.webp")}, "InvalidImageFormatException"),
        ({"image": encoded(gradient(79, 300), "JPEG")}, "InvalidParameterException"),
        ({"MinConfidence": 101}, "InvalidParameterException"),
        ({"MaxLabels": -1}, "InvalidParameterException"),
        ({"MaxLabels": 1.5}, "InvalidParameterException"),
        ({"Threshold": 1}, "ValidationException"),
    ],
)
def test_the_stand_in_refuses_what_aws_refuses(aws, changes, name):
    status, body = ask_directly(aws, **changes)
    assert (status, body["__type"]) == (400, name)


def test_the_stand_in_hides_labels_below_55_unless_told_otherwise(aws):
    assert len(ask_directly(aws)[1]["Labels"]) == 4
    assert len(ask_directly(aws, MinConfidence=0)[1]["Labels"]) == 5


def test_boto3_and_moto_understand_each_other(key, monkeypatch):
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        monkeypatch.setenv("AWS_ENDPOINT_URL_REKOGNITION", f"http://{host}:{port}")
        output = tag()
    finally:
        server.stop()
    assert "Mobile Phone" in [found.name for found in output.tags]
