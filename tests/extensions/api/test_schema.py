"""The OpenAPI document against the code: routes, limits, reasons and codes, the copy that is checked in, the page."""

import ast
import re
from pathlib import Path

import pytest
import werkzeug.test
import yaml
from django.conf import settings
from django.core.management import call_command
from django.test import Client
from django.urls import URLPattern, get_resolver, set_script_prefix
from drf_spectacular.validation import validate_schema

from extensions.api.schema import COMPONENTS, OPERATIONS, TAGS
from extensions.api.schema.blocks import component_of
from extensions.api.schema.generator import Endpoints, path_parameters, readable_path
from extensions.catalog import CATALOG
from library.api.schema.errors import CODES, REASONS
from library.transforming.running import REFUSALS
from library.wire import RESPONSE_FIELDS
from mediahub.lib.openapi.operations import HEADERS, SHARED_FAULTS, faults_of
from mediahub.wsgi import application
from tests.described import document

ROOT = Path(settings.BASE_DIR)
PAGES = {"/api/schema", "/api/docs"}
"""What is served under /api/ and is no operation."""

INTERNAL_CODES = {
    "asset_overwritten",  # of runs
    "bad_amount",  # of commands and the admin
    "folder_exists",  # of jobs
    "invalid_rights",  # of the admin and commands
    "key_limit_exceeded",  # of the admin
    "last_owner",  # of the admin
    "no_rendition",  # of files that are served
    "no_task_applied",  # of runs
    "rate_limited",  # of answers that have a message alone
    "signature_refused",  # of files that are served
    "too_many_left_out",  # of jobs
    "too_many_failures",  # of answers that have a message alone
    "tree_is_busy",  # of jobs
    "unknown_extension",  # of backfills
}
"""Codes of errors that no operation of the API answers."""

NO_REASONS = {
    "ASC_CREATED",
    "CONTENT_LENGTH",
    "HTTP_AUTHORIZATION",
    "HTTP_ORIGIN",
    "MAX_ATTEMPTS",
    "ORIGINAL_CREATION_DATE",
}
"""Other words in capitals in the code that gives reasons."""


def routes() -> dict[str, list[URLPattern]]:
    """The patterns under /v1/ and /api/ by their path as the document writes it."""
    found: dict[str, list[URLPattern]] = {}
    for resolver in get_resolver().url_patterns:
        for pattern in getattr(resolver, "url_patterns", []):
            if re.match(r"\^(v1|api)/", str(pattern.pattern)):
                found.setdefault(path_of(pattern), []).append(pattern)
    return found


def path_of(pattern: URLPattern) -> str:
    return Endpoints(patterns=[]).get_path_from_regex(str(pattern.pattern))


def methods_of(pattern: URLPattern) -> set[str]:
    if not hasattr(pattern.callback, "cls"):
        return {"GET"}
    return set(Endpoints(patterns=[]).get_allowed_methods(pattern.callback))


def served() -> set[str]:
    # The first pattern that matches is the one that answers.
    return {f"{method} {path}" for path, found in routes().items() for method in methods_of(found[0])} - {
        f"GET {page}" for page in PAGES
    }


def documented() -> set[str]:
    return {f"{method.upper()} {path}" for path, item in document()["paths"].items() for method in item}


def test_every_route_is_documented_and_nothing_else():
    assert documented() == served()


def test_every_entry_of_the_tables_has_a_route():
    assert set(OPERATIONS) <= served()


def test_paths_are_written_without_the_optional_slash():
    assert readable_path("/v1/files/{file_id}/versions/{version_id}/") == "/v1/files/{fileId}/versions/{versionId}"
    assert not [path for path in document()["paths"] if path.endswith("/") or "?" in path or "_" in path]


def test_the_document_is_valid_openapi_3_1():
    assert document()["openapi"] == "3.1.0"
    validate_schema(document())


def test_operation_ids_and_tags_are_in_order():
    operations = [operation for item in document()["paths"].values() for operation in item.values()]
    ids = [operation["operationId"] for operation in operations]
    assert len(ids) == len(set(ids))
    assert {tag for operation in operations for tag in operation["tags"]} <= set(TAGS)


def test_every_reference_leads_somewhere():
    text = str(document())
    for kind, known in (("schemas", COMPONENTS), ("headers", HEADERS)):
        assert set(re.findall(rf"#/components/{kind}/(\w+)", text)) == set(known)


def test_the_checked_in_copy_is_what_the_code_says(tmp_path):
    call_command("spectacular", "--validate", "--fail-on-warn", file=str(tmp_path / "openapi.yaml"))
    made = (tmp_path / "openapi.yaml").read_text()
    assert (ROOT / "docs" / "openapi.yaml").read_text() == made, "run `make schema`"


def test_every_reason_that_is_documented_is_given_and_the_reverse():
    given = {text for text in _texts("library/api", "library/services", "library/names.py") if text not in NO_REASONS}
    assert given == set(REASONS)


def test_reasons_of_operations_are_known():
    named = {
        reason
        for key, operation in OPERATIONS.items()
        for fault in faults_of(operation, path_parameters(key.split(" ")[1])).values()
        for reason in fault.reasons
    }
    assert named == set(REASONS)


def test_every_code_that_is_documented_is_given_and_the_reverse():
    assert _codes() - INTERNAL_CODES == set(CODES)
    assert not INTERNAL_CODES - _codes()


def test_docs_name_every_code_and_reason():
    text = (ROOT / "docs" / "api.md").read_text()
    assert not [word for word in (*CODES, *REASONS) if f"`{word}`" not in text]


def test_every_extension_of_the_catalogue_and_every_parameter_has_a_shape():
    for name, extension in CATALOG.items():
        members = COMPONENTS[component_of(name)]["properties"]
        assert set(members) == {"name", *(parameter.name for parameter in extension.parameters)}
        # A parameter without a schema would be described as any value.
        assert not [member for member, shape in members.items() if not {"const", "type"} & set(shape)]


def test_limits_are_those_of_the_code():
    tagging = COMPONENTS["GoogleAutoTaggingExtension"]
    assert tagging["properties"]["maxTags"] == {
        "type": "integer",
        "description": "Most tags",
        "minimum": 0,
        "maximum": 30,
    }
    assert tagging["required"] == ["name", "minConfidence", "maxTags"]
    assert set(RESPONSE_FIELDS) <= set(COMPONENTS["UploadedFile"]["properties"])


def test_every_refusal_that_all_operations_share_is_one_component():
    assert len(document()["components"]["responses"]) == len(SHARED_FAULTS)
    upload = document()["paths"]["/api/v1/files/upload"]["post"]["responses"]
    assert set(upload) == {"200", "400", "401", "403", "406", "413", "415", "429", "503", "507"}
    assert upload["429"] == {"$ref": "#/components/responses/TooManyRequests"}


def test_the_document_needs_no_key_and_comes_as_json_and_yaml():
    client = Client()
    for path in ("/api/schema", "/api/schema/"):
        assert client.get(path).json() == document()
    for answer in (
        client.get("/api/schema?format=yaml"),
        client.get("/api/schema", headers={"accept": "application/yaml"}),
    ):
        assert answer["Content-Type"].startswith("application/yaml")
        assert yaml.safe_load(answer.content) == document()


@pytest.fixture
def under_a_path(connection_stays):
    """A client of the real application as a server under /media-hub gets its requests."""
    client = werkzeug.test.Client(application)
    yield lambda path: client.get(path, base_url="http://testserver/media-hub")
    set_script_prefix("/")


def test_document_and_page_name_the_path_that_the_server_is_under(under_a_path):
    assert under_a_path("/api/schema").json["servers"] == [{"url": "/media-hub/"}]
    assert 'data-schema="/media-hub/api/schema"' in under_a_path("/api/docs").text


@pytest.mark.rel("A7")
def test_the_page_is_made_of_our_own_files_under_the_policy_of_every_page():
    answer = Client().get("/api/docs/")
    page = answer.content.decode()
    assert "script-src 'self'" in answer["Content-Security-Policy"]
    assert "unsafe-inline" not in answer["Content-Security-Policy"]
    assert "<style" not in page
    assert " style=" not in page
    assert not re.findall(r"<script(?![^>]* src=)", page)
    sources = re.findall(r'(?:src|href)="([^"]+)"', page)
    assert all(source.startswith("/") for source in sources)
    for source in sources:
        if source.startswith("/static/"):
            assert Client().get(source).status_code == 200, source


@pytest.mark.parametrize("method", ["post", "put", "delete"])
def test_the_page_is_only_read(method):
    assert getattr(Client(enforce_csrf_checks=True), method)("/api/docs").status_code == 405


def _texts(*places: str) -> set[str]:
    """Every literal in capitals of the code in these places."""
    return {
        node.value
        for place in places
        for tree in _trees(place)
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and re.fullmatch(r"[A-Z]+(_[A-Z]+)+", node.value)
    }


def _codes() -> set[str]:
    """Every code that an error of our family has by its class or is made with."""
    trees = [tree for place in ("mediahub", "library", "extensions") for tree in _trees(place)]
    nodes = [node for tree in trees for node in ast.walk(tree)]
    family = _family([node for node in nodes if isinstance(node, ast.ClassDef)])
    values = [
        line.value
        for node in nodes
        if isinstance(node, ast.ClassDef) and node.name in family
        for line in node.body
        if isinstance(line, ast.Assign) and ast.unparse(line.targets[0]) == "code"
    ]
    values += [
        keyword.value
        for node in nodes
        if isinstance(node, ast.Call) and ast.unparse(node.func).rpartition(".")[2] in family
        for keyword in node.keywords
        if keyword.arg == "code"
    ]
    named = {value.value if isinstance(value, ast.Constant) else ast.unparse(value).lower() for value in values}
    return named | set(REFUSALS)


def _family(classes: list[ast.ClassDef]) -> set[str]:
    """Names of DomainError and all that descends from it."""
    family: set[str] = set()
    more = {"DomainError"}
    while more - family:
        family |= more
        more = {node.name for node in classes if {ast.unparse(base).rpartition(".")[2] for base in node.bases} & family}
    return family


def _trees(place: str) -> list[ast.Module]:
    path = ROOT / place
    files = [path] if path.is_file() else sorted(path.rglob("*.py"))
    chosen = [file for file in files if not {"migrations", "schema"} & set(file.relative_to(ROOT).parts)]
    return [ast.parse(file.read_text()) for file in chosen]
