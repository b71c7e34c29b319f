"""The public API as any program uses it: plain HTTP, multipart in, JSON out."""

import base64
import json
import secrets
from typing import Any

from mediahub.lib.http import Policy, request

DEADLINE_S = 60
MOST_BYTES = 64 << 20


class ApiRefused(Exception):
    """The API answered something else than 200."""


class ApiClient:
    """Calls one MediaHub as one account."""

    def __init__(self, *, base_url: str, private_key: str) -> None:
        self._base_url = base_url
        self._authorization = "Basic " + base64.b64encode(f"{private_key}:".encode()).decode()
        self._policy = Policy(operator_address=True)

    def upload(self, *, name: str, data: bytes, **fields: str) -> dict[str, Any]:
        """Upload a file with form fields, and return the answer. Raises ApiRefused."""
        boundary = secrets.token_hex(16)
        parts = [_part(boundary, key, value.encode()) for key, value in {"fileName": name, **fields}.items()]
        parts.append(_part(boundary, "file", data, f'; filename="{name}"\r\nContent-Type: application/octet-stream'))
        body = b"".join(parts) + f"--{boundary}--\r\n".encode()
        headers = {"Content-Type": f"multipart/form-data; boundary={boundary}"}
        return self._json("POST", f"{self._base_url}/api/v1/files/upload", headers, body)

    def details(self, file_id: str) -> dict[str, Any]:
        """The File object of one file."""
        return self._json("GET", f"{self._base_url}/v1/files/{file_id}/details", {}, None)

    def download(self, url: str) -> bytes:
        """The bytes behind a delivery URL."""
        return self._call("GET", url, {}, None)

    def _json(self, method: str, url: str, headers: dict[str, str], body: bytes | None) -> dict[str, Any]:
        answer = self._call(method, url, {**headers, "Authorization": self._authorization}, body)
        found: dict[str, Any] = json.loads(answer)
        return found

    def _call(self, method: str, url: str, headers: dict[str, str], body: bytes | None) -> bytes:
        answer = request(
            method,
            url,
            headers=headers,
            body=body,
            deadline_s=DEADLINE_S,
            max_answer_bytes=MOST_BYTES,
            policy=self._policy,
        )
        if answer.status != 200:
            raise ApiRefused(f"{method} {url}: {answer.status} {answer.body[:300].decode(errors='replace')}")
        return answer.body


def _part(boundary: str, name: str, value: bytes, extra: str = "") -> bytes:
    head = f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"{extra}\r\n\r\n'
    return head.encode() + value + b"\r\n"
