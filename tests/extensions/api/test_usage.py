"""Usage of an account: units live from the ledger, operations from the runs, exact refusals of bad dates (API 3.12)."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db import transaction
from imagekitio import BadRequestError, ImageKit

from extensions.models import ExtensionRun
from extensions.units import services
from library.models import ApiKey
from library.services.accounts import create_account
from mediahub.lib import clock
from tests.conftest import client_for
from tests.extensions.scenes import ask_for, make_asset
from tests.sdk.conftest import rendition_worker, server  # noqa: F401 - a fixture

USAGE, ANALYTICS, DAILY = "/v1/accounts/usage", "/v1/accounts/usage-analytics", "/api/units/daily"
TAGGER = {"name": "google-auto-tagging", "minConfidence": 0, "maxTags": 5}


@pytest.fixture
def asset(new_account):
    return make_asset(new_account.account)


def at(moment: datetime) -> None:
    """Set the clock."""
    clock.shift(0)
    clock.shift((moment - clock.now()).total_seconds())


def run_at(moment: datetime, asset, block, *, succeeded=True, ends_at: datetime | None = None) -> ExtensionRun:
    """A run asked for at a moment, which ended at the same one or later."""
    at(moment)
    [run] = ask_for(asset, block)
    at(ends_at or moment)
    state = {"state": "succeeded"} if succeeded else {"state": "failed", "error_code": "x"}
    ExtensionRun.objects.filter(pk=run.pk).update(finished_at=clock.now(), **state)
    with transaction.atomic():
        services.close(run=run, succeeded=succeeded, now=clock.now())
    return run


def day(number: int, hour: int = 12) -> datetime:
    return datetime(2027, 3, number, hour, tzinfo=UTC)


def usage(api, start, end):
    return api.get(USAGE, {"startDate": start, "endDate": end}).json()


@pytest.mark.django_db
class TestUsage:
    def test_all_members_are_there(self, api, asset):
        assert usage(api, "2027-03-01", "2027-04-01") == {
            "bandwidthBytes": 0,
            "mediaLibraryStorageBytes": asset.current_version.size_bytes,
            "videoProcessingUnitsCount": 0,
            "extensionUnitsCount": 0,
            "originalCacheStorageBytes": 0,
        }

    def test_posted_units_count_and_held_or_voided_ones_do_not(self, api, asset):
        run_at(day(5), asset, "remove-bg")
        run_at(day(6), asset, TAGGER)
        run_at(day(7), asset, "remove-bg", succeeded=False)
        ask_for(asset, "remove-bg")
        assert usage(api, "2027-03-01", "2027-04-01")["extensionUnitsCount"] == 132

    def test_the_start_is_included_and_the_end_is_not(self, api, asset):
        run_at(day(5, 0), asset, "remove-bg")
        run_at(day(6, 0), asset, TAGGER)
        assert usage(api, "2027-03-05", "2027-03-06")["extensionUnitsCount"] == 130
        assert usage(api, "2027-03-06", "2027-03-07")["extensionUnitsCount"] == 2
        assert usage(api, "2027-03-04", "2027-03-05")["extensionUnitsCount"] == 0

    @pytest.mark.rel("L11", "F51")
    def test_a_run_over_the_turn_of_the_month_counts_on_the_day_it_was_posted(self, api, asset):
        run_at(day(31, 23), asset, "remove-bg", ends_at=datetime(2027, 4, 1, 1, tzinfo=UTC))
        assert usage(api, "2027-03-01", "2027-04-01")["extensionUnitsCount"] == 0
        assert usage(api, "2027-04-01", "2027-05-01")["extensionUnitsCount"] == 130

    def test_every_version_counts_for_storage(self, api, new_account, asset):
        from library.models import AssetVersion
        from tests.factories import AssetVersionFactory

        AssetVersionFactory(asset=asset, number=2, size_bytes=5000, origin=AssetVersion.Origin.UPLOAD)
        stored = usage(api, "2027-03-01", "2027-03-02")["mediaLibraryStorageBytes"]
        assert stored == asset.current_version.size_bytes + 5000

    @pytest.mark.rel("A4")
    def test_other_accounts_count_for_nothing(self, asset):
        run_at(day(5), asset, "remove-bg")
        other = client_for(create_account(slug="other").private_key)
        answer = usage(other, "2027-03-01", "2027-04-01")
        assert (answer["extensionUnitsCount"], answer["mediaLibraryStorageBytes"]) == (0, 0)
        assert other.get(DAILY, {"startDate": "2027-03-05", "endDate": "2027-03-05"}).json()["days"][0]["units"] == 0

    @pytest.mark.parametrize("address", [USAGE, ANALYTICS])
    @pytest.mark.parametrize(
        ("query", "field", "sentence"),
        [
            ({"endDate": "2027-03-02"}, "startDate", "startDate is required, as YYYY-MM-DD."),
            ({"startDate": "2027-03-02"}, "endDate", "endDate is required, as YYYY-MM-DD."),
            (
                {"startDate": "02.03.2027", "endDate": "2027-03-02"},
                "startDate",
                "startDate must be a date as YYYY-MM-DD.",
            ),
            (
                {"startDate": "2027-02-30", "endDate": "2027-03-02"},
                "startDate",
                "startDate must be a date as YYYY-MM-DD.",
            ),
            (
                {"startDate": "20270301", "endDate": "2027-03-02"},
                "startDate",
                "startDate must be a date as YYYY-MM-DD.",
            ),
            ({"startDate": "2027-03-01", "endDate": "9999-12-31"}, "endDate", "endDate must be a date as YYYY-MM-DD."),
            (
                {"startDate": "2027-03-01", "endDate": "２０２７-03-02"},
                "endDate",
                "endDate must be a date as YYYY-MM-DD.",
            ),
            ({"startDate": "2027-03-01", "endDate": "a\0"}, "endDate", "endDate must be a date as YYYY-MM-DD."),
            ({"startDate": "2027-01-01", "endDate": "2027-04-01"}, "endDate", "less than 90 days apart"),
        ],
    )
    def test_bad_dates_are_a_400_that_names_the_field(self, api, address, query, field, sentence):
        answer = api.get(address, query)
        assert answer.status_code == 400
        assert answer.json()["field"] == field
        assert sentence in answer.json()["message"]

    def test_89_days_apart_are_taken(self, api):
        assert api.get(USAGE, {"startDate": "2027-01-01", "endDate": "2027-03-31"}).status_code == 200

    @pytest.mark.parametrize(("start", "end"), [("2027-03-02", "2027-03-02"), ("2027-03-03", "2027-03-02")])
    def test_a_start_that_is_not_before_the_end_is_refused(self, api, start, end):
        answer = api.get(USAGE, {"startDate": start, "endDate": end})
        assert (answer.status_code, answer.json()["field"]) == (400, "startDate")

    @pytest.mark.rel("A3")
    @pytest.mark.parametrize("address", [USAGE, ANALYTICS, DAILY])
    def test_a_restricted_key_needs_the_right_to_read_the_account(self, api, new_account, address):
        dates = {"startDate": "2027-03-01", "endDate": "2027-03-02"}
        keys = ApiKey.objects.filter(account=new_account.account)
        keys.update(is_restricted=True, rights={"media": "write"})
        assert api.get(address, dates).status_code == 403
        keys.update(rights={"account": "read"})
        assert api.get(address, dates).status_code == 200

    @pytest.mark.parametrize("address", [USAGE, ANALYTICS, DAILY])
    def test_without_a_key_it_is_401(self, db, client, address):
        assert client.get(address).status_code == 401


@pytest.mark.django_db
class TestAnalytics:
    def test_successful_runs_are_counted_priced_or_not_and_both_days_are_included(self, api, asset):
        run_at(day(5, 0), asset, "remove-bg")
        run_at(day(6, 23), asset, "local-auto-tagging")
        run_at(day(6), asset, "local-auto-tagging")
        run_at(day(6), asset, TAGGER, succeeded=False)
        run_at(day(7, 0), asset, TAGGER)
        answer = api.get(ANALYTICS, {"startDate": "2027-03-05", "endDate": "2027-03-06"}).json()
        assert answer["extensions"] == [
            {"name": "local-auto-tagging", "operationCount": 2},
            {"name": "remove-bg", "operationCount": 1},
        ]

    def test_one_day_can_be_asked_for(self, api):
        assert api.get(ANALYTICS, {"startDate": "2027-03-05", "endDate": "2027-03-05"}).status_code == 200


@pytest.mark.django_db
class TestDaily:
    def test_units_are_given_by_utc_day_and_extension(self, api, asset):
        run_at(day(5, 0), asset, "remove-bg")
        run_at(day(5, 23), asset, TAGGER)
        run_at(day(5, 23), asset, TAGGER)
        run_at(day(7), asset, "remove-bg")
        answer = api.get(DAILY, {"startDate": "2027-03-05", "endDate": "2027-03-07"}).json()
        assert answer["days"] == [
            {
                "date": "2027-03-05",
                "units": 134,
                "runs": 3,
                "extensions": [
                    {"name": "google-auto-tagging", "units": 4, "runs": 2},
                    {"name": "remove-bg", "units": 130, "runs": 1},
                ],
            },
            {"date": "2027-03-06", "units": 0, "runs": 0, "extensions": []},
            {
                "date": "2027-03-07",
                "units": 130,
                "runs": 1,
                "extensions": [{"name": "remove-bg", "units": 130, "runs": 1}],
            },
        ]

    def test_without_dates_it_is_the_present_month(self, api, asset):
        run_at(day(10, 0), asset, "remove-bg")
        answer = api.get(DAILY).json()
        assert (answer["startDate"], answer["endDate"], len(answer["days"])) == ("2027-03-01", "2027-03-31", 31)
        assert answer["forecast"] == {
            "periodStart": "2027-03-01",
            "unitsPerDay": 14.44,
            "spentAtEnd": 448,
            "exhaustedOn": None,
        }

    def test_february_of_a_leap_year_has_29_days(self, api):
        at(datetime(2028, 2, 29, 23, 59, tzinfo=UTC))
        assert len(api.get(DAILY).json()["days"]) == 29

    @pytest.mark.parametrize(
        ("query", "field"),
        [
            ({"startDate": "2027-03-02"}, "endDate"),
            ({"startDate": "2027-03-02", "endDate": "2027-03-01"}, "startDate"),
            ({"startDate": "2026-03-01", "endDate": "2027-03-02"}, "endDate"),
        ],
    )
    def test_bad_ranges_are_refused(self, api, query, field):
        answer = api.get(DAILY, query)
        assert (answer.status_code, answer.json()["field"]) == (400, field)

    def test_a_year_is_taken(self, api):
        answer = api.get(DAILY, {"startDate": "2028-01-01", "endDate": "2028-12-31"})
        assert len(answer.json()["days"]) == 366


@pytest.mark.process
def test_the_sdk_takes_both_answers_under_its_strict_validation(committed_db, server):  # noqa: F811
    made = create_account(slug="acme", units_per_month=1000)
    run = run_at(clock.now(), make_asset(made.account), "remove-bg")
    today = run.created_at.date()
    tomorrow = today + timedelta(days=1)
    with ImageKit(
        private_key=made.private_key, base_url=server, max_retries=0, _strict_response_validation=True
    ) as client:
        used = client.accounts.usage.get(start_date=today, end_date=tomorrow)
        assert (used.extension_units_count, used.bandwidth_bytes) == (130, 0)
        assert used.media_library_storage_bytes > 0
        seen = client.accounts.usage_analytics.get(start_date=today, end_date=today)
        assert [(item.name, item.operation_count) for item in seen.extensions] == [("remove-bg", 1)]
        assert seen.start_date == today
        assert seen.generated_at.tzinfo is not None
        assert seen.url_endpoints.by_requests == []
        with pytest.raises(BadRequestError, match="startDate must be before endDate"):
            client.accounts.usage.get(start_date=today, end_date=today)
