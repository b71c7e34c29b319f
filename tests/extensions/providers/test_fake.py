"""The fake provider keeps the contract, and its plan does what it says."""

import json
import os

import pytest

from extensions.providers.base import (
    ImageProduced,
    PermanentProviderError,
    ProviderUnavailable,
    TagsFound,
    TextFound,
    TransientProviderError,
)
from extensions.providers.registry import get_provider
from tests.contracts.provider import LocalProviderContract, run_input
from tests.photos import opened, photo


class TestFakeProvider(LocalProviderContract):
    slug = "fake"

    def check_readable(self, name, size, output):
        assert isinstance(output, ImageProduced)
        assert (output.width, output.height) == size


@pytest.fixture
def folder(settings, tmp_path):
    settings.MEDIAHUB_FAKE_DIR = str(tmp_path)
    return tmp_path


def tag(run_id="run-1", **params):
    return get_provider("fake").run(run_input("local-auto-tagging", photo("teacup.jpg"), run_id=run_id, params=params))


def test_tags_follow_from_the_image_alone():
    assert tag() == tag("run-2")
    other = get_provider("fake").run(run_input("local-auto-tagging", photo("coffee.jpg")))
    assert isinstance(other, TagsFound)


def test_thresholds_of_the_request_count():
    assert len(tag(minConfidence=85).tags) == 2
    assert len(tag(maxTags=1).tags) == 1
    assert tag(maxTags=0).tags == ()


def test_a_cutout_has_the_size_of_the_image_and_clear_corners():
    output = get_provider("fake").run(run_input("remove-bg", photo("teacup.jpg")))
    image = opened(output.data)
    assert (image.mode, image.size) == ("RGBA", (320, 247))
    assert image.getpixel((0, 0)) == (0, 0, 0, 0)


def test_a_description_is_a_sentence():
    output = get_provider("fake").run(run_input("ai-auto-description", photo("teacup.jpg")))
    assert isinstance(output, TextFound)
    assert output.text.endswith(".")


def test_each_call_is_recorded_with_run_and_process(folder):
    tag("run-1")
    tag("run-2")
    assert (folder / "calls.log").read_text() == f"run-1 {os.getpid()}\nrun-2 {os.getpid()}\n"


def test_nothing_is_recorded_without_a_folder(settings, tmp_path):
    settings.MEDIAHUB_FAKE_DIR = ""
    tag()
    assert list(tmp_path.glob("calls.log")) == []


@pytest.mark.parametrize(
    ("kind", "error"),
    [
        ("transient", TransientProviderError),
        ("unavailable", ProviderUnavailable),
        ("permanent", PermanentProviderError),
    ],
)
def test_a_planned_error_is_raised(folder, kind, error):
    (folder / "plan.json").write_text(json.dumps({"error": {"kind": kind, "code": "busy", "message": "Later."}}))
    with pytest.raises(error) as caught:
        tag()
    assert (caught.value.code, caught.value.message) == ("busy", "Later.")


def test_a_planned_error_strikes_as_often_as_planned(folder):
    error = {"kind": "transient", "code": "busy", "retry_after_s": 3}
    (folder / "plan.json").write_text(json.dumps({"error": error, "times": 2}))
    for _ in range(2):
        with pytest.raises(TransientProviderError) as caught:
            tag()
        assert caught.value.retry_after_s == 3
    assert tag().tags
