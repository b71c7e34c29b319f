"""The settings table in the docs and the code name the same variables, and bad values are refused loudly."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

from extensions.checks import check_limits, check_proxies, check_secrets, check_sqlite_version, check_storage
from mediahub.lib import env
from mediahub.lib.datadir import broker_socket, key_file

ROOT = Path(__file__).resolve().parents[2]


def test_the_table_and_the_code_name_the_same_variables():
    code = (ROOT / "mediahub" / "settings.py").read_text()
    table = (ROOT / "docs" / "settings.md").read_text()
    read = set(re.findall(r'\benv_[a-z]+\(\s*"([A-Z0-9_]+)"', code))
    documented = re.findall(r"^\| `([A-Z0-9_]+)` \|", table, re.MULTILINE)
    assert sorted(read) == sorted(documented)


def test_the_example_environment_names_known_variables_only():
    example = (ROOT / ".env.example").read_text()
    table = (ROOT / "docs" / "settings.md").read_text()
    named = set(re.findall(r"^#? ?([A-Z][A-Z0-9_]+)=", example, re.MULTILINE))
    unknown = {name for name in named if f"`{name}`" not in table and not name.startswith(("AWS_", "GOOGLE_"))}
    assert named
    assert not unknown


@pytest.mark.parametrize(
    ("name", "value", "complaint"),
    [
        ("MEDIAHUB_DEBUG", "perhaps", "truth value"),
        ("MEDIAHUB_RUN_ATTEMPTS", "many", "not a number"),
        ("MEDIAHUB_RUN_ATTEMPTS", "2.5", "not a whole number"),
        ("MEDIAHUB_SYNC_DEADLINE_S", "60", "outside"),
        ("MEDIAHUB_PROVIDER_CONCURRENCY", "remove.bg", "not a pair"),
        ("MEDIAHUB_PROVIDER_RATE_PER_MIN", "remove.bg=0", "not a pair"),
        ("MEDIAHUB_RATE_LIMITS", "reads=5", "read, write, bulk, upload"),
        ("MEDIAHUB_RATE_LIMITS", "read=fast", "not a rate"),
        ("MEDIAHUB_RATE_LIMITS", "read=-1", "not a rate"),
        ("MEDIAHUB_TRUSTED_PROXIES", "proxy.example", "proxy.example"),
        ("MEDIAHUB_SMTP_TLS", "maybe", "starttls, tls or off"),
        ("MEDIAHUB_STORAGE", "tape", "use disk, s3, gcs or azure"),
        ("MEDIAHUB_EXTENSION_WEBHOOKS", "none", "pending or all"),
        ("MEDIAHUB_REMOVEBG_SIZE", "huge", "50MP"),
        ("MEDIAHUB_REMBG_PRECISION", "int4", "auto, fp32 or int8"),
        ("MEDIAHUB_ALLOWED_PRIVATE_NETWORKS", "10.0.0.0/99", "10.0.0.0/99"),
        ("MEDIAHUB_GOOGLE_VISION_ENDPOINT", "http://vision.example", "must be https://"),
        ("MEDIAHUB_GOOGLE_VISION_ENDPOINT", "vision.example:443", "must be https://"),
        ("MEDIAHUB_PUBLIC_URL", "https://example.com/media", "must not begin with"),
        ("DATABASE_URL", "mysql://x", "postgresql:// or sqlite:///"),
    ],
)
def test_a_bad_value_stops_the_start_with_a_sentence(name, value, complaint, tmp_path):
    run = subprocess.run(
        [sys.executable, "-c", "import django; django.setup()"],
        env=os.environ | {"MEDIAHUB_DATA_DIR": str(tmp_path), name: value},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode != 0
    assert complaint in run.stderr


@pytest.mark.parametrize(("text", "value"), [("true", True), ("ON", True), ("1", True), ("no", False), ("", False)])
def test_truth_values(monkeypatch, text, value):
    monkeypatch.setenv("X", text)
    assert env.env_bool("X") is value


def test_pairs_of_names_and_numbers(monkeypatch):
    monkeypatch.setenv("X", "remove.bg=4, google-vision = 8,")
    assert env.env_counts("X") == {"remove.bg": 4, "google-vision": 8}


def test_rates_stand_over_their_defaults(monkeypatch):
    defaults = {"read": "40/100", "write": "5", "upload": "0"}
    assert env.env_rates("X", defaults) == {"read": env.Rate(40, 100), "write": env.Rate(5, 5)}
    monkeypatch.setenv("X", "read=0, upload=0.5/3")
    assert env.env_rates("X", defaults) == {"write": env.Rate(5, 5), "upload": env.Rate(0.5, 3)}
    monkeypatch.setenv("X", "off")
    assert env.env_rates("X", defaults) == {}


def test_limits_of_providers_that_do_not_exist_are_warned_of(settings):
    settings.MEDIAHUB_PROVIDER_CONCURRENCY = {"fake": 1, "remove-bk": 4}
    assert [(warning.id, "remove-bk" in warning.msg) for warning in check_limits(None)] == [("extensions.W002", True)]


def test_a_secret_can_come_from_a_file(monkeypatch, tmp_path):
    (tmp_path / "secret").write_text("from the file\n")
    monkeypatch.setenv("X_FILE", str(tmp_path / "secret"))
    assert env.env_secret("X") == "from the file"
    monkeypatch.setenv("X_FILE", str(tmp_path / "missing"))
    with pytest.raises(ImproperlyConfigured, match="X_FILE"):
        env.env_secret("X")


def test_keys_are_made_once_for_the_owner_only(tmp_path):
    path = tmp_path / "keys" / "secret_key"
    first = key_file(path)
    assert key_file(path) == first
    assert len(first) >= 48
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_long_data_directory_gets_a_short_socket(tmp_path):
    assert broker_socket(tmp_path).is_relative_to(tmp_path) or len(str(tmp_path)) > 70
    assert len(str(broker_socket(Path("/very" * 40)))) < 108


def test_example_secrets_and_debug_in_public_are_refused(settings):
    settings.SECRET_KEY = "change-me"
    settings.DEBUG = True
    settings.ALLOWED_HOSTS = ["media.example.com"]
    assert [error.id for error in check_secrets(None)] == ["extensions.E001", "extensions.E002"]


def test_a_proxy_that_nobody_named_is_warned_of(settings):
    settings.MEDIAHUB_BEHIND_TLS = True
    assert [warning.id for warning in check_proxies(None)] == ["extensions.W003"]
    settings.MEDIAHUB_TRUSTED_PROXIES = ("10.1.2.3/32",)
    assert check_proxies(None) == []


def test_object_storage_without_a_bucket_is_refused(settings):
    settings.MEDIAHUB_STORAGE, settings.MEDIAHUB_STORAGE_BUCKET = "s3", ""
    assert [error.id for error in check_storage(None)] == ["extensions.E003"]


def test_an_sqlite_library_with_the_wal_fault_is_warned_of(settings, monkeypatch):
    monkeypatch.setitem(settings.DATABASES["default"], "ENGINE", "django.db.backends.sqlite3")
    monkeypatch.setattr("extensions.checks.sqlite3.sqlite_version_info", (3, 40, 1))
    assert [warning.id for warning in check_sqlite_version(None)] == ["extensions.W001"]
