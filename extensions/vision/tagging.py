"""What is in a picture: a classifier's thousand classes, summed into everyday groups, and a detector that must agree.

`providers/local_tagger.py` calls `find_tags`. The names, groups and synonyms come from `tags.json` (WordNet).
"""

import functools
import json
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from extensions.vision.colour import to_srgb
from extensions.vision.prepare import check_side, flatten, is_flat
from extensions.vision.sessions import Floats, run_model
from extensions.vision.weights import verified_path
from mediahub.lib import imaging

MIN_SIDE = 16
CLASSIFIER_SIDE = 224
DETECTOR_SIDE = 416
DETECTOR = "nanodet-g-coco"
_REDUCIBLE = frozenset({"L", "LA", "RGB", "RGBA", "CMYK"})


@dataclass(frozen=True)
class Thresholds:
    """When a name is worth giving; probabilities from 0 to 1."""

    class_name: float = 0.40
    group: float = 0.45
    detector: float = 0.55
    detector_alone: float = 0.80
    agreement: float = 0.08
    person_beside_animal: float = 0.75
    animal: float = 0.50


@dataclass(frozen=True)
class Vocabulary:
    """tags.json: group names; per class of either model its name and group indexes; synonyms by name, in lower case."""

    groups: tuple[str, ...]
    class_names: tuple[str, ...]
    coco_names: tuple[str, ...]
    coco_groups: tuple[tuple[int, ...], ...]
    membership: NDArray[np.float32]
    synonyms: Mapping[str, tuple[str, ...]]

    @property
    def known_groups(self) -> NDArray[np.bool_]:
        """Which groups the classifier has a class for."""
        return np.asarray(self.membership.any(axis=0), np.bool_)


def find_tags(data: bytes, classifier: str, thresholds: Thresholds = Thresholds()) -> list[tuple[str, float]]:
    """Name what an encoded image shows: (name, confidence 0 to 1), most certain first; often none.

    The first frame of a moving image counts. Raises ImageError, VisionError(image_too_small), WeightsError.
    """
    image = open_small(data)
    if is_flat(image):
        return []
    logits = run_model(classifier, classifier_input(image), ["logits"])[0][0]
    scores = run_model(DETECTOR, detector_input(image), ["scores"])[0][0].max(axis=0)
    return fuse(_softmax(logits), scores, vocabulary(), thresholds)


def open_small(data: bytes) -> Image.Image:
    """Decode upright as sRGB on white, no larger than the models can use; a JPEG is decoded at reduced size."""
    image = imaging.open_checked(data, imaging.limits_from_settings())
    check_side(image, MIN_SIDE)
    turn = imaging.orientation(image)
    if image.format in ("JPEG", "MPO"):
        image.draft(None, (DETECTOR_SIDE, DETECTOR_SIDE))
    imaging.load(image)
    if min(image.size) > 2 * DETECTOR_SIDE and image.mode in _REDUCIBLE:
        image = image.reduce(min(image.size) // DETECTOR_SIDE)
    return flatten(imaging.upright(to_srgb(image), turn))


def classifier_input(image: Image.Image) -> Floats:
    """The centre square as float32 [1, 3, 224, 224], from -1 to 1."""
    side = min(image.size)
    left, top = (image.width - side) // 2, (image.height - side) // 2
    box = (left, top, left + side, top + side)
    small = image.resize((CLASSIFIER_SIDE, CLASSIFIER_SIDE), Image.Resampling.BICUBIC, box=box)
    return _planes((np.asarray(small, np.float32) - 127) / 128)


def detector_input(image: Image.Image) -> Floats:
    """The whole picture, its shape ignored, as float32 [1, 3, 416, 416], from 0 to 255."""
    small = image.resize((DETECTOR_SIDE, DETECTOR_SIDE), Image.Resampling.BILINEAR)
    return _planes(np.asarray(small, np.float32))


def fuse(classes: Floats, detections: Floats, words: Vocabulary, thresholds: Thresholds) -> list[tuple[str, float]]:
    """Combine class probabilities [1000] and detector scores [80] into names; no image is needed."""
    groups = classes @ words.membership
    found: dict[str, float] = {}
    for name, share in zip(words.class_names, classes, strict=True):
        _keep(found, name, float(share), thresholds.class_name)
    for name, share in zip(words.groups, groups, strict=True):
        _keep(found, name, float(share), thresholds.group)
    for index in np.flatnonzero(detections >= thresholds.detector):
        score = float(detections[index])
        if _is_credible(int(index), score, groups, words, thresholds):
            for name in (words.coco_names[index], *(words.groups[group] for group in words.coco_groups[index])):
                _keep(found, name, score, 0.0)
    return sorted(((name, min(score, 1.0)) for name, score in found.items()), key=lambda item: (-item[1], item[0]))


@functools.cache
def vocabulary() -> Vocabulary:
    """Read tags.json, verified, once per process. Raises WeightsError."""
    document = json.loads(verified_path("tags").read_text())
    groups, imagenet, coco = document["tags"], document["imagenet"], document["coco"]
    membership = np.zeros((len(imagenet), len(groups)), np.float32)
    for index, line in enumerate(imagenet):
        membership[index, line["tags"]] = 1
    return Vocabulary(
        groups=tuple(groups),
        class_names=tuple(line["name"] for line in imagenet),
        coco_names=tuple(line["name"] for line in coco),
        coco_groups=tuple(tuple(line["tags"]) for line in coco),
        membership=membership,
        synonyms={line["name"].lower(): tuple(word.lower() for word in line["syn"]) for line in imagenet},
    )


def _is_credible(index: int, score: float, groups: Floats, words: Vocabulary, thresholds: Thresholds) -> bool:
    """Whether the classifier half supports a detection; the detector alone errs too often."""
    if words.coco_names[index] == "Person":
        # ImageNet has hardly a class for people, so it cannot agree; it can only object that this is an ape.
        animal = float(groups[words.groups.index("Animal")])
        return animal < thresholds.animal or score >= thresholds.person_beside_animal
    known = words.known_groups
    checked = [group for group in words.coco_groups[index] if known[group]]
    return score >= thresholds.detector_alone or all(groups[group] >= thresholds.agreement for group in checked)


def _keep(found: dict[str, float], name: str, score: float, at_least: float) -> None:
    if score >= at_least:
        found[name] = max(score, found.get(name, 0.0))


def _softmax(logits: Floats) -> Floats:
    shifted = np.exp(logits - logits.max())
    shares: Floats = shifted / shifted.sum()
    return shares


def _planes(pixels: NDArray[np.floating]) -> Floats:
    return np.ascontiguousarray(pixels.transpose(2, 0, 1)[np.newaxis], np.float32)
