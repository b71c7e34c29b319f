"""Tags from Amazon Rekognition by boto3 (API 6.3). Serves `aws-auto-tagging`.

This module decides from the environment and files alone and is loaded by web processes; `aws_calls` holds what needs
boto3. Region and credentials come by AWS's own variables, which boto3 reads itself: so what counts is the environment
of the process, not a copy in our settings.
"""

import os
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

from django.conf import settings

from extensions.providers.base import Availability, Provider, ProviderUnavailable, RunInput, TagsFound
from extensions.providers.labels import best_tags, thresholds
from extensions.vision.prepare import ImageLimits

MODEL = "DetectLabels"
NO_REGION = (
    "aws-rekognition has no region: set AWS_REGION (or AWS_DEFAULT_REGION) to one that has Rekognition, for example "
    "eu-west-1."
)
HALF_A_KEY = "aws-rekognition has half a key: set both AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY."
NO_CREDENTIALS = (
    "aws-rekognition has no credentials: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE, or "
    "MEDIAHUB_AWS_AMBIENT_CREDENTIALS=true on a machine that has a role of its own."
)
# Each set of variables names one source of credentials.
SOURCES = (
    ("AWS_PROFILE",),
    ("AWS_DEFAULT_PROFILE",),
    ("AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_ROLE_ARN"),
    ("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",),
    ("AWS_CONTAINER_CREDENTIALS_FULL_URI",),
)


@dataclass(frozen=True)
class AwsSetup:
    """The region, and whatever a client was made from: when it changes, a new client is made.

    environment: the variables of AWS. key_file: when the shared credentials file last changed; 0 without one.
    """

    region: str
    environment: tuple[tuple[str, str], ...] = field(repr=False)
    key_file: int


class AwsRekognition(Provider):
    slug: ClassVar[str] = "aws-rekognition"
    title: ClassVar[str] = "Amazon Rekognition"
    extensions: ClassVar[tuple[str, ...]] = ("aws-auto-tagging",)
    limits: ClassVar[ImageLimits] = ImageLimits(
        ("image/jpeg", "image/png"), max_bytes=5_242_880, max_side=10_000, min_side=80
    )

    def availability(self) -> Availability:
        try:
            aws_setup()
        except ProviderUnavailable as error:
            return Availability(False, error.message)
        return Availability(True)

    def warm_up(self) -> None:
        """Load boto3, which the first run would have to wait for."""
        from extensions.providers import aws_calls  # noqa: F401

    def run(self, run_input: RunInput) -> TagsFound:
        """Name what the image shows. `minConfidence` is always sent: without it AWS hides what is below 55."""
        started = time.monotonic()
        wanted = thresholds(run_input.params)
        if wanted.at_most == 0:
            return TagsFound((), MODEL)
        setup = aws_setup()
        from extensions.providers import aws_calls  # loaded by workers only

        answer = aws_calls.detect_labels(
            setup,
            run_input.image,
            at_most=wanted.at_most,
            at_least=min(wanted.at_least, 100.0),
            deadline_s=run_input.deadline_s,
        )
        tags = best_tags(answer.labels, wanted)
        model = f"{MODEL} {answer.model_version}" if answer.model_version else MODEL
        return TagsFound(tags, model, {"ms": round((time.monotonic() - started) * 1000), "found": len(answer.labels)})


def aws_setup() -> AwsSetup:
    """The set-up from the environment. Raises ProviderUnavailable `provider_not_configured` with what to set.

    A role of the machine counts only where MEDIAHUB_AWS_AMBIENT_CREDENTIALS asks for it: whether there is one cannot
    be told without the network.
    """
    region = _value("AWS_REGION") or _value("AWS_DEFAULT_REGION")
    key_file = _changed_at(_value("AWS_SHARED_CREDENTIALS_FILE") or "~/.aws/credentials")
    missing = [sentence for sentence in ("" if region else NO_REGION, _no_source(key_file)) if sentence]
    if missing:
        raise ProviderUnavailable("provider_not_configured", " ".join(missing))
    environment = tuple(sorted(item for item in os.environ.items() if item[0].startswith("AWS_")))
    return AwsSetup(region, environment, key_file)


def _no_source(key_file: int) -> str:
    """What to set so that there are credentials; "" if a source of them is named."""
    has_key = [bool(_value(name)) for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")]
    if any(has_key) and not all(has_key):
        return HALF_A_KEY
    is_named = all(has_key) or any(all(_value(name) for name in names) for names in SOURCES)
    return "" if is_named or key_file or settings.MEDIAHUB_AWS_AMBIENT_CREDENTIALS else NO_CREDENTIALS


def _value(name: str) -> str:
    return os.environ.get(name, "").strip()


def _changed_at(path: str) -> int:
    try:
        return Path(path).expanduser().stat().st_mtime_ns
    except (OSError, RuntimeError):  # RuntimeError: nobody's home
        return 0
