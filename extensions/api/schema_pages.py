"""`/api/schema` and `/api/docs`: the OpenAPI document, and a page to read and try it.

Both are public, since nothing in them is secret. The page is Swagger UI out of drf-spectacular's sidecar, served with
our own static files and started by `static/js/api-docs.js`, so that it needs no CDN and no exception for scripts.
"""

from __future__ import annotations

import functools
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import get_script_prefix
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_safe
from drf_spectacular.renderers import OpenApiYamlRenderer2
from drf_spectacular.utils import extend_schema
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from extensions.api.schema.generator import Generator


@extend_schema(exclude=True)
class SchemaView(APIView):
    """`GET /api/schema`: JSON, or YAML for those who ask by `?format=yaml` or by their Accept header."""

    authentication_classes = ()
    permission_classes = ()
    renderer_classes = (JSONRenderer, OpenApiYamlRenderer2)

    def get(self, request: Request) -> Response:
        return Response(_document(get_script_prefix()))

    def get_renderers(self) -> list[Any]:
        """Those of the format that the address names, if it names one."""
        renderers: list[Any] = super().get_renderers()
        wanted = self.request.GET.get("format", "")
        return [renderer for renderer in renderers if renderer.format == wanted] or renderers


@csrf_exempt
@require_safe
def docs(request: HttpRequest) -> HttpResponse:
    """`GET /api/docs`: the page."""
    return render(request, "extensions/api_docs.html")


@functools.lru_cache(maxsize=4)
def _document(script_prefix: str) -> dict[str, Any]:
    """Made once in a process for each prefix, because anyone may ask and walking the routes takes a while."""
    document: dict[str, Any] = Generator(script_prefix=script_prefix).get_schema(public=True)
    return document
