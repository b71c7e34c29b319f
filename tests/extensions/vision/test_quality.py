"""The figures the local models must reach on the sample photos, in both precisions."""

import pytest

from benchmarks import quality


@pytest.fixture(scope="module", params=["int8", "fp32"])
def models(request):
    return quality.MODELS[request.param]


@pytest.fixture(scope="module")
def tags(models):
    return quality.found_tags(models[1])


def test_masks_agree_with_the_reference_masks(models):
    ious = quality.mask_ious(models[0])
    assert len(ious) == 16
    assert sum(ious.values()) / 16 >= quality.IOU_AT_LEAST
    assert min(ious.values()) >= 0.9


def test_every_required_tag_is_found(tags):
    assert quality.missing_tags(tags) == []


def test_few_tags_are_wrong(tags):
    assert quality.tag_precision(tags) >= quality.PRECISION_AT_LEAST


def test_most_photos_of_animals_get_a_tag(tags):
    named = [file for file in ("cat.jpg", "dog.jpg", "crab.jpg", "giraffe.jpg", "moose.jpg") if "Animal" in tags[file]]
    assert len(named) == 5


def test_a_synonym_counts_as_the_word():
    assert quality.is_right("Volleyball ball", ["Volleyball"])
    assert not quality.is_right("Rose hip", ["Bee", "Flower"])
