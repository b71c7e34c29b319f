"""The JavaScript SDKs, unmodified, in Node's own test runner: one test here per file of `tests/sdk/node`."""

import os
import subprocess
from pathlib import Path

import pytest

from tests.certificates import certificates
from tests.receivers import Receiver
from tests.sdk.relay import IMAGEKIT, intercepting
from tests.sdk.toolbox import NODE_DIR, node

pytestmark = [pytest.mark.process, pytest.mark.one_database]
PHOTOS = Path(__file__).parents[1] / "files" / "photos"


@pytest.fixture
def run_node(server, account, job_worker, webhook_worker, settings):
    """Runs a test file against the live server, with workers of both kinds; fails with what the file printed."""
    settings.MEDIAHUB_PUBLIC_URL = server

    def run(file, **environment):
        kept = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
        kept |= {
            "SDK_SERVER": server,
            "SDK_PRIVATE_KEY": account.private_key,
            "SDK_PUBLIC_KEY": account.public_key,
            "SDK_PHOTOS": str(PHOTOS),
        }
        # imagekit 6 never ends its upload requests (axios with form-data), so its process would wait for the sockets.
        command = [node(), "--test", "--test-force-exit", "--test-reporter=spec", file]
        ended = subprocess.run(
            command, cwd=NODE_DIR, env=kept | environment, capture_output=True, text=True, timeout=60, check=False
        )
        assert ended.returncode == 0, f"{file}\n{ended.stdout[-20_000:]}\n{ended.stderr[-5_000:]}"
        assert "ℹ pass 0" not in ended.stdout, f"{file} ran no test"

    return run


def test_every_method_of_the_javascript_sdks_is_in_the_table(run_node):
    run_node("surface.test.mjs")


def test_nodejs7_files(run_node):
    run_node("nodejs7-files.test.mjs")


def test_nodejs7_folders(run_node):
    run_node("nodejs7-folders.test.mjs")


def test_nodejs7_account_and_webhooks(run_node):
    run_node("nodejs7-account.test.mjs")


def test_imagekit6_uploads_and_webhooks(run_node):
    run_node("imagekit6-uploads.test.mjs")


def test_nodejs7_metadata_and_further_fields_of_uploads(run_node):
    run_node("nodejs7-metadata.test.mjs")


@pytest.mark.parametrize("file", ["imagekit6-management.test.mjs", "imagekit6-metadata.test.mjs"])
def test_imagekit6_management(run_node, server, settings, file):
    settings.ALLOWED_HOSTS = [*settings.ALLOWED_HOSTS, *IMAGEKIT]
    with Receiver(intercepting(server), path="") as proxy:
        run_node(file, HTTPS_PROXY=proxy.url, NODE_EXTRA_CA_CERTS=str(certificates()["ca"]))
    assert {"api.imagekit.io:443", "upload.imagekit.io:443"} == {
        request.path for request in proxy.requests if request.method == "CONNECT"
    }
