"""Copy, move, rename and purge on the wire: exact codes, bodies and reasons (API 3.6, 3.9)."""

import pytest

from library.models import Asset, PurgeRequest
from tests.factories import AssetVersionFactory, PurgeRequestFactory
from tests.library.api.test_folders import assert_error
from tests.library.stored import at, contents, paths, put

SOURCE = {"sourceFilePath": "/a/x.txt", "destinationPath": "/b"}


@pytest.fixture
def account(new_account):
    return new_account.account


@pytest.mark.parametrize(
    ("path", "left"),
    [("copy", ["/a/x.txt", "/b/x.txt"]), ("copy/", ["/a/x.txt", "/b/x.txt"]), ("move", ["/b/x.txt"])],
)
def test_copy_and_move_answer_204_without_a_body(api, account, path, left):
    put(account, "/a/x.txt")
    answer = api.post(f"/v1/files/{path}", SOURCE, format="json")

    assert (answer.status_code, answer.content) == (204, b"")
    assert paths(account) == left


@pytest.mark.parametrize(("flag", "count"), [(True, 2), (False, 1), (None, 1)])
def test_copy_takes_versions_when_asked_to(api, account, flag, count):
    put(account, "/a/x.txt", b"one")
    put(account, "/a/x.txt", b"two")
    body = SOURCE if flag is None else {**SOURCE, "includeFileVersions": flag}

    assert api.post("/v1/files/copy", body, format="json").status_code == 204
    assert contents(at(account, "/b/x.txt")) == [b"one", b"two"][-count:]


@pytest.mark.parametrize("path", ["copy", "move"])
@pytest.mark.parametrize(
    ("change", "status", "reason"),
    [
        ({"sourceFilePath": None}, 400, "MISSING_PARAMETER"),
        ({"destinationPath": ""}, 400, "MISSING_PARAMETER"),
        ({"sourceFilePath": []}, 400, "INVALID_PARAMETER"),
        ({"sourceFilePath": "/a/none.txt"}, 404, "SOURCE_FILE_MISSING"),
        ({"sourceFilePath": "/A/x.txt"}, 404, "SOURCE_FILE_MISSING"),
        ({"destinationPath": "/a/"}, 400, "SAME_SOURCE_AND_DESTINATION"),
        ({"destinationPath": "/a/../b"}, 400, "INVALID_FOLDER_PATH"),
    ],
)
def test_copy_and_move_refusals(api, account, path, change, status, reason):
    put(account, "/a/x.txt")

    assert_error(api.post(f"/v1/files/{path}", {**SOURCE, **change}, format="json"), status, reason)
    assert paths(account) == ["/a/x.txt"]


@pytest.mark.parametrize("path", ["copy", "move"])
def test_version_limit(api, account, path):
    there = put(account, "/b/x.txt")
    put(account, "/a/x.txt")
    for _ in range(99):
        AssetVersionFactory(asset=there)

    assert_error(api.post(f"/v1/files/{path}", SOURCE, format="json"), 400, "VERSION_LIMIT_EXCEEDED")


def test_rename(api, account):
    put(account, "/a/x.txt")
    answer = api.put("/v1/files/rename", {"filePath": "/a/x.txt", "newFileName": "y z.txt"}, format="json")

    assert (answer.status_code, answer.json()) == (200, {})
    assert paths(account) == ["/a/y_z.txt"]


def test_rename_with_purge_gives_the_id_of_the_purge(api, account):
    put(account, "/a/x.txt")
    body = {"filePath": "/a/x.txt", "newFileName": "y.txt", "purgeCache": True}
    answer = api.put("/v1/files/rename/", body, format="json")

    assert answer.status_code == 200
    purge = PurgeRequest.objects.get(request_id=answer.json()["purgeRequestId"])
    assert purge.url.endswith("/acme/a/x.txt*")


@pytest.mark.parametrize(
    ("body", "status", "reason"),
    [
        ({"newFileName": "y.txt"}, 400, "MISSING_PARAMETER"),
        ({"filePath": "/a/x.txt"}, 400, "MISSING_PARAMETER"),
        ({"filePath": "/a/x.txt", "newFileName": 1}, 400, "INVALID_PARAMETER"),
        ({"filePath": "/a/x.txt", "newFileName": ".hidden"}, 400, "INVALID_PARAMETER"),
        ({"filePath": "/a/x.txt", "newFileName": "x" * 256}, 400, "INVALID_PARAMETER"),
        ({"filePath": "/a/x.txt", "newFileName": "y.txt", "purgeCache": 1}, 400, "INVALID_PARAMETER"),
        ({"filePath": "/a/x.txt", "newFileName": "x.txt"}, 400, "SAME_OLD_AND_NEW_NAME"),
        ({"filePath": "/a/none.txt", "newFileName": "y.txt"}, 404, "FILE_MISSING"),
        ({"filePath": "/a/x.txt", "newFileName": "taken.txt"}, 409, "FILE_ALREADY_EXISTS"),
    ],
)
def test_rename_refusals(api, account, body, status, reason):
    put(account, "/a/x.txt")
    put(account, "/a/taken.txt")

    answer = api.put("/v1/files/rename", body, format="json")
    assert_error(answer, status, reason)
    assert paths(account) == ["/a/taken.txt", "/a/x.txt"]


@pytest.mark.rel("B14")
@pytest.mark.parametrize("name", ["../../etc/passwd", "..\\..\\x", "a/b", "con", 'q"\r\n', "\u202egnp.exe"])
def test_hostile_names_stay_in_their_folder(api, account, name):
    asset = put(account, "/a/x.txt")
    answer = api.put("/v1/files/rename", {"filePath": "/a/x.txt", "newFileName": name}, format="json")

    assert answer.status_code in (200, 400)
    asset = Asset.objects.get(pk=asset.pk)
    assert asset.folder.path == "/a"
    assert not set(asset.name) & set('/\\"\r\n\u202e')


def test_purge_is_completed_at_once(api, account):
    put(account, "/a/x.txt")
    url = api.get("/v1/files").json()[0]["url"]
    answer = api.post("/v1/files/purge", {"url": url}, format="json")

    assert answer.status_code == 201
    assert set(answer.json()) == {"requestId"}
    status = api.get(f"/v1/files/purge/{answer.json()['requestId']}/")
    assert (status.status_code, status.json()) == (200, {"status": "Completed"})


@pytest.mark.parametrize(
    "url",
    [
        None,
        5,
        "",
        "x",
        "http://[",
        "http://127.0.0.1:8000/media/other/a.jpg",
        "https://ik.imagekit.io/acme/a.jpg",
        "http://127.0.0.1:8000/media/acme/*",
        "http://127.0.0.1:8000/media/acme/a*",
        "http://127.0.0.1:8000/media/acme/a/b*",
        "http://127.0.0.1:8000/media/acme/*/b.jpg",
        "http://127.0.0.1:8000/media/acme/" + "x" * 9000,
    ],
)
def test_purge_of_an_unsuitable_url_is_400(api, settings, url):
    settings.MEDIAHUB_PUBLIC_URL, settings.MEDIAHUB_DELIVERY_URL = "http://127.0.0.1:8000", ""

    assert_error(api.post("/v1/files/purge", {"url": url}, format="json"), 400)


@pytest.mark.parametrize("path", ["a.jpg", "a.jpg*", "a/b/c*", "a-long-enough-name*"])
def test_purge_takes_files_and_deep_wildcards(api, settings, path):
    settings.MEDIAHUB_PUBLIC_URL, settings.MEDIAHUB_DELIVERY_URL = "http://127.0.0.1:8000", ""
    url = f"http://127.0.0.1:8000/media/acme/{path}"

    assert api.post("/v1/files/purge", {"url": url}, format="json").status_code == 201


@pytest.mark.rel("B26")
def test_unknown_purges_are_400_and_look_the_same(api):
    answers = [api.get(f"/v1/files/purge/{name}") for name in ("x", "0" * 24, PurgeRequestFactory().request_id)]

    assert {answer.status_code for answer in answers} == {400}
    assert len({answer.content for answer in answers}) == 1


@pytest.mark.parametrize("what", ["named-transformations", "accounts/origins", "accounts/url-endpoints"])
@pytest.mark.parametrize(
    ("method", "tail"), [("get", ""), ("post", "/"), ("get", "/x"), ("put", "/x"), ("delete", "/x/")]
)
def test_what_is_absent_says_so(api, client, what, method, tail):
    answer = getattr(api, method)(f"/v1/{what}{tail}", {}, format="json")

    assert_error(answer, 501)
    assert answer.json()["code"] == "not_implemented"
    assert answer["x-should-retry"] == "false"
    assert client.get(f"/v1/{what}").status_code == 401


@pytest.mark.parametrize("name", ["ik-thumbnail.jpg", "ik-video.mp4", "ik-gif-video.mp4", "ik-master.m3u8"])
def test_renditions_of_videos_are_501(client, account, name):
    put(account, "/a/clip.mp4")
    answer = client.get(f"/media/acme/a/clip.mp4/{name}")

    assert answer.status_code == 501
    assert answer.json()["message"].startswith("Videos are served as they are")
    put(account, f"/b/{name}")
    assert client.get(f"/media/acme/b/{name}").status_code == 200
