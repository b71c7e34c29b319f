"""imagekitio 5, unmodified: uploads that it signs for browsers, and signed URLs of private files (API 1.3 to 1.5)."""

from urllib.request import Request, urlopen  # noqa: TID251 - a browser

import jwt
import pytest
from imagekitio import BadRequestError, ImageKit, Omit, PermissionDeniedError

from library.models import ApiKey
from library.services.accounts import create_api_key
from mediahub.lib import clock
from tests.runtime import multipart
from tests.uploading import picture

pytestmark = pytest.mark.process
NO_KEY = {"Authorization": Omit()}
"""What the SDK is told where no private key may be."""
FORM = {"file_name": "chair.jpg", "tags": ["furniture", "oak"], "use_unique_file_name": False}
FORM_ON_THE_WIRE = {"fileName": "chair.jpg", "tags": "furniture,oak", "useUniqueFileName": "false"}


@pytest.fixture
def client(server, key):
    with ImageKit(private_key=key, base_url=f"{server}/", max_retries=0, _strict_response_validation=True) as client:
        yield client


def signed_for(key, fields):
    public_key, now = ApiKey.objects.get().public_key, int(clock.now().timestamp())
    return jwt.encode({**fields, "iat": now, "exp": now + 600}, key, algorithm="HS256", headers={"kid": public_key})


def test_v2_with_a_private_key(client):
    assert client.beta.v2.files.upload(file=picture(), **FORM).name == "chair.jpg"
    assert client.assets.list()[0].tags == ["furniture", "oak"]


def test_v2_with_a_token(client, key):
    token = signed_for(key, FORM_ON_THE_WIRE)
    assert client.beta.v2.files.upload(extra_headers=NO_KEY, file=picture(), token=token, **FORM).name == "chair.jpg"
    with pytest.raises(BadRequestError, match="used before"):
        client.beta.v2.files.upload(extra_headers=NO_KEY, file=picture(), token=token, **FORM)
    with pytest.raises(BadRequestError, match="tags is not what the token says"):
        client.beta.v2.files.upload(
            extra_headers=NO_KEY, file=picture(), token=signed_for(key, FORM_ON_THE_WIRE), **{**FORM, "tags": ["mine"]}
        )


def test_v2_refuses_both_at_once(client, key):
    with pytest.raises(BadRequestError, match="not both"):
        client.beta.v2.files.upload(file=picture(), token=signed_for(key, FORM_ON_THE_WIRE), **FORM)


def test_v1_with_what_the_helper_signs(client):
    signed = client.helper.get_authentication_parameters()
    fields = {"public_key": ApiKey.objects.get().public_key, **signed}
    assert client.files.upload(extra_headers=NO_KEY, file=picture(), file_name="a.png", **fields).name.endswith(".png")
    with pytest.raises(BadRequestError, match="used before"):
        client.files.upload(extra_headers=NO_KEY, file=picture(), file_name="a.png", **fields)
    with pytest.raises(PermissionDeniedError):
        client.files.upload(
            extra_headers=NO_KEY, file=picture(), file_name="a.png", **{**fields, "public_key": "public_none"}
        )


def test_v1_as_a_page_of_another_site_sends_it(client, server):
    signed = {name: str(value) for name, value in client.helper.get_authentication_parameters().items()}
    body, content_type = multipart(picture(), {**signed, "publicKey": ApiKey.objects.get().public_key})
    headers = {"Content-Type": content_type, "Origin": "https://shop.example"}
    with urlopen(Request(f"{server}/api/v1/files/upload", data=body, headers=headers)) as answer:
        assert answer.headers["Access-Control-Allow-Origin"] == "*"
        assert answer.status == 200


@pytest.mark.rel("S5")
@pytest.mark.parametrize("path", ["/in/a_b.png", "/naïve/ürlaub-ß_字.png", "/in/e\u0301t\u00e9.png"])
@pytest.mark.parametrize("options", [{}, {"expires_in": 300}, {"query_parameters": {"ik-attachment": "true"}}], ids=str)
def test_signed_urls_of_the_helper_open_private_files(client, server, path, options):
    folder, _, name = path.rpartition("/")
    data = picture()
    client.files.upload(file=data, file_name=name, folder=folder, use_unique_file_name=False, is_private_file=True)
    url = client.helper.build_url(url_endpoint=f"{server}/media/acme", src=path, signed=True, **options)
    with urlopen(url) as answer:
        assert answer.read() == data


@pytest.mark.rel("S5")
@pytest.mark.parametrize("position", ["query", "path"])
def test_signed_thumbnails_and_versions(client, server, position, rendition_worker):
    first = client.files.upload(
        file=picture(), file_name="a b.png", use_unique_file_name=False, is_private_file=True, folder="/in"
    )
    client.files.upload(file=picture(colour="red"), file_name="a b.png", use_unique_file_name=False, folder="/in")
    thumbnail = client.helper.build_url(
        url_endpoint=f"{server}/media/acme/",
        src=first.file_path,
        transformation=[{"named": "ik_ml_thumbnail"}],
        transformation_position=position,
        signed=True,
    )
    old = client.helper.build_url(
        url_endpoint=f"{server}/media/acme",
        src=first.file_path,
        query_parameters={"ik-obj-version": first.version_info.id},
        signed=True,
    )
    with urlopen(thumbnail) as answer:
        assert answer.headers["Content-Type"] in ("image/webp", "image/png", "image/jpeg")
        assert answer.headers["Cache-Control"].startswith("private")
    with urlopen(old) as answer:
        assert answer.read() == picture()


@pytest.mark.rel("S5")
def test_the_url_that_the_api_shows_can_be_signed_as_it_is(client, server, settings):
    settings.MEDIAHUB_PUBLIC_URL = server
    file = client.files.upload(file=picture(), file_name="a b.png", is_private_file=True, folder="/in")
    url = client.helper.build_url(url_endpoint=f"{server}/media/acme", src=file.url, signed=True, expires_in=60)
    with urlopen(url) as answer:
        assert answer.read() == picture()


@pytest.mark.rel("S5")
def test_any_active_key_signs_and_a_disabled_one_no_longer(client, server):
    client.files.upload(file=picture(), file_name="a.png", use_unique_file_name=False, is_private_file=True)
    second = create_api_key(account=ApiKey.objects.get().account, label="second")
    with ImageKit(private_key=second.private_key) as other:
        url = other.helper.build_url(url_endpoint=f"{server}/media/acme", src="/a.png", signed=True)
    with urlopen(url) as answer:
        assert answer.status == 200
    ApiKey.objects.filter(pk=second.api_key.pk).update(disabled_at=clock.now())
    with pytest.raises(OSError, match="401"):
        urlopen(url)
