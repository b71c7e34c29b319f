"""Makes the OpenAPI document: drf-spectacular walks the routes, our tables say what each of them does.

`mediahub.settings` names both classes. The views read plain dictionaries and check by hand, so there are no serializers
for drf-spectacular to read; a route without an entry is a warning, which `make check` counts as a failure.
"""

from __future__ import annotations

import re
from typing import Any

from drf_spectacular.drainage import warn
from drf_spectacular.generators import EndpointEnumerator, SchemaGenerator
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.plumbing import ComponentRegistry
from rest_framework.permissions import SAFE_METHODS
from rest_framework.request import Request

from extensions.api.schema import COMPONENTS, OPERATIONS, PATH_PARAMETERS, TAGS
from extensions.api.schema.webhooks import WEBHOOKS
from mediahub.lib.openapi.operations import HEADERS, PRIVATE_KEY, Rendered, render, shared_responses
from mediahub.lib.openapi.shapes import Shape

_VARIABLE = re.compile(r"\{(\w+)\}")

SECURITY = {
    PRIVATE_KEY: {
        "type": "http",
        "scheme": "basic",
        "description": "The user name is the account's private key; the password is not looked at.",
    }
}


class Endpoints(EndpointEnumerator):
    """Routes as people write them: without the optional slash at the end, variables in camel case."""

    def get_path_from_regex(self, path_regex: str) -> str:
        path: str = super().get_path_from_regex(path_regex)  # type: ignore[no-untyped-call]
        return readable_path(path)


class OperationSchema(AutoSchema):
    """What a view does, from the table of operations."""

    def get_operation(
        self, path: str, path_regex: str, path_prefix: str, method: str, registry: ComponentRegistry
    ) -> Rendered | None:
        """The operation as OpenAPI has it; None, with a warning, for a route that no table knows."""
        if self.is_excluded():
            return None
        operation = OPERATIONS.get(f"{method.upper()} {path}")
        unknown = [name for name in _VARIABLE.findall(path) if name not in PATH_PARAMETERS]
        if operation is None or unknown:
            what = f"its parameters {unknown}" if unknown else "it"
            warn(f"{method.upper()} {path}: no table of the API's schema describes {what}; see library.api.schema.")
            return None
        return render(operation, parameters=path_parameters(path), right=_right(self.view, method))


class Generator(SchemaGenerator):
    """The document with our components, and with the plain views that are no REST framework's.

    script_prefix: the path that the server is served under; the file that is checked in stands for one at `/`.
    """

    endpoint_inspector_cls = Endpoints

    def __init__(self, *args: Any, script_prefix: str = "/", **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[no-untyped-call]
        self.script_prefix = script_prefix

    def parse(self, input_request: Request | None, public: bool) -> dict[str, Any]:
        """Paths and their operations."""
        paths: dict[str, Any] = super().parse(input_request, public)  # type: ignore[no-untyped-call]
        for key, operation in OPERATIONS.items():
            if operation.is_public:
                method, path = key.split(" ")
                paths.setdefault(path, {})[method.lower()] = render(operation, parameters={})
        return paths

    def get_schema(self, request: Request | None = None, public: bool = False) -> dict[str, Any]:
        """The whole document."""
        document: dict[str, Any] = super().get_schema(request=request, public=public)  # type: ignore[no-untyped-call]
        return {
            **document,
            "servers": [{"url": self.script_prefix}],
            "tags": [{"name": name, "description": said} for name, said in TAGS.items()],
            "webhooks": WEBHOOKS,
            "components": {
                "schemas": dict(sorted(COMPONENTS.items())),
                "responses": shared_responses(),
                "headers": HEADERS,
                "securitySchemes": SECURITY,
            },
        }


def readable_path(path: str) -> str:
    """`/v1/files/{fileId}` for `/v1/files/{file_id}/`."""
    named = _VARIABLE.sub(lambda match: "{" + _camel_case(match[1]) + "}", path)
    return named.rstrip("/") or "/"


def path_parameters(path: str) -> dict[str, Shape]:
    """The shapes of a path's variables, in their order."""
    return {name: PATH_PARAMETERS[name] for name in _VARIABLE.findall(path)}


def _camel_case(name: str) -> str:
    first, *others = name.split("_")
    return first + "".join(word.title() for word in others)


def _right(view: Any, method: str) -> str:
    """What a restricted key needs, read off the view as `KeyPermission` does."""
    by_method = "read" if method.upper() in SAFE_METHODS else "write"
    right, group = getattr(view, "required_right", by_method), getattr(view, "resource_group", "media")
    return f"A restricted key needs the right to {right} in the group `{group}`."
