"""ImageKit's error shape and request ids for every answer of the API (API 1.6).

`RequestIdMiddleware` gives each request an id; `exception_handler` is Django REST framework's hook; `error_response`
serves plain Django views and the middleware's last resort, so that no path answers with an HTML error page.
"""

import sqlite3
import uuid
from collections.abc import Callable
from typing import Any

import structlog
from django.core.exceptions import PermissionDenied
from django.db import InterfaceError, OperationalError
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from rest_framework import exceptions
from rest_framework.response import Response

from mediahub.lib.errors import DomainError

log = structlog.get_logger(__name__)

HELP = "For support kindly contact the operator of this server."
REQUEST_ID_HEADER = "x-ik-requestId"
API_PREFIXES = ("/v1/", "/api/")
NO_KEY = "Your request does not contain private API key."
UNKNOWN_KEY = "Your account cannot be authenticated."


class RequestIdMiddleware:
    """Give every request an id, answer it back, and turn what nobody caught into the API's error body."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        request_id = str(uuid.uuid4())
        request.request_id = request_id  # type: ignore[attr-defined]
        structlog.contextvars.bind_contextvars(request_id=request_id)
        try:
            response = self.get_response(request)
            if request.path.startswith(API_PREFIXES) and response.status_code >= 400 and not _is_json(response):
                response = _as_api_error(response)
            response[REQUEST_ID_HEADER] = request_id
            return response
        finally:
            structlog.contextvars.unbind_contextvars("request_id")

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        """Answer 503 when the database is away, wherever it was noticed (REL F23, F24, F26)."""
        if isinstance(error, (OperationalError, InterfaceError, sqlite3.OperationalError)):
            log.error("database_unavailable", error=repr(error))
            return error_response("The database does not answer at present. Try again.", status=503, retry_after_s=5)
        if isinstance(error, DomainError):
            return error_response(error.message, status=error.status, retry_after_s=error.retry_after_s)
        return None


def error_body(message: str, **members: Any) -> dict[str, Any]:
    """ImageKit's error object: `message` and `help` always, other members where they have a value."""
    return {"message": message, "help": HELP} | {name: value for name, value in members.items() if value}


def error_response(message: str, *, status: int, retry_after_s: int | None = None, **members: Any) -> JsonResponse:
    """The error object as a Django response."""
    response = JsonResponse(error_body(message, **members), status=status)
    if retry_after_s is not None:
        response["Retry-After"] = str(retry_after_s)
    return response


def exception_handler(error: Exception, context: dict[str, Any]) -> Response | None:
    """Turn an exception of a view into ImageKit's error answer; None leaves it to the middleware."""
    if isinstance(error, DomainError):
        return _domain_answer(error)
    if isinstance(error, Http404):
        return Response(error_body("The requested resource does not exist."), status=404)
    if isinstance(error, PermissionDenied):
        return Response(error_body("This API key may not do that."), status=403)
    if isinstance(error, exceptions.APIException):
        response = Response(error_body(_first_sentence(error.detail)), status=error.status_code)
        wait = getattr(error, "wait", None)
        if wait:
            response["Retry-After"] = str(int(wait) + 1)
        if scheme := getattr(error, "auth_header", None):
            response["WWW-Authenticate"] = scheme
        return response
    return None


def _domain_answer(error: DomainError) -> Response:
    members = {"reason": error.reason, "errors": error.errors, "code": error.code, "field": error.field}
    members |= error.members
    response = Response(error_body(error.message, **members), status=error.status)
    if error.retry_after_s is not None:
        response["Retry-After"] = str(error.retry_after_s)
    if error.status in (409, 501):
        response["x-should-retry"] = "false"
    return response


def _first_sentence(detail: Any) -> str:
    """One sentence out of DRF's nested error details, naming the field it belongs to."""
    if isinstance(detail, dict):
        name, inner = next(iter(detail.items()))
        text = _first_sentence(inner)
        return text if name in {"non_field_errors", "detail"} else f"{name}: {text}"
    if isinstance(detail, list):
        return _first_sentence(detail[0]) if detail else "Invalid input."
    return str(detail)


def _is_json(response: HttpResponse) -> bool:
    return response.get("Content-Type", "").startswith("application/json")


def _as_api_error(response: HttpResponse) -> HttpResponse:
    sentences = {
        400: "The request is malformed.",
        403: "This request is not allowed.",
        404: "The requested path does not exist.",
        405: "This method is not allowed here.",
    }
    message = sentences.get(response.status_code, "The server could not answer this request.")
    answer = error_response(message, status=response.status_code)
    if "Allow" in response:
        answer["Allow"] = response["Allow"]
    return answer
