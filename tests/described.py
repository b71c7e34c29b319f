"""Holds answers against the OpenAPI document: every answer that a test's client gets, in whatever directory.

`tests.conftest.client_for` gives out `DescribedClient`. An answer whose status, header, type or body the document does
not describe fails the test that asked, and so does a body that was accepted although the document would refuse it.
"""

import copy
import functools
import json
from typing import Any

import jsonschema_rs
from django.urls import Resolver404, resolve
from rest_framework.test import APIClient

from extensions.api.schema.generator import Endpoints, Generator
from mediahub.lib.api import API_PREFIXES

JSON = "application/json"
OURS = ("x-ik-", "x-should-retry", "x-ratelimit-", "retry-after")
"""Beginnings of the headers that an answer may only have if the document names them."""

SERVER_ERROR = {
    "headers": {"x-ik-requestId": {"$ref": "#/components/headers/RequestId"}},
    "content": {JSON: {"schema": {"$ref": "#/components/schemas/Error"}}},
}


class DescribedClient(APIClient):
    """The API client of the suite."""

    def request(self, **kwargs: Any) -> Any:
        response = super().request(**kwargs)
        check(kwargs["REQUEST_METHOD"], kwargs["PATH_INFO"], response)
        return response

    def generic(self, method: str, path: str, data: Any = "", content_type: str = JSON, **kwargs: Any) -> Any:
        response = super().generic(method, path, data, content_type, **kwargs)
        if content_type == JSON and response.status_code < 300 and data:
            check_body_sent(method, path, data)
        return response


def check(method: str, path: str, response: Any) -> None:
    """Assert that the document describes this answer. Paths and methods that are no operation are not looked at."""
    operation = operation_at(method, path)
    if operation is None or response.status_code == 405:
        return
    # A bug, so no operation documents it; but it has the error body too.
    described = SERVER_ERROR if response.status_code == 500 else operation["responses"].get(str(response.status_code))
    said = f"{method} {path} -> {response.status_code}"
    assert described is not None, f"{said} is not documented: {response.content[:300]!r}"
    described = followed(described)
    known = {name.lower() for name in described["headers"]}
    given = {name.lower() for name in response.headers}
    unknown = [name for name in given - known if name.startswith(OURS)]
    assert not unknown, f"{said} has headers that are not documented: {unknown}"
    missing = [name for name in known - given if followed(header(described, name)).get("required")]
    assert not missing, f"{said} lacks {missing}"
    if "content" not in described:
        assert not response.content, f"{said} has a body, and none is documented"
        return
    assert response["Content-Type"] == JSON, f"{said} is {response['Content-Type']}"
    value = json.loads(response.content)
    errors = [
        f"{error.instance_path}: {error.message}" for error in answer_validator(key(described)).iter_errors(value)
    ]
    assert not errors, f"{said} does not match the document: {errors[:5]} in {json.dumps(value)[:1500]}"
    _check_reason(said, described, value)


def check_body_sent(method: str, path: str, data: Any) -> None:
    """Assert that the document describes a body that was accepted."""
    operation = operation_at(method, path)
    content = (operation or {}).get("requestBody", {}).get("content", {})
    if JSON not in content:
        return
    errors = [error.message for error in body_validator(key(content[JSON])).iter_errors(json.loads(data))]
    assert not errors, f"{method} {path} took a body that the document refuses: {errors[:5]} in {data[:500]!r}"


def operation_at(method: str, path: str) -> dict[str, Any] | None:
    """What the document says of this method and path."""
    path = path.partition("?")[0]
    if not path.startswith(API_PREFIXES):
        return None
    try:
        route = resolve(path).route
    except Resolver404:
        return None
    return document()["paths"].get(template(route), {}).get(method.lower())


@functools.cache
def document() -> dict[str, Any]:
    """The document as it is served, in plain JSON."""
    return json.loads(json.dumps(Generator().get_schema(public=True)))


@functools.cache
def template(route: str) -> str:
    """`/v1/files/{fileId}` for a route's expression."""
    return Endpoints(patterns=[]).get_path_from_regex(route)


@functools.cache
def answer_validator(text: str) -> Any:
    """Checks bodies of answers; members that are not documented are errors."""
    [content] = json.loads(text)["content"].values()
    components = {**document()["components"], "schemas": closed(document()["components"]["schemas"])}
    schema = {**closed(content["schema"]), "components": components}
    return jsonschema_rs.Draft202012Validator(schema, validate_formats=True)


@functools.cache
def body_validator(text: str) -> Any:
    """Checks bodies that were sent."""
    return jsonschema_rs.Draft202012Validator(
        {**json.loads(text)["schema"], "components": document()["components"]}, validate_formats=False
    )


def closed(schema: Any) -> Any:
    """The schema with no members but those it names, wherever it says nothing about further ones."""
    schema = copy.copy(schema)
    if isinstance(schema, list):
        return [closed(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    # Beside allOf each part would refuse the members of the others.
    found = {name: value if name == "allOf" else closed(value) for name, value in schema.items()}
    if isinstance(found.get("properties"), dict) and found.get("type") == "object":
        found.setdefault("additionalProperties", False)
    return found


def followed(part: dict[str, Any]) -> dict[str, Any]:
    """The part of the document that this one refers to, or itself."""
    if "$ref" not in part:
        return part
    found: Any = document()
    for step in part["$ref"].removeprefix("#/").split("/"):
        found = found[step]
    return found


def header(described: dict[str, Any], lower_name: str) -> dict[str, Any]:
    """A header of a response by its name in small letters."""
    return next(value for name, value in described["headers"].items() if name.lower() == lower_name)


def key(part: Any) -> str:
    """Something to remember a part of the document by."""
    return json.dumps(part)


def _check_reason(said: str, described: dict[str, Any], value: Any) -> None:
    if not isinstance(value, dict) or "reason" not in value or "message" not in value:
        return
    [content] = described["content"].values()
    parts = content["schema"].get("allOf", [])
    reasons = [reason for part in parts for reason in part.get("properties", {}).get("reason", {}).get("enum", [])]
    assert value["reason"] in reasons, f"{said} has the reason {value['reason']}, documented are {reasons}"
