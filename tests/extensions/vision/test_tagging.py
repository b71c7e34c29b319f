"""Fusing two models into names, without and with the models."""

import numpy as np
import pytest
from PIL import Image

from extensions.vision.errors import VisionError
from extensions.vision.tagging import Thresholds, classifier_input, detector_input, find_tags, fuse, vocabulary
from tests.photos import FORMATS, encoded, gradient, photo

WORDS = vocabulary()


def classes(**shares):
    """Class probabilities, the rest spread thinly."""
    spread = np.full(1000, (1 - sum(shares.values())) / 1000, np.float32)
    for name, share in shares.items():
        spread[WORDS.class_names.index(name.replace("_", " "))] = share
    return spread


def detections(**scores):
    found = np.zeros(80, np.float32)
    for name, score in scores.items():
        found[WORDS.coco_names.index(name.replace("_", " "))] = score
    return found


def names(class_shares, scores=None):
    return dict(fuse(class_shares, detections() if scores is None else scores, WORDS, Thresholds()))


def test_a_group_is_named_though_no_class_is_certain():
    found = names(classes(German_Shepherd_Dog=0.2, Siberian_Husky=0.3, Golden_Retriever=0.3))
    assert "Dog" in found
    assert not {"Siberian Husky", "Golden Retriever"} & set(found)


def test_a_class_needs_forty_per_cent():
    assert "Tripod" in names(classes(Tripod=0.41))
    assert "Tripod" not in names(classes(Tripod=0.39))


def test_a_detection_counts_when_the_classifier_half_agrees():
    tableware = WORDS.membership[:, WORDS.groups.index("Tableware")] > 0
    agreeing, silent = (np.where(tableware, share / tableware.sum(), 0).astype(np.float32) for share in (0.09, 0.07))
    assert "Cup" in names(agreeing, detections(Cup=0.6))
    assert "Cup" not in names(silent, detections(Cup=0.6))


def test_a_detection_without_agreement_needs_eighty_per_cent():
    assert "Giraffe" not in names(classes(Tripod=0.9), detections(Giraffe=0.79))
    assert "Giraffe" in names(classes(Tripod=0.9), detections(Giraffe=0.81))


def test_a_detection_brings_its_groups():
    assert {"Giraffe", "Animal", "Mammal"} <= set(names(classes(Tripod=0.5), detections(Giraffe=0.9)))


def test_a_person_needs_no_agreement():
    assert names(classes(Tripod=0.9), detections(Person=0.6))["Person"] == pytest.approx(0.6)


def test_an_ape_is_not_a_person():
    ape = classes(Chimpanzee=0.9) if "Chimpanzee" in WORDS.class_names else classes(Gorilla=0.9)
    assert "Person" not in names(ape, detections(Person=0.74))
    assert "Person" in names(ape, detections(Person=0.76))


def test_a_tag_has_the_larger_of_its_confidences():
    found = names(classes(Tripod=0.45), detections(Person=0.9))
    assert found["Tripod"] == pytest.approx(0.45)
    both = names(classes(Espresso=0.95), detections(Cup=0.6))
    assert both["Espresso"] == pytest.approx(0.95)


def test_the_most_certain_name_comes_first():
    found = fuse(classes(Tripod=0.5), detections(Person=0.9), WORDS, Thresholds())
    assert [share for _, share in found] == sorted((share for _, share in found), reverse=True)


def test_a_flat_image_has_no_tags():
    assert find_tags((FORMATS / "flat.jpg").read_bytes(), "efficientnet-lite0") == []


def test_the_first_frame_of_an_animation_is_tagged():
    assert "Crab" in dict(find_tags((FORMATS / "animated.gif").read_bytes(), "efficientnet-lite0"))


def test_a_sideways_photo_is_tagged_upright():
    assert "Dog" in dict(find_tags((FORMATS / "exif_orientation_6.jpg").read_bytes(), "efficientnet-lite0"))


@pytest.mark.parametrize("mode", ["1", "L", "P", "LA", "RGBA", "CMYK", "I;16"])
def test_every_kind_of_pixel_can_be_tagged(mode):
    data = encoded(Image.new(mode, (2000, 1800)), "TIFF" if mode == "CMYK" else "PNG")
    assert find_tags(data, "efficientnet-lite0") == []


def test_one_pixel_is_too_small():
    with pytest.raises(VisionError) as caught:
        find_tags((FORMATS / "one_pixel.png").read_bytes(), "efficientnet-lite0")
    assert caught.value.code == "image_too_small"


def test_the_classifier_sees_the_centre_square():
    image = Image.new("RGB", (400, 200), "black")
    image.paste((254, 254, 254), (100, 0, 300, 200))
    feed = classifier_input(image)
    assert feed.shape == (1, 3, 224, 224)
    assert feed[..., 2:-2].min() > 0.9


def test_the_detector_sees_the_whole_picture():
    feed = detector_input(gradient(600, 300))
    assert feed.shape == (1, 3, 416, 416)
    assert feed[0, 0, 0, 0] < 2
    assert feed[0, 0, 0, -1] > 253


def test_both_precisions_agree_on_a_clear_photo():
    dog = photo("dog.jpg")
    assert {name for name, _ in find_tags(dog, "efficientnet-lite0")} == {
        name for name, _ in find_tags(dog, "efficientnet-lite0-int8")
    }
