"""The choice between full precision and int8 is measured once and kept."""

import json

import pytest

from extensions.vision import precision
from extensions.vision.precision import choose_model


@pytest.fixture
def state_file(tmp_path):
    return tmp_path / "state" / "models.json"


@pytest.mark.parametrize(("setting", "model"), [("fp32", "u2netp"), ("int8", "u2netp-int8")])
def test_a_set_precision_is_taken_without_measuring(setting, model, state_file):
    assert choose_model("u2netp", setting, state_file) == model
    assert not state_file.exists()


def test_the_measurement_replaces_a_damaged_file_and_is_kept_with_what_it_depends_on(state_file):
    state_file.parent.mkdir()
    state_file.write_text("{")
    chosen = choose_model("u2netp", "auto", state_file)
    ((key, line),) = json.loads(state_file.read_text()).items()
    assert "onnxruntime" in key
    assert line["gain"] == pytest.approx(line["fp32_ms"] / line["int8_ms"], abs=0.01)
    assert chosen == ("u2netp-int8" if line["gain"] >= 1.15 else "u2netp")


@pytest.mark.parametrize(("gain", "model"), [(1.14, "u2netp"), (1.15, "u2netp-int8"), (0.8, "u2netp")])
def test_int8_must_earn_its_place(gain, model, state_file):
    state_file.parent.mkdir()
    state_file.write_text(json.dumps({precision._key("u2netp"): {"gain": gain}}))
    assert choose_model("u2netp", "auto", state_file) == model


def test_a_measurement_that_fails_means_full_precision(state_file, monkeypatch):
    monkeypatch.setattr(precision.sys, "executable", "/bin/false")
    assert choose_model("u2netp", "auto", state_file) == "u2netp"
