"""`manage.py models`: what is here, whether it is genuine, and how more gets here."""

import hashlib
import io
import json
import os
import shutil
from ipaddress import ip_network

import pytest
from django.core.management import CommandError, call_command

from extensions.vision import weights
from tests.receivers import Receiver, answer

CONTENT = b"a model" * 1000


def models(*arguments):
    out = io.StringIO()
    call_command("models", *arguments, stdout=out, stderr=io.StringIO())
    return out.getvalue()


@pytest.fixture
def own_weights(tmp_path, monkeypatch):
    folder = shutil.copytree(weights.COMMITTED_DIR, tmp_path / "committed")
    monkeypatch.setattr(weights, "COMMITTED_DIR", folder)
    return folder


@pytest.fixture
def fetchable(settings, tmp_path, monkeypatch):
    """Make a small file a known model, to be fetched from the given address."""
    settings.MEDIAHUB_WEIGHTS_DIR = tmp_path / "fetched"
    settings.MEDIAHUB_ALLOWED_PRIVATE_NETWORKS = (ip_network("127.0.0.0/8"),)

    def at(url="https://example.com/model.onnx"):
        digest = hashlib.md5(CONTENT, usedforsecurity=False).hexdigest()
        model = weights.Weight("small", "small.onnx", "a job", "MIT", "", md5=digest, url=url)
        known = {**weights.manifest(), "small": model}
        monkeypatch.setattr(weights, "manifest", lambda: known)
        monkeypatch.setattr("extensions.management.commands.models.manifest", lambda: known)
        return tmp_path / "fetched" / "small.onnx"

    return at


def test_the_list_names_state_and_licence_of_every_model():
    rows = {row["name"]: row for row in json.loads(models("list", "--json"))}
    assert rows["u2netp"]["state"] == "ok"
    assert rows["isnet-general-use"]["state"] == "not fetched"
    assert all(row["licence"] for row in rows.values())


def test_verify_is_content_with_genuine_files():
    assert "u2netp-int8" in models("verify")


@pytest.mark.rel("F43")
def test_verify_fails_when_a_file_is_damaged(own_weights):
    os.truncate(own_weights / "u2netp.onnx", 100)
    with pytest.raises(CommandError, match="u2netp"):
        models("verify")


def test_a_model_is_downloaded_and_ready(fetchable):
    with Receiver(answer(200, body=CONTENT)) as receiver:
        target = fetchable(receiver.url)
        row = json.loads(models("fetch", "small", "--json"))
    assert row["state"] == "ok"
    assert target.read_bytes() == CONTENT
    assert [path.name for path in target.parent.iterdir()] == ["small.onnx"]


@pytest.mark.parametrize("behaviour", [answer(200, body=b"something else"), answer(404, body=b"gone")])
def test_a_failed_download_leaves_nothing_behind(fetchable, behaviour):
    with Receiver(behaviour) as receiver:
        target = fetchable(receiver.url)
        with pytest.raises(CommandError, match="small was not installed"):
            models("fetch", "small")
    assert list(target.parent.iterdir()) == []


def test_a_failed_fetch_leaves_the_model_that_was_there(fetchable, tmp_path):
    target = fetchable()
    target.parent.mkdir()
    target.write_bytes(CONTENT)
    (tmp_path / "wrong.onnx").write_bytes(b"wrong")
    with pytest.raises(CommandError, match="checksum"):
        models("fetch", "small", "--from-file", str(tmp_path / "wrong.onnx"))
    assert target.read_bytes() == CONTENT


def test_a_carried_file_is_checked_and_installed(fetchable, tmp_path):
    target = fetchable()
    (tmp_path / "carried.onnx").write_bytes(CONTENT)
    assert "small is ready" in models("fetch", "small", "--from-file", str(tmp_path / "carried.onnx"))
    assert target.read_bytes() == CONTENT


@pytest.mark.parametrize("name", ["u2netp", "nobody"])
def test_what_is_not_fetchable_is_refused(name):
    with pytest.raises(CommandError, match=name):
        models("fetch", name)
