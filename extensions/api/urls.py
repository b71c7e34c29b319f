"""Routes of the API that need assets and runs; included before the library's, whose details view they extend."""

from django.urls import re_path

from extensions.api import health, schema_pages
from extensions.api.backfills import (
    BackfillCancelView,
    BackfillListView,
    BackfillPauseView,
    BackfillResumeView,
    BackfillRetryView,
    BackfillView,
)
from extensions.api.catalogue import CatalogueView
from extensions.api.deliveries import (
    DeliveryListView,
    DeliveryReplayView,
    DeliveryView,
    ReplayView,
    SecretView,
    TestDeliveryView,
)
from extensions.api.estimates import EstimateView
from extensions.api.runs import RunCancelView, RunListView, RunRetryView, RunView
from extensions.api.saved import SavedExtensionListView, SavedExtensionView
from extensions.api.uploads import FileDetailsView, UploadV2View, UploadView
from extensions.api.usage import DailyUnitsView, UsageAnalyticsView, UsageView
from extensions.api.webhooks import EndpointListView, EndpointView

urlpatterns = [
    re_path(r"^api/v1/files/upload/?$", UploadView.as_view(), name="upload"),
    re_path(r"^api/v2/files/upload/?$", UploadV2View.as_view(), name="upload-v2"),
    re_path(r"^api/schema/?$", schema_pages.SchemaView.as_view(), name="api-schema"),
    re_path(r"^api/docs/?$", schema_pages.docs, name="api-docs"),
    re_path(r"^api/health/live/?$", health.live, name="health-live"),
    re_path(r"^api/health/ready/?$", health.ready, name="health-ready"),
    re_path(r"^api/runs/?$", RunListView.as_view(), name="run-list"),
    re_path(r"^api/runs/(?P<run_id>[^/]+)/?$", RunView.as_view(), name="run"),
    re_path(r"^api/runs/(?P<run_id>[^/]+)/cancel/?$", RunCancelView.as_view(), name="run-cancel"),
    re_path(r"^api/runs/(?P<run_id>[^/]+)/retry/?$", RunRetryView.as_view(), name="run-retry"),
    re_path(r"^api/backfills/?$", BackfillListView.as_view(), name="backfill-list"),
    re_path(r"^api/backfills/(?P<backfill_id>[^/]+)/?$", BackfillView.as_view(), name="backfill"),
    re_path(r"^api/backfills/(?P<backfill_id>[^/]+)/pause/?$", BackfillPauseView.as_view(), name="backfill-pause"),
    re_path(r"^api/backfills/(?P<backfill_id>[^/]+)/resume/?$", BackfillResumeView.as_view(), name="backfill-resume"),
    re_path(r"^api/backfills/(?P<backfill_id>[^/]+)/cancel/?$", BackfillCancelView.as_view(), name="backfill-cancel"),
    re_path(r"^api/backfills/(?P<backfill_id>[^/]+)/retry/?$", BackfillRetryView.as_view(), name="backfill-retry"),
    re_path(r"^api/extensions/?$", CatalogueView.as_view(), name="catalogue"),
    re_path(r"^api/estimates/?$", EstimateView.as_view(), name="estimates"),
    re_path(r"^api/units/daily/?$", DailyUnitsView.as_view(), name="units-daily"),
    re_path(r"^v1/accounts/usage/?$", UsageView.as_view(), name="usage"),
    re_path(r"^v1/accounts/usage-analytics/?$", UsageAnalyticsView.as_view(), name="usage-analytics"),
    re_path(r"^v1/files/(?P<file_id>[^/]+)/details/?$", FileDetailsView.as_view(), name="file-details"),
    re_path(r"^v1/saved-extensions/?$", SavedExtensionListView.as_view(), name="saved-extension-list"),
    re_path(r"^v1/saved-extensions/(?P<saved_id>[^/]+)/?$", SavedExtensionView.as_view(), name="saved-extension"),
    re_path(r"^v1/accounts/webhooks/?$", EndpointListView.as_view(), name="webhook-endpoints"),
    re_path(r"^v1/accounts/webhooks/(?P<endpoint_id>[^/]+)/?$", EndpointView.as_view(), name="webhook-endpoint"),
    re_path(r"^api/webhook-deliveries/?$", DeliveryListView.as_view(), name="webhook-deliveries"),
    re_path(r"^api/webhook-deliveries/replay/?$", ReplayView.as_view(), name="webhook-deliveries-replay"),
    re_path(r"^api/webhook-deliveries/test/?$", TestDeliveryView.as_view(), name="webhook-deliveries-test"),
    re_path(r"^api/webhook-deliveries/(?P<delivery_id>[^/]+)/?$", DeliveryView.as_view(), name="webhook-delivery"),
    re_path(
        r"^api/webhook-deliveries/(?P<delivery_id>[^/]+)/replay/?$",
        DeliveryReplayView.as_view(),
        name="webhook-delivery-replay",
    ),
    re_path(r"^api/webhook-secrets/rotate/?$", SecretView.as_view(), name="webhook-secret-rotate"),
]
