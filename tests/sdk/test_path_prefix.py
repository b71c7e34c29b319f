"""A server under a path, in a process of its own: an SDK, file URLs, pages, static files and cookies carry the path."""

import re
from pathlib import Path
from urllib.parse import urljoin, urlsplit

import httpx  # noqa: TID251 - tests are clients
import pytest
from django.contrib.auth import get_user_model
from imagekitio import ImageKit, NotFoundError

from library.models import Membership
from library.services.accounts import create_account
from tests.runtime import Runtime, wait_until

pytestmark = pytest.mark.process
PREFIX = "/hub/media-library"
PHOTO = Path(__file__).parents[1] / "files" / "photos" / "coffee.jpg"
PASSWORD = "a long enough password"


@pytest.fixture
def site(committed_db, tmp_path):
    """Address of a web process that serves under the prefix, without a slash at its end."""
    runtime = Runtime(database_url=committed_db, data_dir=tmp_path / "data")
    runtime.environment["MEDIAHUB_PUBLIC_URL"] = f"{runtime.url}{PREFIX}"
    try:
        process = runtime.start("web", "--port", str(runtime.port))
        wait_until(lambda: process.poll() is not None or runtime.answers(), within_s=30, what="the web process")
        assert process.poll() is None, runtime.output(process)
        yield f"{runtime.url}{PREFIX}"
    finally:
        runtime.stop()


@pytest.fixture
def account(committed_db):
    return create_account(slug="acme", units_per_month=1000)


def addresses(page: httpx.Response) -> set[str]:
    """Whatever a page links to, loads or posts to on its own server, as whole addresses."""
    found = re.findall(r'(?:href|src|action|hx-get|hx-post)="([^"#]+)"', page.text)
    whole = {urljoin(str(page.url), address.replace("&amp;", "&")) for address in found}
    return {address for address in whole if address.startswith("http")}


def test_sdk_keeps_the_prefix_for_both_url_families_and_gets_urls_under_it(site, account):
    with ImageKit(
        private_key=account.private_key, base_url=site, max_retries=0, _strict_response_validation=True
    ) as client:
        made = client.files.upload(file=PHOTO.read_bytes(), file_name="a b.jpg", folder="/x")
        assert client.files.get(made.file_id).file_path == made.file_path
        assert made.url == f"{site}/media/acme{made.file_path}"
        assert client.cache.invalidation.create(url=made.url).request_id
        with pytest.raises(NotFoundError, match="The requested file does not exist"):
            client.files.get("0" * 24)
        secret = client.files.upload(file=b"secret", file_name="a.txt", is_private_file=True)
        signed = client.helper.build_url(
            url_endpoint=f"{site}/media/acme", src=secret.file_path, signed=True, expires_in=60
        )
    assert httpx.get(made.url).content == PHOTO.read_bytes()
    assert httpx.get(secret.url).status_code == 401
    assert httpx.get(signed).content == b"secret"


def test_pages_redirects_static_files_and_cookies_carry_the_prefix(site, account, settings):
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.PBKDF2PasswordHasher"]  # the process knows no other
    user = get_user_model().objects.create_user("eva", password=PASSWORD, is_staff=True)
    Membership.objects.create(user=user, account=account.account, role=Membership.Role.OWNER)
    with httpx.Client(follow_redirects=True) as browser:
        page = browser.get(site)
        assert [answer.headers["location"].startswith(f"{PREFIX}/admin/") for answer in page.history] == [True, True]
        assert urlsplit(str(page.url)).path == f"{PREFIX}/admin/login/"
        token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page.text)
        assert token
        page = browser.post(
            str(page.url),
            data={"csrfmiddlewaretoken": token[1], "username": "eva", "password": PASSWORD},
            headers={"Referer": str(page.url)},
        )
        assert page.status_code == 200
        assert urlsplit(str(page.url)).path == f"{PREFIX}/admin/files/"
        assert all(cookie.path.startswith(PREFIX) for cookie in browser.cookies.jar)

        found = addresses(page)
        assert len(found) > 15
        assert [address for address in found if not address.startswith(f"{site}/")] == []
        static = [address for address in found if address.startswith(f"{site}/static/")]
        pages = [address for address in found if re.fullmatch(rf"{re.escape(site)}/admin/[a-z-]+/", address)]
        assert len(static) > 5
        assert len(pages) > 3
        assert {browser.get(address).status_code for address in static} == {200}
        assert {browser.get(address).status_code for address in pages} <= {200, 405}  # 405: what only takes a POST


def test_a_proxy_may_take_the_prefix_off_itself_and_nothing_else_is_taken_for_it(site, account):
    bare = site.removesuffix(PREFIX)
    with ImageKit(private_key=account.private_key, base_url=bare, max_retries=0) as client:
        made = client.files.upload(file=b"one", file_name="a.txt")
        assert made.url.startswith(f"{site}/media/acme/")
    assert httpx.get(f"{bare}/").headers["location"] == f"{PREFIX}/admin/"
    assert httpx.get(f"{bare}/media/acme{made.file_path}").content == b"one"
    for path in (f"{site}x", f"{site}{PREFIX}"):  # only begins like it, and has it twice
        assert httpx.get(f"{path}/api/health/live").status_code == 404
    for path in ("/v1/nothing", "/api/nothing"):
        answer = httpx.get(f"{site}{path}")
        assert (answer.status_code, answer.json()["message"]) == (404, "The requested path does not exist.")
