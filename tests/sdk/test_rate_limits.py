"""What the other SDKs make of 429 (API 1.7): new ones wait as long as they are told, old ones pass on the numbers."""

import json
import os
import subprocess

import pytest

from library.services.accounts import create_account
from tests.certificates import certificates
from tests.receivers import Receiver
from tests.runtime import Runtime, wait_until
from tests.sdk.python4.client import Sdk4, Sdk4Error
from tests.sdk.relay import IMAGEKIT, intercepting
from tests.sdk.toolbox import NODE_DIR, node

pytestmark = [pytest.mark.process, pytest.mark.one_database]

NODE7 = """
import ImageKit from "@imagekit/nodejs";
const options = { privateKey: process.env.SDK_PRIVATE_KEY, baseURL: process.env.SDK_SERVER };
const patient = new ImageKit({ ...options, maxRetries: 4 });
let lists = 0;
for (let number = 0; number < 4; number++) lists += (await patient.assets.list()).length === 0;
const hasty = new ImageKit({ ...options, maxRetries: 0 });
let refused;
try { for (let number = 0; number < 10; number++) await hasty.assets.list(); } catch (error) { refused = error; }
console.log(JSON.stringify({ lists, limited: refused instanceof ImageKit.RateLimitError }));
"""
NODE6 = """
import ImageKit from "imagekit";
const key = process.env.SDK_PRIVATE_KEY;
const client = new ImageKit({ privateKey: key, publicKey: "public_x", urlEndpoint: "http://127.0.0.1" });
try { for (let number = 0; number < 10; number++) await client.listFiles({}); } catch (error) {
  const numbers = ["Limit", "Reset", "Interval"].map((name) => error[`X-RateLimit-${name}`]);
  console.log(JSON.stringify({ message: error.message, whole: numbers.map(Number.isInteger) }));
}
"""


@pytest.fixture
def site(committed_db, tmp_path):
    """A web process that lets an account read once a second, twice at once."""
    runtime = Runtime(database_url=committed_db, data_dir=tmp_path / "data")
    runtime.environment |= {
        "MEDIAHUB_RATE_LIMITS": "read=1/2",
        "MEDIAHUB_LIMITS_URL": "memory://",
        "MEDIAHUB_ALLOWED_HOSTS": ",".join(["127.0.0.1", *IMAGEKIT]),
    }
    try:
        process = runtime.start("web", "--port", str(runtime.port))
        wait_until(lambda: process.poll() is not None or runtime.answers(), within_s=30, what="the web process")
        assert process.poll() is None, runtime.output(process)
        yield runtime.url
    finally:
        runtime.stop()


def run_node(script, site, private_key, **environment):
    """What a script prints, as JSON."""
    kept = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
    ended = subprocess.run(
        [node(), "--input-type=module", "--eval", script],
        cwd=NODE_DIR,
        env=kept | {"SDK_SERVER": site, "SDK_PRIVATE_KEY": private_key} | environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    return json.loads(ended.stdout)


def test_sdks_wait_or_tell_the_numbers(site):
    key = create_account(slug="acme").private_key
    assert run_node(NODE7, site, key) == {"lists": 4, "limited": True}
    with Receiver(intercepting(site), path="") as proxy:
        trusted = str(certificates()["ca"])
        told = run_node(NODE6, site, key, HTTPS_PROXY=proxy.url, NODE_EXTRA_CA_CERTS=trusted)
        assert told["message"]
        assert told["whole"] == [True, True, True]
        old = Sdk4(proxy=proxy.url, private_key=key, public_key="public_x", url_endpoint="http://127.0.0.1")
        try:
            with pytest.raises(Sdk4Error, match="TooManyRequestsException"):
                for _ in range(10):
                    old.list_files()
        finally:
            old.close()
