"""The contract's own parts: keeping an answer, preparing an image."""

import pytest

from extensions.providers.base import (
    FoundTag,
    ImageProduced,
    PermanentProviderError,
    ProviderError,
    ProviderUnavailable,
    TagsFound,
    TextFound,
    TransientProviderError,
    output_from_parts,
    output_to_parts,
    prepare_for,
)
from extensions.providers.fake import FakeProvider
from extensions.vision.prepare import ImageLimits
from tests.photos import opened, photo


class Picky(FakeProvider):
    limits = ImageLimits(mimes=("image/jpeg",), max_bytes=50_000, max_pixels=100_000)


@pytest.mark.parametrize(
    "output",
    [
        TagsFound((FoundTag("Crab", 87.126), FoundTag("Rock crab", 71)), "model-1", {"ms": 3}),
        TagsFound((), "model-1"),
        TextFound("Ein Käfer.", "model-2", {"ms": 4}),
        ImageProduced(b"\x89PNG", "image/png", 3, 2, True, "model-3", {"ms": 5}, ("add_shadow",), b"\x00\xff"),
        ImageProduced(b"\xff\xd8", "image/jpeg", 3, 2, False, "model-3"),
    ],
)
def test_an_answer_is_the_same_after_it_was_taken_apart(output):
    assert output_from_parts(*output_to_parts(output)) == output


@pytest.mark.parametrize("parts", [{}, {"kind": "sound"}, {"kind": "image", "mime": "image/png"}])
def test_foreign_parts_are_refused(parts):
    with pytest.raises(ValueError, match="not the parts"):
        output_from_parts(parts, None)


def test_confidence_has_two_decimals():
    assert FoundTag("Crab", 87.126).confidence == 87.13


def test_all_errors_are_of_one_family():
    assert issubclass(TransientProviderError, ProviderError)
    assert issubclass(ProviderUnavailable, ProviderError)
    assert issubclass(PermanentProviderError, ProviderError)
    assert TransientProviderError("busy", "Later.", 3).retry_after_s == 3


def test_an_image_is_made_to_fit_the_provider():
    data, mime = prepare_for(Picky(), photo("formats/photo.heic"), "image/heic")
    image = opened(data)
    assert mime == "image/jpeg"
    assert len(data) <= 50_000
    assert image.width * image.height <= 100_000


def test_a_provider_without_limits_gets_the_original():
    assert prepare_for(FakeProvider(), b"anything", "image/x") == (b"anything", "image/x")


def test_an_image_that_cannot_be_prepared_is_a_permanent_error():
    with pytest.raises(PermanentProviderError) as caught:
        prepare_for(Picky(), photo("formats/bomb_144mp.png"), "image/png")
    assert caught.value.code == "file_not_processable"
