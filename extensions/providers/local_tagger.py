"""Tags from models on this machine: no key, no network, no units. Serves `local-auto-tagging`.

An operator may also name it in another tagger's chain; the thresholds of the request then count all the same.
"""

import time
from typing import ClassVar

import numpy as np
from django.conf import settings

from extensions.providers.base import (
    Availability,
    PermanentProviderError,
    Provider,
    ProviderUnavailable,
    RunInput,
    TagsFound,
)
from extensions.providers.labels import best_tags, thresholds
from extensions.vision import tagging, weights
from extensions.vision.errors import VisionError, WeightsError
from extensions.vision.sessions import run_model
from mediahub.lib.imaging import ImageError

CLASSIFIER = "efficientnet-lite0"


class LocalTagger(Provider):
    slug: ClassVar[str] = "local-tagger"
    title: ClassVar[str] = "Tagger on this machine"
    extensions: ClassVar[tuple[str, ...]] = ("local-auto-tagging", "google-auto-tagging", "aws-auto-tagging")
    runs_locally: ClassVar[bool] = True

    def availability(self) -> Availability:
        problem = weights.problem_of(classifier(), tagging.DETECTOR, "tags")
        return Availability(problem is None, problem.message if problem else "")

    def warm_up(self) -> None:
        """Run both models once: the first run of a process is several times slower than the next, and is waited for."""
        run_model(classifier(), np.zeros((1, 3, tagging.CLASSIFIER_SIDE, tagging.CLASSIFIER_SIDE), np.float32))
        run_model(tagging.DETECTOR, np.zeros((1, 3, tagging.DETECTOR_SIDE, tagging.DETECTOR_SIDE), np.float32))
        tagging.vocabulary()

    def run(self, run_input: RunInput) -> TagsFound:
        """Name what the image shows, by `minConfidence` (0 to 100, default 0) and `maxTags` (default 30)."""
        started = time.monotonic()
        wanted = thresholds(run_input.params)
        try:
            found = tagging.find_tags(run_input.image, classifier())
        except WeightsError as error:
            raise ProviderUnavailable(error.code, error.message) from error
        except (ImageError, VisionError) as error:
            raise PermanentProviderError(error.code, error.message) from error
        kept = best_tags([(name, float(share) * 100) for name, share in found], wanted)
        facts = {"ms": round((time.monotonic() - started) * 1000), "found": len(found)}
        return TagsFound(kept, f"{classifier()}+{tagging.DETECTOR}", facts)


def classifier() -> str:
    """The classifier in the precision that was set. `auto` is full precision here: int8 would save 3 ms of 70."""
    return f"{CLASSIFIER}-int8" if settings.MEDIAHUB_REMBG_PRECISION == "int8" else CLASSIFIER
