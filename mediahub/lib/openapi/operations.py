"""One operation of the API in words, and how OpenAPI says it.

`library.api.schema` and `extensions.api.schema` hold tables of `Operation`; `extensions.api.schema.generator` renders
those that have a route. What every operation has in common (request ids, limits, refusals of keys) is said here once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from mediahub.lib.openapi.shapes import Shape, ref

JSON = "application/json"
FORM = "multipart/form-data"
PRIVATE_KEY = "privateKey"

Rendered = dict[str, Any]


@dataclass(frozen=True)
class Fault:
    """One status by which an operation refuses. reasons: what `reason` may be; none: there is no `reason`."""

    description: str
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True)
class Answer:
    """One status of success. shape: None for an answer without a body."""

    description: str
    shape: Shape | None = None


@dataclass(frozen=True, kw_only=True)
class Operation:
    """What one method of one path takes and answers; the tables have it under `GET /v1/files/{fileId}`.

    id: its operationId. query: name to shape; required_query: those that must be there. body: the JSON body.
    form: the multipart form. faults: statuses beyond those that every operation has. by_form: the form's own fields
    can stand for the key. is_public: no key is asked for, and the answers are a plain view's.
    """

    id: str
    tag: str
    summary: str
    answers: Mapping[int, Answer]
    description: str = ""
    query: Mapping[str, Shape] = field(default_factory=dict)
    required_query: tuple[str, ...] = ()
    body: Shape | None = None
    form: Shape | None = None
    faults: Mapping[int, Fault] = field(default_factory=dict)
    by_form: bool = False
    is_public: bool = False


COMMON_FAULTS = {
    400: Fault("The request is malformed, or a parameter is missing or cannot be meant; `field` names it."),
    401: Fault("The request has no private key."),
    403: Fault("The key is unknown, expired, switched off, or may not do this."),
    406: Fault("The Accept header leaves out application/json, the only type that is answered."),
    429: Fault("Too many requests. Wait as long as Retry-After says."),
    503: Fault("A part of the server does not answer at present. Nothing was changed; try again."),
}
BODY_FAULTS = {
    413: Fault("The body is larger than this server takes."),
    415: Fault("The body is of another type than this operation takes."),
}
NOT_THERE = Fault("There is no such thing in this account.")
SHARED_FAULTS = {**COMMON_FAULTS, **BODY_FAULTS, 404: NOT_THERE}
"""What a status means where an operation says nothing of its own; one component each."""

REQUEST_ID = {"x-ik-requestId": {"$ref": "#/components/headers/RequestId"}}
LIMITS = {
    name: {"$ref": f"#/components/headers/{component}"}
    for name, component in (
        ("X-RateLimit-Limit", "RateLimitLimit"),
        ("X-RateLimit-Reset", "RateLimitReset"),
        ("X-RateLimit-Interval", "RateLimitInterval"),
    )
}
RETRY_AFTER = {"Retry-After": {"$ref": "#/components/headers/RetryAfter"}}
SHOULD_RETRY = {"x-should-retry": {"$ref": "#/components/headers/ShouldRetry"}}
CHALLENGE = {"WWW-Authenticate": {"$ref": "#/components/headers/Challenge"}}
HEADERS_OF_FAULTS = {
    401: CHALLENGE,
    409: SHOULD_RETRY,
    423: RETRY_AFTER,
    429: {**RETRY_AFTER, **SHOULD_RETRY},
    501: SHOULD_RETRY,
    503: RETRY_AFTER,
}

HEADERS: dict[str, Rendered] = {
    "RequestId": {
        "description": "Id of this request, also in the server's log.",
        "required": True,
        "schema": {"type": "string", "format": "uuid"},
    },
    "RateLimitLimit": {"description": "Requests allowed in an interval.", "schema": {"type": "integer"}},
    "RateLimitReset": {"description": "Milliseconds to wait for the next interval.", "schema": {"type": "integer"}},
    "RateLimitInterval": {"description": "Length of an interval in milliseconds.", "schema": {"type": "integer"}},
    "RetryAfter": {"description": "Seconds to wait.", "schema": {"type": "integer", "minimum": 0}},
    "ShouldRetry": {
        "description": "`false`: trying again does not help, and official SDKs do not.",
        "schema": {"type": "string", "enum": ["true", "false"]},
    },
    "Challenge": {"description": "How to send a key.", "schema": {"type": "string"}},
}


def render(operation: Operation, *, parameters: Mapping[str, Shape], right: str = "") -> Rendered:
    """The operation as an OpenAPI object. parameters: those of the path. right: what a restricted key needs."""
    said = "\n\n".join(part for part in (operation.description, right) if part)
    return {
        "operationId": operation.id,
        "tags": [operation.tag],
        "summary": operation.summary,
        **({"description": said} if said else {}),
        **_parameters(operation, parameters),
        **_request_body(operation),
        "security": _security(operation),
        "responses": {str(status): _answer(answer, operation) for status, answer in operation.answers.items()}
        | {str(status): _fault(status, fault) for status, fault in sorted(faults_of(operation, parameters).items())},
    }


def faults_of(operation: Operation, parameters: Mapping[str, Shape]) -> dict[int, Fault]:
    """Every status by which the operation may refuse."""
    if operation.is_public:
        return dict(operation.faults)
    takes_body = operation.body is not None or operation.form is not None
    common = {**COMMON_FAULTS, **(BODY_FAULTS if takes_body else {}), **({404: NOT_THERE} if parameters else {})}
    return {**common, **operation.faults}


def shared_responses() -> dict[str, Rendered]:
    """The components that operations refer to for faults which they share."""
    return {_name(status): _full_fault(status, fault) for status, fault in SHARED_FAULTS.items()}


def _parameters(operation: Operation, of_path: Mapping[str, Shape]) -> Rendered:
    found: list[Rendered] = [
        {"name": name, "in": "path", "required": True, **_split(shape)} for name, shape in of_path.items()
    ]
    found += [
        {
            "name": name,
            "in": "query",
            **({"required": True} if name in operation.required_query else {}),
            **_split(shape),
        }
        for name, shape in operation.query.items()
    ]
    return {"parameters": found} if found else {}


def _split(shape: Shape) -> Rendered:
    """A parameter says its description beside its schema, not within."""
    inside = {name: value for name, value in shape.items() if name != "description"}
    return ({"description": shape["description"]} if "description" in shape else {}) | {"schema": inside}


def _request_body(operation: Operation) -> Rendered:
    if operation.form is not None:
        return {"requestBody": {"required": True, "content": {FORM: {"schema": operation.form}}}}
    if operation.body is not None:
        needed = bool(operation.body.get("required")) or "$ref" in operation.body
        return {"requestBody": {"required": needed, "content": {JSON: {"schema": operation.body}}}}
    return {}


def _security(operation: Operation) -> list[Rendered]:
    if operation.is_public:
        return []
    return [{PRIVATE_KEY: []}, {}] if operation.by_form else [{PRIVATE_KEY: []}]


def _answer(answer: Answer, operation: Operation) -> Rendered:
    headers = REQUEST_ID if operation.is_public else {**REQUEST_ID, **LIMITS}
    content = {} if answer.shape is None else {"content": {JSON: {"schema": answer.shape}}}
    return {"description": answer.description, "headers": headers, **content}


def _fault(status: int, fault: Fault) -> Rendered:
    if fault is SHARED_FAULTS.get(status):
        return {"$ref": f"#/components/responses/{_name(status)}"}
    return _full_fault(status, fault)


def _name(status: int) -> str:
    return HTTPStatus(status).name.title().replace("_", "")


def _full_fault(status: int, fault: Fault) -> Rendered:
    # A 429 may have its sentence and nothing else (API 1.7).
    shape = ref("TooManyRequests" if status == 429 else "Error")
    if fault.reasons:
        shape = {"allOf": [shape, {"type": "object", "properties": {"reason": {"enum": list(fault.reasons)}}}]}
    headers = {**REQUEST_ID, **LIMITS, **HEADERS_OF_FAULTS.get(status, {})}
    return {"description": fault.description, "headers": headers, "content": {JSON: {"schema": shape}}}
