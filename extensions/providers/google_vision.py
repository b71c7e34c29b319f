"""Tags from Google Cloud Vision, by label detection of Google's own client library (API 6.2): `google-auto-tagging`.

This module decides from settings and files alone and is loaded by web processes; everything that imports gRPC or
Google's libraries is in `google_calls`, which only a worker that has forked imports.
"""

import json
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

from django.conf import settings

from extensions.providers.base import Availability, Provider, ProviderUnavailable, RunInput, TagsFound
from extensions.providers.labels import best_tags, thresholds
from extensions.vision.prepare import ImageLimits

MODEL = "builtin/stable"
LARGEST_KEY_FILE = 65_536
NOT_SET = (
    "google-vision has no credentials: set GOOGLE_APPLICATION_CREDENTIALS to a service account's JSON file or "
    "MEDIAHUB_GOOGLE_CREDENTIALS_JSON to its content, or MEDIAHUB_GOOGLE_AMBIENT_CREDENTIALS=true on a "
    "machine that has credentials of its own."
)


@dataclass(frozen=True)
class GoogleSetup:
    """Where to call, and as whom.

    endpoint: `host:port`; "" for Google's own. is_plain: without TLS and credentials, on this machine only.
    credentials: the JSON text of a key; "" for none of ours: ambient ones, or a plain endpoint, which gets none.
    """

    endpoint: str
    is_plain: bool
    credentials: str = field(repr=False)


class GoogleVision(Provider):
    slug: ClassVar[str] = "google-vision"
    title: ClassVar[str] = "Google Cloud Vision"
    extensions: ClassVar[tuple[str, ...]] = ("google-auto-tagging",)
    # A request may have 10 MB, in base64 where it is logged or relayed as JSON: 7.5 MB of image less a margin.
    limits: ClassVar[ImageLimits] = ImageLimits(
        ("image/jpeg", "image/png", "image/webp"), max_bytes=7_000_000, max_pixels=75_000_000
    )

    def availability(self) -> Availability:
        try:
            google_setup()
        except ProviderUnavailable as error:
            return Availability(False, error.message)
        return Availability(True)

    def warm_up(self) -> None:
        """Load Google's libraries: they take a second, which the first run would have to wait for."""
        from extensions.providers import google_calls  # noqa: F401

    def run(self, run_input: RunInput) -> TagsFound:
        """Name what the image shows. Google knows no least confidence, so `minConfidence` is applied here."""
        started = time.monotonic()
        wanted = thresholds(run_input.params)
        if wanted.at_most == 0:
            # Nothing is wanted, and Google would take 0 for "as many as usual".
            return TagsFound((), MODEL)
        setup = google_setup()
        from extensions.providers import google_calls  # gRPC must not be imported before a worker has forked

        labels = google_calls.detect_labels(
            setup, run_input.image, model=MODEL, at_most=wanted.at_most, deadline_s=run_input.deadline_s
        )
        tags = best_tags([(name, score * 100) for name, score in labels], wanted)
        return TagsFound(tags, MODEL, {"ms": round((time.monotonic() - started) * 1000), "found": len(labels)})


def google_setup() -> GoogleSetup:
    """The set-up from settings. Raises ProviderUnavailable `provider_not_configured` with what to set.

    Our own variable comes first, so that Vision and a bucket of Google's can have different accounts.
    Ambient credentials (a machine's service account, a person's gcloud log-in) count only where they are asked for:
    whether there are any cannot be told without the network, and a developer's own log-in should not pay for the
    photos of others by surprise.
    """
    address: str = settings.MEDIAHUB_GOOGLE_VISION_ENDPOINT
    endpoint = address.partition("://")[2].rstrip("/")
    if address.startswith("http://"):
        return GoogleSetup(endpoint, True, "")
    if text := settings.MEDIAHUB_GOOGLE_CREDENTIALS_JSON:
        return GoogleSetup(endpoint, False, _checked(text, "MEDIAHUB_GOOGLE_CREDENTIALS_JSON"))
    if path := settings.GOOGLE_APPLICATION_CREDENTIALS:
        name = "The file that GOOGLE_APPLICATION_CREDENTIALS names"  # clients read it, so not its path
        return GoogleSetup(endpoint, False, _checked(_read(Path(path), name), name))
    if settings.MEDIAHUB_GOOGLE_AMBIENT_CREDENTIALS:
        return GoogleSetup(endpoint, False, "")
    raise _not_configured(NOT_SET)


def _read(path: Path, name: str) -> str:
    try:
        with path.open(encoding="utf-8") as file:
            return file.read(LARGEST_KEY_FILE)
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not text"
        raise _not_configured(f"{name} cannot be read: {reason}.") from error


def _checked(text: str, name: str) -> str:
    try:
        info = json.loads(text)
    except ValueError:
        raise _not_configured(f"{name} is not JSON: give the key file as Google made it.") from None
    if not isinstance(info, dict) or not isinstance(info.get("type"), str):
        raise _not_configured(f"{name} has no member type: give the key file as Google made it.")
    return text


def _not_configured(sentence: str) -> ProviderUnavailable:
    return ProviderUnavailable("provider_not_configured", sentence)
