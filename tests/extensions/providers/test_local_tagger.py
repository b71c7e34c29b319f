"""The local tagger as a provider: parameters, errors, and what it says of itself."""

import os
import shutil

import pytest

from extensions.providers.base import PermanentProviderError, ProviderUnavailable, TagsFound
from extensions.providers.registry import get_provider
from extensions.vision import weights
from tests.contracts.provider import LocalProviderContract, run_input
from tests.photos import photo

DOGS = {"exif_orientation_6.jpg", "exif_gps.jpg", "photo.heic", "photo.avif", "photo.webp", "photo.tiff", "photo.bmp"}


class TestLocalTagger(LocalProviderContract):
    slug = "local-tagger"

    def check_readable(self, name, size, output):
        assert isinstance(output, TagsFound)
        assert name not in DOGS or "Dog" in [tag.name for tag in output.tags]


def tag(name="dog.jpg", **params):
    return get_provider("local-tagger").run(run_input("local-auto-tagging", photo(name), params=params))


def test_all_tags_are_given_by_default():
    assert len(tag().tags) >= 5


def test_the_best_tags_come_first():
    confidences = [found.confidence for found in tag().tags]
    assert confidences == sorted(confidences, reverse=True)


def test_a_tag_is_kept_when_its_two_decimals_reach_the_threshold():
    lowest = tag().tags[-1].confidence
    assert len(tag(minConfidence=lowest).tags) == len(tag().tags)
    assert len(tag(minConfidence=lowest + 0.01).tags) < len(tag().tags)


@pytest.mark.parametrize(("at_most", "count"), [(0, 0), (2, 2)])
def test_at_most_so_many_tags_are_kept(at_most, count):
    assert len(tag(maxTags=at_most).tags) == count


@pytest.mark.parametrize("params", [{"minConfidence": "high"}, {"maxTags": -1}, {"minConfidence": float("nan")}])
def test_a_malformed_parameter_is_a_permanent_error(params):
    with pytest.raises(PermanentProviderError) as caught:
        tag(**params)
    assert caught.value.code == "invalid_options"


@pytest.mark.parametrize("name", ["animated.gif", "animated.webp"])
def test_the_first_frame_of_an_animation_is_tagged(name):
    assert "Crab" in [found.name for found in tag(f"formats/{name}").tags]


def test_a_flat_image_succeeds_without_tags():
    assert tag("formats/flat.jpg").tags == ()


def test_the_model_in_use_is_named(settings):
    settings.MEDIAHUB_REMBG_PRECISION = "int8"
    assert tag().model == "efficientnet-lite0-int8+nanodet-g-coco"


@pytest.mark.rel("F43")
def test_without_its_model_it_is_unavailable_and_says_why(tmp_path, monkeypatch):
    folder = shutil.copytree(weights.COMMITTED_DIR, tmp_path / "weights")
    monkeypatch.setattr(weights, "COMMITTED_DIR", folder)
    monkeypatch.setattr("extensions.vision.sessions._sessions", {})
    os.truncate(folder / "nanodet-g-coco-fp16w.onnx", 100)
    state = get_provider("local-tagger").availability()
    assert not state.available
    assert "nanodet" in state.reason
    with pytest.raises(ProviderUnavailable) as caught:
        tag()
    assert caught.value.code == "model_corrupt"
