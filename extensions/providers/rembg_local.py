"""Background removal on this machine: u2netp by our own fast pipeline, larger models through rembg's sessions.

Serves `remove-bg` behind or instead of remove.bg. Of the options it knows `bg_color` and `bg_image_url`.
"""

import functools
import os
import time
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

from django.conf import settings
from PIL import Image

from extensions.providers.base import (
    Availability,
    ImageProduced,
    PermanentProviderError,
    Provider,
    ProviderUnavailable,
    RunInput,
    TransientProviderError,
)
from extensions.vision import cutout, weights
from extensions.vision.errors import VisionError, WeightsError
from extensions.vision.precision import choose_model
from extensions.vision.prepare import is_flat
from extensions.vision.sessions import session_for, session_options
from mediahub.lib import imaging
from mediahub.lib.http import BadUrl, OutboundError, fetch, policy_from_settings

FAST_MODEL = "u2netp"
KNOWN_OPTIONS = frozenset({"bg_color", "bg_image_url"})
BACKGROUND_BYTES_MAX = 25 * 1024 * 1024
LARGER_MODEL_SIDE = 1024
"""Longest side that larger models are shown: the most that any of them looks at."""
_TRY_AGAIN = frozenset({"timeout", "dns", "refused", "reset"})


class RembgLocal(Provider):
    slug: ClassVar[str] = "rembg"
    title: ClassVar[str] = "rembg on this machine"
    extensions: ClassVar[tuple[str, ...]] = ("remove-bg",)
    runs_locally: ClassVar[bool] = True
    accepts_animated: ClassVar[bool] = False

    def availability(self) -> Availability:
        problem = weights.problem_of(*_needed_models())
        return Availability(problem is None, problem.message if problem else "")

    def warm_up(self) -> None:
        if settings.MEDIAHUB_REMBG_MODEL == FAST_MODEL:
            session_for(fast_model())

    def run(self, run_input: RunInput) -> ImageProduced:
        """Cut the subject out. Facts: `ms` of the whole call, and the option keys that were ignored stand beside."""
        started = time.monotonic()
        options = _options(run_input.params)
        model = settings.MEDIAHUB_REMBG_MODEL
        try:
            _refuse_animated(run_input.image)
            background = cutout.read_background(options, partial(_fetch_picture, deadline_s=run_input.deadline_s))
            model, mask_of = _mask_maker(model)
            result = cutout.cut_out(run_input.image, mask_of, background)
        except WeightsError as error:
            raise ProviderUnavailable(error.code, error.message) from error
        except (imaging.ImageError, VisionError) as error:
            raise PermanentProviderError(error.code, error.message) from error
        return ImageProduced(
            data=result.data,
            mime=result.mime,
            width=result.width,
            height=result.height,
            has_alpha=result.has_alpha,
            model=model,
            facts={"ms": round((time.monotonic() - started) * 1000)},
            ignored_options=tuple(sorted(set(options) - KNOWN_OPTIONS)),
            mask=result.mask,
        )


def fast_model() -> str:
    """The form of u2netp that this machine runs best, or the one that the operator set. Raises WeightsError."""
    return choose_model(FAST_MODEL, settings.MEDIAHUB_REMBG_PRECISION, Path(settings.MEDIAHUB_DATA_DIR) / "models.json")


def _needed_models() -> tuple[str, ...]:
    model, precision = settings.MEDIAHUB_REMBG_MODEL, settings.MEDIAHUB_REMBG_PRECISION
    if model != FAST_MODEL:
        return (model,)
    return {"fp32": (model,), "int8": (f"{model}-int8",)}.get(precision, (model, f"{model}-int8"))


def _mask_maker(model: str) -> tuple[str, cutout.MaskOf]:
    """The model's full name and the function that finds a mask with it."""
    if model == FAST_MODEL:
        chosen = fast_model()
        return chosen, partial(cutout.small_mask, model=chosen)
    weights.verified_path(model)
    return model, partial(_rembg_mask, session=_rembg_session(model))


@functools.cache
def _rembg_session(model: str) -> Any:
    """Open one of rembg's own models from our folder, which was just verified: rembg then downloads nothing."""
    os.environ["U2NET_HOME"] = str(weights.fetched_dir())
    # Imported here: the first import compiles for half a minute and takes 170 MB, which only larger models are worth.
    from rembg.session_factory import new_session

    return new_session(model, sess_opts=session_options())


def _rembg_mask(picture: cutout.Picture, session: Any) -> Image.Image:
    """Find the subject with a larger model; rembg stretches any answer to full contrast, so judge flatness first."""
    scale = min(1.0, LARGER_MODEL_SIDE / max(picture.size))
    image = picture.scaled(*(max(1, round(side * scale)) for side in picture.size))
    if is_flat(image):
        raise VisionError("no_clear_subject", "No clear subject was found in the image.")
    mask: Image.Image = session.predict(image)[0]
    return mask


def _options(params: Mapping[str, Any]) -> Mapping[str, Any]:
    options = params.get("options") or {}
    if not isinstance(options, Mapping):
        raise PermanentProviderError("invalid_options", "options is not an object.")
    return options


def _refuse_animated(data: bytes) -> None:
    """The bytes decide, not the row: rows of old uploads may predate what we know about their format."""
    if imaging.is_animated(imaging.open_checked(data, imaging.limits_from_settings())):
        raise VisionError("animated_not_supported", "Background removal does not take animated images.")


def _fetch_picture(address: str, *, deadline_s: float) -> bytes:
    """Fetch `bg_image_url`. Raises TransientProviderError where a later attempt may succeed, else VisionError."""
    try:
        return fetch(
            address,
            deadline_s=deadline_s / 2,
            max_bytes=BACKGROUND_BYTES_MAX,
            policy=policy_from_settings(),
        )
    except BadUrl as error:
        raise VisionError("invalid_options", f"bg_image_url: {error}") from error
    except OutboundError as error:
        message = f"bg_image_url: {error.public_message}"
        if error.reason in _TRY_AGAIN or (error.status is not None and (error.status >= 500 or error.status == 429)):
            raise TransientProviderError("bg_image_unreachable", message) from error
        raise VisionError("invalid_options", message) from error
