"""A stand-in for an OpenAI-compatible endpoint: chat completions with an image, as the published API describes them.

`with OpenAIStandIn() as server:` listens on loopback; `server.base_url` is what MEDIAHUB_AI_BASE_URL would be. A wrong
request is refused as the real one refuses it: path, key, model, messages, picture, answer schema. What is right is
recorded in `server.requests` and answered by the next of `server.script`, or sensibly when the script is over.
"""

import base64
import io
import json
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from PIL import Image

PATH = "/v1/chat/completions"
Reply = Callable[["_Handler"], None]


class Refusal(Exception):
    """A request that the protocol does not allow."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status, self.code, self.message = status, code, message


@dataclass
class Asked:
    """An accepted request, taken apart. tasks: what the user's text holds as JSON, else None."""

    body: dict[str, Any]
    headers: dict[str, str]
    system: str
    text: str
    image: Image.Image
    tasks: dict[str, Any] | None = field(default=None)


def says(content: Any, *, finish_reason: str = "stop", refusal: str | None = None, **members: Any) -> Reply:
    """A completion with this content; anything but a text or None is sent as JSON text."""
    text = content if content is None or isinstance(content, (str, list)) else json.dumps(content)
    body = {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "model": "vision-1-2026-01-01",
        "choices": [
            {
                "index": 0,
                "finish_reason": finish_reason,
                "message": {"role": "assistant", "content": text, "refusal": refusal},
            }
        ],
        "usage": {"prompt_tokens": 900, "completion_tokens": 20, "total_tokens": 920},
    }
    return sends(200, json.dumps(body | members).encode())


def fails(status: int, message: str = "Something is wrong.", code: str | None = None, **headers: str) -> Reply:
    """An error in OpenAI's shape. headers: `Retry_After="3"` and the like."""
    body = json.dumps({"error": {"message": message, "type": "error", "param": None, "code": code}}).encode()
    return sends(status, body, **headers)


def sends(status: int, body: bytes, **headers: str) -> Reply:
    """These bytes."""
    return lambda handler: handler.reply(status, body, {name.replace("_", "-"): text for name, text in headers.items()})


def waits(seconds: float, then: Reply) -> Reply:
    """The same, later."""

    def reply(handler: "_Handler") -> None:
        time.sleep(seconds)
        then(handler)

    return reply


class OpenAIStandIn:
    """The server. api_key: None for a local server that asks for none."""

    def __init__(self, *, api_key: str | None = "sk-test-0123456789", model: str = "vision-1") -> None:
        self.api_key, self.model = api_key, model
        self.requests: list[Asked] = []
        self.refused: list[Refusal] = []
        self.script: list[Reply] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
        self._server.daemon_threads = True
        self._server.standin = self  # type: ignore[attr-defined]
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}/v1"

    def __enter__(self) -> "OpenAIStandIn":
        self._thread.start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def next_reply(self, asked: Asked) -> Reply:
        return self.script.pop(0) if self.script else says(sensible(asked))

    def check(self, path: str, headers: dict[str, str], data: bytes) -> Asked:
        """The request taken apart. Raises Refusal."""
        if path != PATH:
            raise Refusal(404, "unknown_url", f"Unknown request URL: POST {path}.")
        if self.api_key is not None and headers.get("authorization") != f"Bearer {self.api_key}":
            raise Refusal(401, "invalid_api_key", "Incorrect API key provided.")
        if headers.get("content-type", "").partition(";")[0] != "application/json":
            raise Refusal(400, "invalid_content_type", "Send application/json.")
        try:
            body = json.loads(data)
        except ValueError:
            raise Refusal(400, "invalid_json", "We could not parse the JSON body of your request.") from None
        if body.get("model") != self.model:
            raise Refusal(404, "model_not_found", f"The model `{body.get('model')}` does not exist.")
        tokens = body.get("max_tokens", body.get("max_completion_tokens"))
        if not isinstance(tokens, int) or tokens < 1:
            raise Refusal(400, "invalid_value", "max_tokens must be a positive integer.")
        _check_format(body.get("response_format"))
        return _taken_apart(body, headers)


def sensible(asked: Asked) -> Any:
    """A description, or the first allowed answer to each task."""
    if asked.tasks is None:
        return "A teacup on a saucer."
    answers: dict[str, Any] = {}
    for key, task in asked.tasks.items():
        if task["kind"] == "yes_no":
            answers[key] = "yes"
        elif "choose_from" in task:
            answers[key] = task["choose_from"][: max(1, task["at_least"])]
        else:
            answers[key] = ["teacup"]
    return answers


def _taken_apart(body: dict[str, Any], headers: dict[str, str]) -> Asked:
    messages = body.get("messages")
    if not isinstance(messages, list) or [item.get("role") for item in messages] != ["system", "user"]:
        raise Refusal(400, "invalid_type", "messages must be a system and a user message.")
    parts = messages[1].get("content")
    if not isinstance(parts, list) or [part.get("type") for part in parts] != ["text", "image_url"]:
        raise Refusal(400, "invalid_type", "The user message must have a text and an image_url part.")
    url = parts[1]["image_url"].get("url", "") if isinstance(parts[1].get("image_url"), dict) else ""
    text = parts[0]["text"]
    try:
        tasks = json.loads(text)["tasks"]
    except ValueError:
        tasks = None
    return Asked(body, headers, messages[0]["content"], text, _picture(url), tasks)


def _picture(url: str) -> Image.Image:
    head, _, data = url.partition(",")
    if head not in ("data:image/jpeg;base64", "data:image/png;base64", "data:image/webp;base64"):
        raise Refusal(400, "invalid_image_url", "image_url must be a data URI of a JPEG, PNG or WebP.")
    try:
        image = Image.open(io.BytesIO(base64.b64decode(data, validate=True)))
        image.load()
    except (ValueError, OSError):
        raise Refusal(400, "invalid_image_format", "You uploaded an unsupported image.") from None
    return image


def _check_format(form: Any) -> None:
    """A strict JSON schema names every member as required and closes every object."""
    if form is None or form == {"type": "json_object"}:
        return
    try:
        assert form["type"] == "json_schema"
        assert form["json_schema"]["name"]
        assert form["json_schema"]["strict"] is True
        schema = form["json_schema"]["schema"]
        assert schema["type"] == "object"
        assert schema["additionalProperties"] is False
        assert sorted(schema["required"]) == sorted(schema["properties"])
        for part in schema["properties"].values():
            assert part["type"] in ("string", "array")
    except (AssertionError, KeyError, TypeError):
        raise Refusal(400, "invalid_json_schema", "Invalid schema for response_format.") from None


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        standin: OpenAIStandIn = self.server.standin  # type: ignore[attr-defined]
        data = self.rfile.read(int(self.headers.get("content-length", 0)))
        headers = {name.lower(): text for name, text in self.headers.items()}
        try:
            asked = standin.check(self.path, headers, data)
        except Refusal as refusal:
            standin.refused.append(refusal)
            fails(refusal.status, refusal.message, refusal.code)(self)
            return
        standin.requests.append(asked)
        standin.next_reply(asked)(self)

    def do_GET(self) -> None:
        fails(405, "Only POST is allowed here.")(self)

    def reply(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        try:
            self.send_response(status)
            for name, text in {"Content-Type": "application/json", "Content-Length": str(len(body)), **headers}.items():
                self.send_header(name, text)
            self.send_header("Connection", "close")
            self.end_headers()
            self.wfile.write(body)
        except OSError:
            pass  # the client gave up waiting, which is what its test is about
        self.close_connection = True

    def log_message(self, format: str, *args: object) -> None:
        """Nothing: the test says what went wrong."""
