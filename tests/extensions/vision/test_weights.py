"""Model files are the ones the manifest names, or they are not used."""

import hashlib
import json
import os
import shutil

import pytest

from extensions.vision import weights
from extensions.vision.errors import WeightsError
from extensions.vision.sessions import run_model


@pytest.fixture
def own_weights(tmp_path, monkeypatch):
    """A copy of the committed files that a test may damage."""
    folder = tmp_path / "weights"
    shutil.copytree(weights.COMMITTED_DIR, folder)
    monkeypatch.setattr(weights, "COMMITTED_DIR", folder)
    return folder


def code_of(name):
    with pytest.raises(WeightsError) as caught:
        weights.verified_path(name)
    return caught.value.code


def test_every_committed_file_is_genuine_and_licensed():
    for weight in weights.manifest().values():
        if weight.is_committed:
            assert hashlib.sha256(weights.verified_path(weight.name).read_bytes()).hexdigest() == weight.sha256
            assert weight.licence_files
            assert all((weights.COMMITTED_DIR / file).is_file() for file in weight.licence_files)


def test_no_file_is_committed_without_a_line_in_the_manifest():
    known = {weight.file for weight in weights.manifest().values()} | {"manifest.json", "README.md"}
    assert {path.name for path in weights.COMMITTED_DIR.iterdir() if path.is_file()} <= known


def test_every_fetchable_model_has_an_address_and_a_checksum():
    document = json.loads((weights.COMMITTED_DIR / "manifest.json").read_text())
    assert all(line["url"].startswith("https://") and line["md5"] for line in document["fetchable"])


@pytest.mark.rel("F43")
def test_a_missing_file_is_named_as_missing(own_weights):
    (own_weights / "u2netp.onnx").unlink()
    assert code_of("u2netp") == "model_missing"
    assert weights.problem_of("tags", "u2netp").code == "model_missing"


@pytest.mark.rel("F43")
def test_a_truncated_file_is_corrupt(own_weights):
    os.truncate(own_weights / "u2netp.onnx", 1000)
    assert code_of("u2netp") == "model_corrupt"


@pytest.mark.rel("F43")
def test_a_file_changed_after_it_was_verified_is_noticed(own_weights):
    path = weights.verified_path("u2netp-int8")
    content = bytearray(path.read_bytes())
    content[5000] ^= 1
    path.write_bytes(content)
    assert code_of("u2netp-int8") == "model_corrupt"


@pytest.mark.rel("F43")
def test_a_model_is_usable_again_once_its_file_is_back(own_weights):
    hidden = (own_weights / "u2netp.onnx").rename(own_weights / "elsewhere")
    assert code_of("u2netp") == "model_missing"
    hidden.rename(own_weights / "u2netp.onnx")
    assert weights.problem_of("u2netp") is None


def test_an_unknown_name_is_missing():
    assert code_of("u3net") == "model_missing"


def test_a_model_that_was_not_fetched_says_how_to_get_it(settings, tmp_path):
    settings.MEDIAHUB_WEIGHTS_DIR = tmp_path
    assert "models fetch isnet-general-use" in weights.problem_of("isnet-general-use").message


def test_a_session_is_not_made_from_a_damaged_file(own_weights, monkeypatch):
    monkeypatch.setattr("extensions.vision.sessions._sessions", {})
    os.truncate(own_weights / "u2netp.onnx", 1000)
    with pytest.raises(WeightsError):
        run_model("u2netp", None)
