"""What holds for every route of the API: rights by group, ids that are not the caller's, paths that are none (REL A3,
A4, B26, B27). A new route is under these tests as soon as it is in the site map."""

import uuid
from urllib.parse import quote

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from library.api.absent import AbsentView
from library.models import ApiKey
from library.services.assets import delete_asset
from library.services.versions import delete_version
from tests import factories
from tests.conftest import client_for
from tests.routes import Route, api_routes

pytestmark = pytest.mark.django_db
OPEN = {"health-live", "health-ready", "api-schema", "api-docs"}
"""Routes without a key; the second shows details to a token only."""
ROUTES = [route for route in api_routes() if route.view is not None and route.name not in OPEN]
WITH_IDS = [route for route in ROUTES if route.ids and route.view is not AbsentView]
ASKED_BY_POST = {"estimates"}
"""Routes that are a question although the method is POST."""
GROUPS = {
    "media": {"upload", "upload-v2", "file-list", "file", "file-details", "version", "version-restore", "folder"}
    | {"metadata-field-list", "metadata-field", "file-metadata", "url-metadata"},
    "cache": {"purge", "purge-status"},
    "extensions": {"saved-extension-list", "saved-extension"},
    "webhooks": {"webhook-endpoints", "webhook-endpoint", "webhook-deliveries", "webhook-secret-rotate"},
    "account": {"usage", "usage-analytics", "units-daily"},
}
"""Groups that may not change unnoticed; a route that is not named here may be in any."""
UNKNOWN_IS_400 = {"purge-status"}
"""ImageKit answers 400 for a purge that it does not know (API 3.9)."""
MALFORMED_IS_400 = {"saved-extension", "metadata-field"}
"""ImageKit tells an id that cannot be one from one that is unknown (API 3.10, 3.11)."""
MALFORMED = ["0", "x" * 300, "0" * 23, "0" * 25, "G" * 24, "0" * 23 + "é", "%20", "a b", "'--", "-1", "9" * 40, "%ff"]


def by_name(route: Route) -> str:
    return route.name or route.pattern


def answer(client, route: Route, method: str, **ids: str):
    path = route.path(**{name: ids.get(name, "0" * 24) for name in route.ids})
    return client.generic(method.upper(), path, b"{}", content_type="application/json")


def test_every_route_is_one_of_ours_or_known_to_be_open():
    assert {route.name for route in api_routes()} >= OPEN
    assert {route.name for route in api_routes() if route.view is None} <= OPEN
    assert len(ROUTES) > 30


@pytest.mark.rel("A3")
@pytest.mark.parametrize("route", ROUTES, ids=by_name)
def test_every_view_declares_its_group(route):
    declared = [vars(base)["resource_group"] for base in route.view.__mro__ if "resource_group" in vars(base)]
    assert declared, f"{route.view.__name__} declares no resource_group"
    assert declared[0] in ApiKey.Group.values


@pytest.mark.rel("A3")
@pytest.mark.parametrize(("group", "names"), GROUPS.items(), ids=GROUPS)
def test_groups_are_what_the_documentation_says(group, names):
    found = {route.name: route.view.resource_group for route in ROUTES}
    assert {name: found[name] for name in names} == dict.fromkeys(names, group)


@pytest.mark.rel("A3")
@pytest.mark.parametrize("route", ROUTES, ids=by_name)
def test_a_restricted_key_needs_the_right_of_the_group(route, new_account):
    client, group = client_for(new_account.private_key), route.view.resource_group
    others = {name: "write" for name in ApiKey.Group.values if name != group}
    for method in route.methods:
        reads = method == "get" or route.name in ASKED_BY_POST
        for right, refused in (("none", True), ("read", not reads), ("write", False)):
            ApiKey.objects.update(is_restricted=True, rights={**others, group: right})
            status = answer(client, route, method).status_code
            assert (status == 403) is refused, f"{method} with {right} is {status}"


@pytest.mark.parametrize("route", ROUTES, ids=by_name)
def test_without_a_key_every_method_is_401(route):
    for method in route.methods:
        response = answer(APIClient(raise_request_exception=False), route, method)
        assert response.status_code == 401, method
        assert response.json()["help"]


def _asset(account):
    asset = factories.AssetFactory(account=account)
    return asset.file_id, lambda: delete_asset(asset=asset)


def _version(account):
    asset = factories.AssetFactory(account=account)
    old = factories.AssetVersionFactory(asset=asset)
    return (asset.file_id, old.version_id), lambda: delete_version(asset=asset, version=old)


def _row(factory, column):
    def make(account):
        row = factory(account=account)
        return str(getattr(row, column)), row.delete

    return make


def _run(account):
    run = factories.ExtensionRunFactory(asset=factories.AssetFactory(account=account))
    return str(run.pk), run.delete


THINGS = {
    "file_id": _asset,
    "version_id": _version,
    "run_id": _run,
    "field_id": _row(factories.CustomMetadataFieldFactory, "field_id"),
    "saved_id": _row(factories.SavedExtensionFactory, "saved_id"),
    "endpoint_id": _row(factories.WebhookEndpointFactory, "endpoint_id"),
    "delivery_id": _row(factories.WebhookDeliveryFactory, "pk"),
    "request_id": _row(factories.PurgeRequestFactory, "request_id"),
    "job_id": _row(factories.BulkJobFactory, "job_id"),
    "backfill_id": _row(factories.BackfillFactory, "backfill_id"),
}
"""By what a route calls its last id: how to make one for an account; the id, and how it is deleted."""


def made_for(account, route: Route):
    """A thing for the route, and how it is deleted."""
    assert route.ids[-1] in THINGS, f"say in THINGS how to make a {route.ids[-1]}"
    made, delete = THINGS[route.ids[-1]](account)
    return dict(zip(route.ids, made if isinstance(made, tuple) else (made,), strict=True)), delete


def answers(client, route: Route, ids: dict[str, str]) -> dict[str, tuple[int, bytes, int]]:
    """By method: status, body and how many statements it took."""
    found = {}
    for method in route.methods:
        with CaptureQueriesContext(connection) as queries:
            response = answer(client, route, method, **ids)
        found[method] = (response.status_code, response.content, len(queries))
    return found


def unknown_for(route: Route) -> str:
    """An id that could be one, of nothing."""
    forms = {"run_id": str(uuid.uuid4()), "saved_id": "ext_unknown", "endpoint_id": "wh_unknown", "delivery_id": "77"}
    return forms.get(route.ids[-1], "0" * 24)


@pytest.mark.rel("A4", "B26")
@pytest.mark.parametrize("route", WITH_IDS, ids=by_name)
def test_what_belongs_to_another_account_is_as_unknown_as_what_does_not_exist(route, api):
    theirs, _ = made_for(factories.AccountFactory(), route)
    mine, _ = made_for(ApiKey.objects.order_by("pk")[0].account, route)
    unknown = answers(api, route, {**mine, route.ids[-1]: unknown_for(route)})
    assert {status for status, _, _ in unknown.values()} == {400 if route.name in UNKNOWN_IS_400 else 404}
    assert answers(api, route, {**mine, route.ids[-1]: theirs[route.ids[-1]]}) == unknown
    assert {body for _, body, _ in answers(api, route, theirs).values()} == {body for _, body, _ in unknown.values()}


@pytest.mark.rel("A4", "B26")
@pytest.mark.parametrize("route", WITH_IDS, ids=by_name)
def test_what_was_deleted_is_unknown(route, api):
    ids, delete = made_for(ApiKey.objects.get().account, route)
    delete()
    unknown = answers(api, route, {**ids, route.ids[-1]: unknown_for(route)})
    assert answers(api, route, ids) == unknown


@pytest.mark.rel("B26")
@pytest.mark.parametrize("route", WITH_IDS, ids=by_name)
def test_a_malformed_id_is_answered_as_an_unknown_one(route, api):
    ids, _ = made_for(ApiKey.objects.get().account, route)
    real = ids[route.ids[-1]]
    spoilt = [*MALFORMED, real + "\n", f" {real}", real + "\u0661", f"+{real}", f"{real}%00"]
    found = {
        (response.status_code, response.content)
        for method in route.methods
        for text in spoilt
        for response in [answer(api, route, method, **{**ids, route.ids[-1]: quote(text, safe="%")})]
    }
    assert len(found) == 1, found
    status, body = found.pop()
    if route.name in MALFORMED_IS_400:
        assert status == 400
    else:
        unknown = answer(api, route, route.methods[0], **{**ids, route.ids[-1]: unknown_for(route)})
        assert (status, body) == (unknown.status_code, unknown.content)
