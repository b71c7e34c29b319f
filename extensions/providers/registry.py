"""The table of providers: settings and the catalogue name them by slug, and the code is imported when asked for."""

import functools
from collections.abc import Iterable

from django.utils.module_loading import import_string

from extensions.providers.base import Provider

PROVIDERS = {
    "remove.bg": "extensions.providers.removebg.RemoveBg",
    "rembg": "extensions.providers.rembg_local.RembgLocal",
    "google-vision": "extensions.providers.google_vision.GoogleVision",
    "aws-rekognition": "extensions.providers.aws_rekognition.AwsRekognition",
    "local-tagger": "extensions.providers.local_tagger.LocalTagger",
    "openai-compatible": "extensions.providers.openai_compatible.OpenAiCompatible",
    "fake": "extensions.providers.fake.FakeProvider",
}

WARMED_IN = {"images": ("rembg",), "tagging": ("local-tagger",)}
"""Local providers whose models a worker of each queue loads at its start."""


@functools.cache
def get_provider(slug: str) -> Provider:
    """Return this process's instance of a provider. Raises KeyError for a slug that the table does not have."""
    provider_class: type[Provider] = import_string(PROVIDERS[slug])
    return provider_class()


def available_providers(chain: Iterable[str]) -> list[Provider]:
    """The providers of a chain that can be asked now, in the chain's order."""
    providers = (get_provider(slug) for slug in chain)
    return [provider for provider in providers if provider.availability().available]


def warm_up(queue: str) -> None:
    """Load the local models of a queue in this process, so that its first run is as fast as the next.

    Called after the worker forked: a model loaded before would be shared with broken threads. A provider that is not
    available is passed over; its runs will say why.
    """
    for provider in available_providers(WARMED_IN.get(queue, ())):
        provider.warm_up()
