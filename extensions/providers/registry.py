"""The table of providers: settings and the catalogue name them by slug, and the code is imported when asked for."""

import functools
from collections.abc import Iterable

import structlog
from django.utils.module_loading import import_string

from extensions.providers.base import Availability, Provider
from extensions.vision.errors import VisionError

log = structlog.get_logger(__name__)

PROVIDERS = {
    "remove.bg": "extensions.providers.removebg.RemoveBg",
    "rembg": "extensions.providers.rembg_local.RembgLocal",
    "openai-compatible": "extensions.providers.openai_compatible.OpenAICompatible",
    "local-tagger": "extensions.providers.local_tagger.LocalTagger",
    "google-vision": "extensions.providers.google_vision.GoogleVision",
    "aws-rekognition": "extensions.providers.aws_rekognition.AwsRekognition",
    "fake": "extensions.providers.fake.FakeProvider",
}

WARMED_IN = {"images": ("rembg",), "tagging": ("local-tagger", "google-vision", "aws-rekognition")}
"""Providers whose models or libraries a worker of each queue loads at its start."""


@functools.cache
def get_provider(slug: str) -> Provider:
    """Return this process's instance of a provider. Raises KeyError for a slug that the table does not have."""
    provider_class: type[Provider] = import_string(PROVIDERS[slug])
    return provider_class()


def availability_of(slug: str) -> Availability:
    """Whether a provider that settings name can be asked now; one that the table does not have cannot."""
    if slug not in PROVIDERS:
        return Availability(False, f"{slug} is not part of this installation.")
    return get_provider(slug).availability()


def available_providers(chain: Iterable[str]) -> list[Provider]:
    """The providers of a chain that can be asked now, in the chain's order."""
    return [get_provider(slug) for slug in chain if availability_of(slug).available]


def warm_up(queue: str) -> None:
    """Load the models and libraries of a queue in this process, so that its first run is as fast as the next.

    Called after the worker forked: a model loaded before would be shared with broken threads. A provider that is not
    available is passed over; its runs will say why.
    """
    for provider in available_providers(WARMED_IN.get(queue, ())):
        try:
            provider.warm_up()
        except VisionError:
            # A worker that died here would be started again, for ever; its runs will give the reason.
            log.exception("warm_up_failed", provider=provider.slug)
