"""Which methods an SDK has, and which of them a test has called: nothing of an SDK is forgotten unnoticed.

`Recorder` stands before a client, changes nothing, and notes the dotted name of every method that is called through
it. Tests name the methods they call by `@pytest.mark.sdk(...)`; their fixture holds the mark against the record, and a
test of the whole surface holds all marks against what the SDK has.
"""

import contextlib
import importlib
import inspect
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).parent
VARIANTS = {"with_raw_response", "with_streaming_response", "with_options"}


class Recorder:
    """A client, or a resource of it, whose calls are noted in `called`."""

    def __init__(self, target: Any, called: set[str], path: str = "") -> None:
        self._target, self._called, self._path = target, called, path

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._target, name)
        path = self._path if name in VARIANTS else f"{self._path}.{name}".lstrip(".")
        if name in VARIANTS or hasattr(value, "_client") or type(value).__module__.startswith("imagekitio.resources"):
            return Recorder(value, self._called, path)
        if not callable(value):
            return value
        self._called.add(path)
        return value


@contextlib.contextmanager
def checked(request: pytest.FixtureRequest) -> Iterator[set[str]]:
    """A set for the names of called methods; a test that passes without having called what it is marked with fails."""
    called: set[str] = set()
    failed_before = request.session.testsfailed
    yield called
    unkept = {name for mark in request.node.iter_markers("sdk") for name in mark.args} - called
    if request.session.testsfailed == failed_before:
        assert not unkept, f"the test is marked with {sorted(unkept)}, which it did not call"


def marked(pattern: str) -> set[str]:
    """All methods named by the marks of the test modules that match, such as `test_python5_*.py`."""
    found: set[str] = set()
    for path in HERE.glob(pattern):
        module = importlib.import_module(f"tests.sdk.{path.stem}")
        for function in vars(module).values():
            marks = getattr(function, "pytestmark", []) if inspect.isfunction(function) else []
            found |= {name for mark in marks if mark.name == "sdk" for name in mark.args}
    return found


def methods_of(client: Any, resource_types: tuple[type, ...], path: str = "") -> set[str]:
    """The dotted names of all public methods of a client's resources."""
    found: set[str] = set()
    for name in dir(type(client)):
        if name.startswith("_") or name in VARIANTS:
            continue
        value = getattr(client, name)
        if isinstance(value, resource_types):
            found |= methods_of(value, resource_types, f"{path}{name}.")
        elif path and callable(value):
            found.add(f"{path}{name}")
    return found
