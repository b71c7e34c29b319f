"""The table of providers."""

import pytest

from extensions.providers import registry
from extensions.providers.base import Provider


def test_every_slug_leads_to_a_provider_of_that_name():
    for slug in registry.PROVIDERS:
        provider = registry.get_provider(slug)
        assert isinstance(provider, Provider)
        assert provider.slug == slug


def test_a_process_has_one_instance_of_each():
    assert registry.get_provider("fake") is registry.get_provider("fake")


def test_an_unknown_slug_is_a_key_error():
    with pytest.raises(KeyError):
        registry.get_provider("nobody")


def test_available_providers_keep_the_order_of_the_chain(settings, tmp_path):
    found = registry.available_providers(["local-tagger", "fake"])
    assert [provider.slug for provider in found] == ["local-tagger", "fake"]


@pytest.mark.rel("F43")
def test_a_provider_without_its_model_is_left_out(settings, tmp_path):
    settings.MEDIAHUB_WEIGHTS_DIR = tmp_path
    settings.MEDIAHUB_REMBG_MODEL = "isnet-general-use"
    assert [provider.slug for provider in registry.available_providers(["rembg", "fake"])] == ["fake"]


@pytest.mark.rel("F43")
def test_a_worker_starts_although_a_model_is_missing(settings, tmp_path):
    settings.MEDIAHUB_WEIGHTS_DIR = tmp_path
    settings.MEDIAHUB_REMBG_MODEL = "isnet-general-use"
    registry.warm_up("images")


def test_a_worker_of_tagging_loads_both_models(monkeypatch):
    loaded: dict[str, object] = {}
    monkeypatch.setattr("extensions.vision.sessions._sessions", loaded)
    registry.warm_up("tagging")
    assert set(loaded) == {"efficientnet-lite0", "nanodet-g-coco"}


def test_a_queue_without_models_has_nothing_to_load():
    registry.warm_up("webhooks")
