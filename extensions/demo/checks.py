"""What the demo demands of its results: the tags that must be there, and a cut-out that matches its reference mask."""

import io
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

PHOTOS = Path(__file__).parent / "photos"
LEAST_IOU = 0.9


@dataclass(frozen=True)
class Photo:
    """One photo of the demo. mask: the reference mask's file, if it has one."""

    path: Path
    required_tags: tuple[str, ...]
    mask: Path | None


def demo_photos() -> list[Photo]:
    """The six photos, with what is expected of them."""
    facts = json.loads((PHOTOS / "expected.json").read_text(encoding="utf-8"))
    return [
        Photo(PHOTOS / one["file"], tuple(one["required_tags"]), PHOTOS / one["mask"] if "mask" in one else None)
        for one in facts
    ]


def missing_tags(photo: Photo, found: list[str]) -> list[str]:
    """Required tags that were not found."""
    return [tag for tag in photo.required_tags if tag not in found]


def mask_iou(result: bytes, mask: Path) -> float:
    """Intersection over union, at half opacity, of a cut-out's alpha channel and a reference mask; 0.0 to 1.0.

    Without an alpha channel everything counts as foreground.
    """
    with Image.open(io.BytesIO(result)) as image, Image.open(mask) as reference:
        alpha = image.convert("RGBA").getchannel("A")
        wanted = reference.convert("L")
        if wanted.size != alpha.size:
            wanted = wanted.resize(alpha.size, Image.Resampling.BILINEAR)
        ours, theirs = np.asarray(alpha) >= 128, np.asarray(wanted) >= 128
    union = np.logical_or(ours, theirs).sum()
    return float(np.logical_and(ours, theirs).sum() / union) if union else 1.0
