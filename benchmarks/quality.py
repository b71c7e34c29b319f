"""How good the local models are on the sample photos: masks against reference masks, tags against expected ones.

`python -m benchmarks.quality` prints the figures; the tests assert the same rows.

How tags are counted. All tags with confidence at or above the default thresholds count, over every photo except the
`composite_*` ones, whose subject is pasted on. A tag is right if its name is among the photo's `acceptable_tags`, or if
WordNet lists one of those names as a synonym of it ("Volleyball ball" for "Volleyball"). Everything else is wrong, also
what is true but not listed, such as a giraffe being a hoofed animal. Precision is right tags over all tags given.
"""

import io
import json
import os
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "mediahub.settings")

from extensions.vision import cutout, tagging

PHOTOS = Path(__file__).resolve().parent.parent / "tests" / "files" / "photos"
IOU_AT_LEAST = 0.965
PRECISION_AT_LEAST = 0.88
MODELS = {"int8": ("u2netp-int8", "efficientnet-lite0-int8"), "fp32": ("u2netp", "efficientnet-lite0")}


def measure() -> list[dict[str, Any]]:
    """Rows with name, value, target and met, for both precisions."""
    rows: list[dict[str, Any]] = []
    for precision, (mask_model, classifier) in MODELS.items():
        iou = float(np.mean(list(mask_ious(mask_model).values())))
        tags = found_tags(classifier)
        missing = missing_tags(tags)
        precise = tag_precision(tags)
        rows += [
            _row(f"mean IoU of masks, {precision}", round(iou, 4), f">= {IOU_AT_LEAST}", iou >= IOU_AT_LEAST),
            _row(f"required tags missing, {precision}", len(missing), "0", not missing),
            _row(
                f"precision of tags, {precision}",
                round(precise, 4),
                f">= {PRECISION_AT_LEAST}",
                precise >= PRECISION_AT_LEAST,
            ),
        ]
    return rows


def expectations() -> list[dict[str, Any]]:
    """The lines of expected.json."""
    lines: list[dict[str, Any]] = json.loads((PHOTOS / "expected.json").read_text())
    return lines


def mask_ious(model: str) -> dict[str, float]:
    """Intersection over union with the reference mask, both cut at half opacity, for each photo that has one."""
    return {
        line["file"]: _iou(_alpha(line["file"], model), PHOTOS / line["mask"])
        for line in expectations()
        if "mask" in line
    }


def found_tags(classifier: str) -> dict[str, dict[str, float]]:
    """Per photo: name to confidence in percent, two decimals."""
    return {
        line["file"]: {
            name: round(share * 100, 2)
            for name, share in tagging.find_tags((PHOTOS / line["file"]).read_bytes(), classifier)
        }
        for line in expectations()
    }


def missing_tags(tags: dict[str, dict[str, float]]) -> list[tuple[str, str]]:
    """(photo, tag) for each required tag that was not given."""
    return [
        (line["file"], name)
        for line in expectations()
        if line.get("required_met")
        for name in line["required_tags"]
        if name not in tags[line["file"]]
    ]


def tag_precision(tags: dict[str, dict[str, float]]) -> float:
    """Right tags over all tags, by the rule above."""
    judged = [
        is_right(name, line["acceptable_tags"])
        for line in expectations()
        if not line["file"].startswith("composite_")
        for name in tags[line["file"]]
    ]
    return sum(judged) / len(judged)


def is_right(name: str, acceptable: list[str]) -> bool:
    """Whether a tag counts as right for a photo."""
    words = {name.lower(), *tagging.vocabulary().synonyms.get(name.lower(), ())}
    return any(candidate.lower() in words for candidate in acceptable)


def _alpha(file: str, model: str) -> Any:
    result = cutout.cut_out((PHOTOS / file).read_bytes(), partial(cutout.small_mask, model=model))
    return np.asarray(Image.open(io.BytesIO(result.data)).getchannel("A")) > 127


def _iou(alpha: Any, mask_file: Path) -> float:
    reference = Image.open(mask_file).convert("L").resize((alpha.shape[1], alpha.shape[0]))
    wanted = np.asarray(reference) > 127
    return float((alpha & wanted).sum() / (alpha | wanted).sum())


def _row(name: str, value: float, target: str, met: bool) -> dict[str, Any]:
    return {"name": name, "value": value, "target": target, "met": met}


if __name__ == "__main__":
    for row in measure():
        print(f"{'ok ' if row['met'] else 'NOT'}  {row['name']}: {row['value']} (target {row['target']})")
