"""Every route of the API with its view, for tests that must hold for all of them, those of tomorrow included."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.urls import URLPattern, URLResolver, get_resolver
from rest_framework.views import APIView

METHODS = ("get", "post", "put", "patch", "delete")


@dataclass(frozen=True)
class Route:
    """name, pattern: as in the site map. view: the APIView class, None for a plain function. ids: names in the path."""

    name: str
    pattern: str
    view: type[APIView] | None
    ids: tuple[str, ...]

    @property
    def methods(self) -> tuple[str, ...]:
        return tuple(name for name in METHODS if hasattr(self.view, name))

    def path(self, **ids: str) -> str:
        """A path of this route with these ids; the rest of the pattern as plain as it can be."""
        text = re.sub(r"\(\?P<(\w+)>[^)]*\)", lambda match: ids[match[1]], self.pattern)
        text = re.sub(r"\(\?:[^)]*\)\?", "", text)
        return "/" + text.removeprefix("^").removesuffix("/?$").removesuffix("$").replace("\\", "")


def api_routes() -> list[Route]:
    """Routes below /v1/ and /api/, in the order in which they are tried; of two with one pattern the first counts."""
    found: dict[str, Route] = {}
    for pattern, entry in _patterns(get_resolver().url_patterns, ""):
        if pattern.startswith(("^v1/", "^api/", "v1/", "api/")):
            view: Any = getattr(entry.callback, "cls", getattr(entry.callback, "view_class", None))
            ids = tuple(re.findall(r"\(\?P<(\w+)>", pattern))
            found.setdefault(pattern, Route(entry.name or "", pattern, view, ids))
    return list(found.values())


def _patterns(entries: Any, before: str) -> Iterator[tuple[str, URLPattern]]:
    for entry in entries:
        if isinstance(entry, URLResolver):
            yield from _patterns(entry.url_patterns, before + str(entry.pattern))
        else:
            yield before + str(entry.pattern), entry
