"""Background removal on this machine as a provider: options, backgrounds from the web, models that are missing."""

import hashlib
import os
import shutil
from ipaddress import ip_network

import numpy as np
import pytest
from PIL import Image

from extensions.providers.base import ImageProduced, PermanentProviderError, ProviderUnavailable, TransientProviderError
from extensions.providers.registry import get_provider
from extensions.vision import weights
from tests.contracts.provider import LocalProviderContract, run_input
from tests.photos import encoded, opened, photo
from tests.receivers import Receiver, answer


@pytest.fixture(autouse=True)
def int8(settings):
    settings.MEDIAHUB_REMBG_PRECISION = "int8"


class TestRembgLocal(LocalProviderContract):
    slug = "rembg"

    def check_readable(self, name, size, output):
        image = opened(output.data)
        assert isinstance(output, ImageProduced)
        assert (output.width, output.height) == image.size == size
        assert (output.mime, output.has_alpha, image.mode) == ("image/png", True, "RGBA")
        assert not image.getexif()
        assert set(image.info) <= {"icc_profile"}


def remove(name="teacup.jpg", **options):
    provider = get_provider("rembg")
    return provider.run(run_input("remove-bg", photo(name), params={"options": options} if options else {}))


def code_of(error, *args, **options):
    with pytest.raises(error) as caught:
        remove(*args, **options)
    return caught.value.code


@pytest.mark.parametrize("name", ["animated.gif", "animated.webp"])
def test_an_animation_is_refused(name):
    assert code_of(PermanentProviderError, f"formats/{name}") == "animated_not_supported"


def test_a_flat_image_has_no_clear_subject():
    assert code_of(PermanentProviderError, "formats/flat.jpg") == "no_clear_subject"


def test_unknown_options_are_ignored_and_listed():
    output = remove(bg_color="fff", add_shadow=True, semitransparency=False)
    assert output.ignored_options == ("add_shadow", "semitransparency")
    assert not output.has_alpha


def test_a_malformed_colour_is_a_permanent_error():
    assert code_of(PermanentProviderError, bg_color="no colour") == "invalid_options"


def test_colour_and_picture_at_once_are_a_permanent_error():
    assert code_of(PermanentProviderError, bg_color="fff", bg_image_url="https://example.com/") == "invalid_options"


@pytest.fixture
def loopback_allowed(settings):
    settings.MEDIAHUB_ALLOWED_PRIVATE_NETWORKS = (ip_network("127.0.0.0/8"),)


def test_a_picture_from_the_web_becomes_the_background(loopback_allowed):
    with Receiver(answer(200, body=encoded(Image.new("RGB", (40, 40), (0, 0, 200))))) as receiver:
        image = opened(remove(bg_image_url=receiver.url).data)
    assert (image.mode, image.getpixel((0, 0))) == ("RGB", (0, 0, 200))


def test_a_picture_behind_a_private_address_is_not_fetched():
    with Receiver(answer(200, body=encoded(Image.new("RGB", (40, 40))))) as receiver:
        assert code_of(PermanentProviderError, bg_image_url=receiver.url) == "invalid_options"
        assert receiver.requests == []


@pytest.mark.parametrize(
    ("status", "error"), [(404, PermanentProviderError), (503, TransientProviderError), (429, TransientProviderError)]
)
def test_a_picture_that_may_come_later_is_tried_again(loopback_allowed, status, error):
    with Receiver(answer(status)) as receiver:
        code_of(error, bg_image_url=receiver.url)


@pytest.mark.rel("F43")
@pytest.mark.parametrize(("damage", "code"), [("rename", "model_missing"), ("truncate", "model_corrupt")])
def test_without_its_model_it_is_unavailable_and_says_why(tmp_path, monkeypatch, damage, code):
    folder = shutil.copytree(weights.COMMITTED_DIR, tmp_path / "weights")
    monkeypatch.setattr(weights, "COMMITTED_DIR", folder)
    monkeypatch.setattr("extensions.vision.sessions._sessions", {})
    file = folder / "u2netp-int8.onnx"
    os.truncate(file, 100) if damage == "truncate" else file.rename(folder / "elsewhere")
    state = get_provider("rembg").availability()
    assert not state.available
    assert "u2netp-int8" in state.reason
    assert code_of(ProviderUnavailable) == code


def test_a_larger_model_that_was_not_fetched_makes_it_unavailable(settings, tmp_path):
    settings.MEDIAHUB_WEIGHTS_DIR = tmp_path
    settings.MEDIAHUB_REMBG_MODEL = "isnet-general-use"
    assert "models fetch isnet-general-use" in get_provider("rembg").availability().reason
    assert code_of(ProviderUnavailable) == "model_missing"


def test_warming_up_loads_the_model_of_this_process(monkeypatch):
    loaded: dict[str, object] = {}
    monkeypatch.setattr("extensions.vision.sessions._sessions", loaded)
    get_provider("rembg").warm_up()
    assert list(loaded) == ["u2netp-int8"]


def test_the_cutout_agrees_with_the_reference_mask():
    alpha = np.asarray(opened(remove("coffee.jpg").data).getchannel("A")) > 127
    wanted = np.asarray(opened(photo("masks/coffee.png")).convert("L")) > 127
    assert (alpha & wanted).sum() / (alpha | wanted).sum() > 0.98


@pytest.fixture
def larger_model(settings, tmp_path, monkeypatch):
    """One of rembg's larger models, played by the weights we have: same input, same output, another name."""
    content = (weights.COMMITTED_DIR / "u2netp.onnx").read_bytes()
    (tmp_path / "silueta.onnx").write_bytes(content)
    digest = hashlib.md5(content, usedforsecurity=False).hexdigest()
    model = weights.Weight("silueta", "silueta.onnx", "", "", "", md5=digest, url="https://example.com/silueta.onnx")
    known = {**weights.manifest(), "silueta": model}
    monkeypatch.setattr(weights, "manifest", lambda: known)
    monkeypatch.setenv("U2NET_HOME", "")
    settings.MEDIAHUB_WEIGHTS_DIR = tmp_path
    settings.MEDIAHUB_REMBG_MODEL = "silueta"


@pytest.mark.filterwarnings("default")
def test_a_larger_model_runs_through_rembg_and_our_own_composition(larger_model):
    output = remove("coffee.jpg", bg_color="fff")
    assert output.model == "silueta"
    assert opened(output.data).size == (600, 400)
    alpha = np.asarray(opened(remove("coffee.jpg").data).getchannel("A")) > 127
    wanted = np.asarray(opened(photo("masks/coffee.png")).convert("L")) > 127
    assert (alpha & wanted).sum() / (alpha | wanted).sum() > 0.98


@pytest.mark.filterwarnings("default")
def test_a_larger_model_finds_no_subject_in_a_flat_image(larger_model):
    assert code_of(PermanentProviderError, "formats/flat.jpg") == "no_clear_subject"
