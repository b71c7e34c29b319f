"""What every provider must do, whoever the supplier is.

A provider's test module subclasses `ProviderContract`, names the provider by its slug and says how to make it
available; `run_input` is a helper for its own tests too. `LocalProviderContract` adds the awkward files.
"""

import json
from typing import Any, ClassVar

import pytest

from extensions.providers.base import (
    Output,
    PermanentProviderError,
    Provider,
    RunInput,
    output_from_parts,
    output_to_parts,
    prepare_for,
)
from extensions.providers.registry import PROVIDERS, get_provider
from mediahub.lib import imaging
from tests.photos import photo


def run_input(extension: str, image: bytes, **changes: Any) -> RunInput:
    """A RunInput as the pipeline makes it."""
    fields: dict[str, Any] = {
        "run_id": "00000000-0000-4000-8000-000000000001",
        "extension": extension,
        "image": image,
        "mime": "image/jpeg",
        "width": 320,
        "height": 247,
        "animated": False,
        "params": {},
        "deadline_s": 30.0,
    }
    return RunInput(**{**fields, **changes})


class ProviderContract:
    """Subclass, set `slug`, and override the fixture `available` if a run needs a server or a key."""

    slug: ClassVar[str]
    params: ClassVar[dict[str, Any]] = {}
    sample: ClassVar[str] = "teacup.jpg"

    @pytest.fixture
    def available(self) -> None:
        """Make the provider available; nothing to do for most local ones."""

    @pytest.fixture
    def provider(self) -> Provider:
        return get_provider(self.slug)

    @pytest.fixture
    def output(self, provider: Provider, available: None) -> Output:
        image, mime = prepare_for(provider, photo(self.sample), "image/jpeg")
        return provider.run(run_input(provider.extensions[0], image, mime=mime, params=self.params))

    def test_the_registry_knows_it_by_its_slug(self, provider):
        assert provider.slug == self.slug
        assert get_provider(self.slug) is provider
        assert self.slug in PROVIDERS

    def test_it_names_itself_and_what_it_serves(self, provider):
        assert provider.title
        assert provider.extensions
        assert all(name == name.lower() for name in provider.extensions)

    def test_availability_gives_a_reason_exactly_when_there_is_none(self, provider):
        state = provider.availability()
        assert bool(state.reason) is not state.available

    def test_it_is_available_when_set_up(self, provider, available):
        assert provider.availability().available

    def test_its_description_is_json_without_secrets(self, provider, available):
        text = json.dumps(provider.describe())
        assert "secret" not in text.lower()

    def test_an_answer_survives_being_kept(self, output):
        parts, data = output_to_parts(output)
        assert output_from_parts(json.loads(json.dumps(parts)), data) == output

    def test_an_answer_names_its_model(self, output):
        assert output.model

    def test_a_corrupt_image_is_a_permanent_error(self, provider, available):
        with pytest.raises(PermanentProviderError) as caught:
            image, mime = prepare_for(provider, photo("formats/truncated.jpg"), "image/jpeg")
            provider.run(run_input(provider.extensions[0], image, mime=mime, params=self.params))
        assert caught.value.code == "corrupt_image"


REFUSED = {
    "bomb_144mp.png": "file_not_processable",
    "bomb_900mp.png": "file_not_processable",
    "truncated.jpg": "corrupt_image",
    "not_an_image.jpg": "unsupported_file_type",
    "script.svg": "unsupported_file_type",
    "one_pixel.png": "image_too_small",
}
READABLE = (
    "exif_orientation_6.jpg",
    "exif_gps.jpg",
    "display_p3.jpg",
    "cmyk.jpg",
    "grey.jpg",
    "grey16.png",
    "palette.png",
    "progressive.jpg",
    "transparent.png",
    "photo.heic",
    "photo.avif",
    "photo.webp",
    "photo.tiff",
    "photo.bmp",
    "large_12mp.jpg",
)


class LocalProviderContract(ProviderContract):
    """For providers that decode the original themselves: each awkward file gets what the table beside it says."""

    def test_it_says_that_nothing_leaves_the_machine(self, provider):
        assert provider.runs_locally
        assert provider.limits is None

    @pytest.mark.rel("U5", "U7", "B20")
    @pytest.mark.parametrize(("name", "code"), REFUSED.items())
    def test_a_file_that_cannot_be_used_is_refused_with_its_code(self, provider, name, code):
        with pytest.raises(PermanentProviderError) as caught:
            provider.run(run_input(provider.extensions[0], photo(f"formats/{name}"), params=self.params))
        assert caught.value.code == code

    @pytest.mark.parametrize("name", READABLE)
    def test_an_awkward_file_is_read(self, provider, name):
        data = photo(f"formats/{name}")
        size = imaging.upright_size(imaging.open_checked(data, imaging.Limits()))
        self.check_readable(name, size, provider.run(run_input(provider.extensions[0], data, params=self.params)))

    def check_readable(self, name: str, size: tuple[int, int], output: Output) -> None:
        """Assert what the output must be for a readable file whose upright size is given."""
        raise NotImplementedError
