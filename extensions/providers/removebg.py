"""Background removal by remove.bg's HTTP API 1.0 (API 6.1): the picture goes out, the cut-out comes back.

Serves `remove-bg` before the models on this machine, if its key is set. The block's `options` go on unchanged as form
fields; only what would swap the picture or ask for an answer that is no picture is refused here, before it is paid for.
"""

import json
import re
import time
from collections.abc import Mapping
from typing import Any, ClassVar

from django.conf import settings

from extensions.providers.base import (
    Availability,
    ImageProduced,
    PermanentProviderError,
    ProviderError,
    ProviderUnavailable,
    RunInput,
)
from extensions.providers.http import NOT_CONFIGURED, REFUSED, HttpProvider
from extensions.vision.errors import VisionError
from extensions.vision.prepare import ImageLimits, prepare_image
from mediahub.lib import imaging
from mediahub.lib.errors import DomainError
from mediahub.lib.http import Answer, BadUrl, FormFile, check_url, encode_form, policy_from_settings
from mediahub.lib.json_input import loads_strict

MODEL = "removebg-1.0"
INVALID_OPTIONS = "invalid_options"
BAD_RESULT = "bad_provider_result"
RESULT_BYTES_MAX = 64 << 20
"""More than any result: a PNG of 10 megapixels has 40 MB before it is compressed."""

PNG_PIXELS_MAX = 10_000_000
WEBP_SIDE_MAX = 16_383
_PIXELS_OF_SIZE = {"preview": 250_000, "small": 250_000, "regular": 250_000, "medium": 1_500_000, "hd": 4_000_000}
_SOURCES = frozenset({"image_file", "image_url", "image_file_b64", "bg_image_file"})
_RESULT = ImageLimits(("image/png", "image/webp", "image/jpeg"), max_bytes=RESULT_BYTES_MAX, min_side=1)
_CODE = re.compile(r"[a-z0-9_]{1,60}")
_NUMBER = re.compile(r"[0-9]{1,6}(\.[0-9]{1,4})?")
_LONGEST_TYPE = 40


class RemoveBg(HttpProvider):
    slug: ClassVar[str] = "remove.bg"
    title: ClassVar[str] = "remove.bg"
    extensions: ClassVar[tuple[str, ...]] = ("remove-bg",)
    limits: ClassVar[ImageLimits | None] = ImageLimits(
        ("image/jpeg", "image/png"), max_bytes=22_000_000, max_pixels=50_000_000
    )
    accepts_animated: ClassVar[bool] = False

    @property
    def api_key(self) -> str:
        return str(settings.MEDIAHUB_REMOVEBG_API_KEY)

    def availability(self) -> Availability:
        if not self.api_key:
            return Availability(False, "Set MEDIAHUB_REMOVEBG_API_KEY to the API key of an account at remove.bg.")
        if not (self.api_key.isascii() and self.api_key.isprintable()):
            return Availability(False, "MEDIAHUB_REMOVEBG_API_KEY holds characters that no API key has; set it anew.")
        try:
            check_url(settings.MEDIAHUB_REMOVEBG_URL, policy=policy_from_settings(operator_address=True))
        except BadUrl as error:
            return Availability(False, f"MEDIAHUB_REMOVEBG_URL: {error}")
        return Availability(True)

    def run(self, run_input: RunInput) -> ImageProduced:
        """Have the picture cut out. Facts: credits charged, type of the subject, sizes, box of the foreground."""
        started = time.monotonic()
        body, content_type = form_of(run_input)
        headers = {
            "X-Api-Key": self.api_key,
            "Content-Type": content_type,
            "Accept": "image/png, image/webp, image/jpeg",
        }
        answer = self.call(
            "POST",
            f"{settings.MEDIAHUB_REMOVEBG_URL}/removebg",
            headers=headers,
            body=body,
            deadline_s=run_input.deadline_s,
            max_answer_bytes=RESULT_BYTES_MAX,
        )
        facts = {**self._facts(answer), "ms": round((time.monotonic() - started) * 1000)}
        return _picture(answer.body, run_input.params.get("options") or {}, facts)

    def refusal(self, answer: Answer) -> ProviderError:
        """remove.bg's own code and words; a status that its API does not know tells of a wrong address."""
        if answer.status in (404, 405, 410):
            message = f"MEDIAHUB_REMOVEBG_URL does not lead to remove.bg's API (status {answer.status}); correct it."
            return ProviderUnavailable(NOT_CONFIGURED, message)
        error = _first_error(answer.body)
        code = error.get("code")
        words = ": ".join(self.quote(error[key]) for key in ("title", "detail") if error.get(key))
        return PermanentProviderError(
            code if isinstance(code, str) and _CODE.fullmatch(code) else REFUSED,
            f"remove.bg refused the image or its options: {words or f'status {answer.status}'}",
        )

    def _facts(self, answer: Answer) -> dict[str, Any]:
        """What the headers tell; a number that is none is left out, because databases take no NaN."""
        facts: dict[str, Any] = {}
        if subject := self.quote(answer.headers.get("x-type", ""))[:_LONGEST_TYPE]:
            facts["type"] = subject
        for header in ("credits-charged", "max-width", "max-height"):
            if (value := _number(answer.headers.get(f"x-{header}"))) is not None:
                facts[header.replace("-", "_")] = value
        box = {side: _number(answer.headers.get(f"x-foreground-{side}")) for side in ("left", "top", "width", "height")}
        if all(value is not None for value in box.values()):
            facts["foreground"] = box
        return facts


def form_of(run_input: RunInput) -> tuple[bytes, str]:
    """Return (body, `Content-Type`): our `size` and `format`, the options as they were written, and the picture.

    Raises PermanentProviderError `invalid_options`.
    """
    options = run_input.params.get("options") or {}
    _check_options(options)
    size = str(options.get("size") or settings.MEDIAHUB_REMOVEBG_SIZE)
    fields: dict[str, str | FormFile] = {"size": size, "format": _best_format(run_input.image, size)}
    fields |= {key: _as_field(value) for key, value in options.items() if value is not None}
    name = "image.png" if run_input.mime == "image/png" else "image.jpg"
    fields["image_file"] = FormFile(name, run_input.image, run_input.mime)
    try:
        return encode_form(fields)
    except UnicodeEncodeError as error:
        raise PermanentProviderError(INVALID_OPTIONS, "options holds text that is not valid Unicode.") from error


def _check_options(options: Mapping[str, Any]) -> None:
    for key in options:
        # `image_url[]` and ` Image_URL` may well be read as `image_url` at the other end.
        if key.partition("[")[0].strip().lower() in _SOURCES:
            raise PermanentProviderError(INVALID_OPTIONS, f"options.{key}: leave it out; the asset is the picture.")
    has_ground = bool(options.get("bg_color") or options.get("bg_image_url"))
    form, channels = (str(options.get(key) or "").strip().lower() for key in ("format", "channels"))
    if form == "zip":
        raise PermanentProviderError(INVALID_OPTIONS, "options.format: zip is no image; use png, webp or auto.")
    if form in ("jpg", "jpeg") and not has_ground:
        message = "options.format: jpg cannot be transparent; add bg_color or bg_image_url, or use png or webp."
        raise PermanentProviderError(INVALID_OPTIONS, message)
    if channels == "alpha":
        raise PermanentProviderError(INVALID_OPTIONS, "options.channels: alpha gives a bare mask; use rgba.")


def _as_field(value: Any) -> str:
    """A value of JSON as a form has it: text as it is, true and false, numbers; what has members stays JSON."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _best_format(image: bytes, size: str) -> str:
    """PNG, which loses nothing, as far as remove.bg gives it at full size: up to 10 megapixels. WebP beyond."""
    width, height = imaging.open_checked(image, imaging.limits_from_settings()).size
    pixels = min(width * height, _PIXELS_OF_SIZE.get(size, width * height))
    return "webp" if pixels > PNG_PIXELS_MAX and max(width, height) <= WEBP_SIDE_MAX else "png"


def _picture(data: bytes, options: Mapping[str, Any], facts: dict[str, Any]) -> ImageProduced:
    """The result, decoded once to see that it is whole, upright and without metadata (REL U8, U11)."""
    limits = imaging.limits_from_settings()
    try:
        data, mime = prepare_image(data, _RESULT)
        image = imaging.open_checked(data, limits)
    except (imaging.ImageError, VisionError) as error:
        raise _bad_result("something that is not a usable image", facts) from error
    has_alpha = image.has_transparency_data
    if not has_alpha and not (options.get("bg_color") or options.get("bg_image_url")):
        raise _bad_result("an opaque image", facts)
    return ImageProduced(
        data=data,
        mime=mime,
        width=image.width,
        height=image.height,
        has_alpha=has_alpha,
        model=MODEL,
        facts={**facts, "width": image.width, "height": image.height},
    )


def _bad_result(what: str, facts: Mapping[str, Any]) -> PermanentProviderError:
    charged = f" and charged {facts['credits_charged']} credits" if facts.get("credits_charged") else ""
    return PermanentProviderError(BAD_RESULT, f"remove.bg answered with {what}{charged}.")


def _first_error(body: bytes) -> Mapping[str, Any]:
    """The first entry of `errors` in a refusal; empty for a body of another shape."""
    try:
        said = loads_strict(body)
    except DomainError:
        return {}
    errors = said.get("errors") if isinstance(said, dict) else None
    first = errors[0] if isinstance(errors, list) and errors else None
    return first if isinstance(first, dict) else {}


def _number(text: str | None) -> int | float | None:
    if text is None or not _NUMBER.fullmatch(text):
        return None
    value = float(text)
    return int(value) if value.is_integer() else value
