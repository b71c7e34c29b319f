"""imagekitio 4 as seen from a test: its methods by name, in a process of its own that `driver.py` serves.

Its origins are constants, so HTTPS_PROXY and REQUESTS_CA_BUNDLE lead its requests to `relay.intercepting`.
"""

import base64
import json
import os
import subprocess
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from tests.certificates import certificates
from tests.sdk.toolbox import python4


class Sdk4Error(Exception):
    """The SDK raised: `kind` is the name of its exception class."""

    def __init__(self, outcome: dict[str, Any]) -> None:
        super().__init__(f"{outcome['error']}: {outcome['message']}")
        self.kind, self.status, self.message = outcome["error"], outcome["status"], outcome["message"]
        self.help, self.raw = outcome["help"], outcome["raw"]


def options(name: str, /, **fields: Any) -> dict[str, Any]:
    """An options object of the SDK, such as `UploadFileRequestOptions`."""
    return {"$options": name, "fields": fields}


def data(content: bytes) -> dict[str, str]:
    """Content as this SDK takes it from memory: as the bytes of its base64 text, which it sends as a text part."""
    return {"$bytes": base64.b64encode(base64.b64encode(content)).decode()}


def opened(path: Path) -> dict[str, str]:
    """A file opened by the SDK's process."""
    return {"$file": str(path)}


class Sdk4:
    """The SDK's client. Methods answer `status`, `raw` (the JSON body) and the result's own attributes."""

    def __init__(self, *, proxy: str, private_key: str, public_key: str, url_endpoint: str) -> None:
        kept = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
        environment = kept | {
            "HTTPS_PROXY": proxy,
            "REQUESTS_CA_BUNDLE": str(certificates()["ca"]),
            "SDK_PRIVATE_KEY": private_key,
            "SDK_PUBLIC_KEY": public_key,
            "SDK_URL_ENDPOINT": url_endpoint,
        }
        command = [python4(), str(Path(__file__).with_name("driver.py"))]
        self._process = subprocess.Popen(
            command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def close(self) -> None:
        assert self._process.stdin
        self._process.stdin.close()
        self._process.wait(10)
        assert self._process.stdout
        self._process.stdout.close()

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)

        def call(*words: Any, **keywords: Any) -> SimpleNamespace:
            return self._call(name, words, keywords)

        return call

    def _call(self, name: str, words: tuple[Any, ...], keywords: dict[str, Any]) -> SimpleNamespace:
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(json.dumps({"name": name, "words": words, "keywords": keywords}) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        assert line, f"imagekitio 4 ended with status {self._process.wait()}"
        outcome = json.loads(line)
        if "error" in outcome:
            raise Sdk4Error(outcome)
        value = outcome["value"]
        attributes = value if isinstance(value, dict) else {"value": value}
        return SimpleNamespace(**attributes | {"status": outcome.get("status"), "raw": outcome.get("raw")})
