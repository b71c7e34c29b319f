"""imagekitio 5: documented status codes, exceptions of the right class, repeats that neither harm nor go on in vain."""

import asyncio
from urllib.parse import urlsplit

import pytest
from imagekitio import (
    APIConnectionError,
    AsyncImageKit,
    AuthenticationError,
    BadRequestError,
    ConflictError,
    ImageKit,
    NotFoundError,
    PermissionDeniedError,
)

from library.models import ApiKey, AssetVersion
from tests.receivers import Receiver, in_turn, reset
from tests.sdk.relay import failing, losing, passing, silent

pytestmark = pytest.mark.process


def relayed(relay, key, **options):
    return ImageKit(private_key=key, base_url=relay.url, **options)


def test_every_operation_answers_with_its_documented_status(client, job_worker):
    files, folders = client.files.with_raw_response, client.folders.with_raw_response
    made = files.upload(file=b"one", file_name="a.txt", folder="/x", use_unique_file_name=False)
    assert made.status_code == 200
    assert made.headers["x-ik-requestId"]
    file_id = made.parse().file_id
    again = client.files.upload(file=b"two", file_name="a.txt", folder="/x", use_unique_file_name=False)
    seen = {
        "list": client.assets.with_raw_response.list(),
        "get": files.get(file_id),
        "update": files.update(file_id, tags=["a"]),
        "add_tags": files.bulk.add_tags(file_ids=[file_id], tags=["b"]),
        "remove_tags": files.bulk.remove_tags(file_ids=[file_id], tags=["b"]),
        "remove_ai_tags": files.bulk.remove_ai_tags(file_ids=[file_id], ai_tags=["c"]),
        "copy": files.copy(source_file_path="/x/a.txt", destination_path="/y"),
        "rename": files.rename(file_path="/x/a.txt", new_file_name="b.txt"),
        "move": files.move(source_file_path="/x/b.txt", destination_path="/z"),
        "versions": files.versions.list(file_id),
        "version": files.versions.get(file_id, file_id=file_id),
        "restore": files.versions.restore(file_id, file_id=file_id),
        "delete version": files.versions.delete(again.version_info.id, file_id=file_id),
        "create folder": folders.create(folder_name="new", parent_folder_path="/"),
        "rename folder": folders.rename(folder_path="/new", new_folder_name="newer"),
        "copy folder": folders.copy(source_folder_path="/z", destination_path="/copies"),
        "move folder": folders.move(source_folder_path="/y", destination_path="/moved"),
        "purge": client.cache.invalidation.with_raw_response.create(url=client.files.get(file_id).url),
    }
    seen["job"] = folders.job.get(seen["copy folder"].parse().job_id)
    seen["purge status"] = client.cache.invalidation.with_raw_response.get(seen["purge"].parse().request_id)
    seen["delete"] = files.delete(file_id)
    seen["delete folder"] = folders.delete(folder_path="/x")
    other = {"copy": 204, "move": 204, "delete": 204, "delete version": 204, "delete folder": 204}
    other |= {"create folder": 201, "purge": 201, "rename folder": 202}
    assert {name: answer.status_code for name, answer in seen.items()} == dict.fromkeys(seen, 200) | other
    bodiless = [name for name, answer in seen.items() if answer.status_code == 204]
    assert [seen[name].text() for name in bodiless] == [""] * 5


def test_a_wrong_parameter_is_a_bad_request(client):
    with pytest.raises(BadRequestError, match="limit") as refused:
        client.assets.list(limit=0)
    assert refused.value.body["help"]


def test_an_id_is_taken_as_one_path_segment(client):
    made = client.files.upload(file=b"one", file_name="a.txt", use_unique_file_name=False)
    client.files.upload(file=b"two", file_name="a.txt", use_unique_file_name=False)
    for strange in ("x y/z", "a%2Fb", "é", "..%2f", "no id", f"{made.file_id}/versions/{made.file_id}"):
        with pytest.raises(NotFoundError):
            client.files.delete(strange)
    assert len(client.files.versions.list(made.file_id)) == 2


def test_no_key_is_an_authentication_error(server):
    with ImageKit(private_key="", base_url=server, max_retries=0) as client, pytest.raises(AuthenticationError) as no:
        client.assets.list()
    assert no.value.body["message"] == "Your request does not contain private API key."


def test_a_key_that_may_not_is_a_permission_error(server, account):
    ApiKey.objects.update(is_restricted=True, rights={"media": "read"})
    with ImageKit(private_key=account.private_key, base_url=server, max_retries=0) as client:
        assert client.assets.list() == []
        with pytest.raises(PermissionDeniedError):
            client.files.upload(file=b"one", file_name="a.txt")


def test_a_conflict_is_reported_without_repeats(server, key):
    with Receiver(passing(server), path="") as relay, relayed(relay, key) as client:
        for name in ("a.txt", "b.txt"):
            client.files.upload(file=name.encode(), file_name=name, use_unique_file_name=False)
        relay.requests.clear()
        with pytest.raises(ConflictError) as refused:
            client.files.rename(file_path="/a.txt", new_file_name="b.txt")
    assert refused.value.body["reason"] == "FILE_ALREADY_EXISTS"
    assert len(relay.requests) == 1


@pytest.mark.rel("U15")
@pytest.mark.parametrize("fault", ["reset", "gateway", "time-out"])
def test_an_upload_whose_answer_was_lost_is_repeated_and_gets_the_same_file(server, key, fault):
    lost = {"reset": losing(server), "gateway": failing(server, 502), "time-out": silent(server)}[fault]
    with (
        Receiver(in_turn(lost, passing(server)), path="") as relay,
        relayed(relay, key, max_retries=2, timeout=5 if fault == "time-out" else 60) as client,
    ):
        made = client.files.upload(file=b"once", file_name="a.txt")
    assert [request.headers["x-stainless-retry-count"] for request in relay.requests] == ["0", "1"]
    [version] = AssetVersion.objects.select_related("asset")
    assert (made.file_id, made.name) == (version.asset.file_id, version.asset.name)


def test_a_request_that_never_arrived_is_repeated(server, key):
    with Receiver(in_turn(reset(), passing(server)), path="") as relay, relayed(relay, key) as client:
        made = client.files.upload(file=b"once", file_name="a.txt")
        assert [item.file_id for item in client.assets.list()] == [made.file_id]


def test_repeats_end(server, key):
    with Receiver(losing(server), path="") as relay, relayed(relay, key, max_retries=1) as client:
        with pytest.raises(APIConnectionError):
            client.files.upload(file=b"once", file_name="a.txt")
        assert len(relay.requests) == 2
    assert AssetVersion.objects.count() == 1


def test_the_asynchronous_client_works_too(server, key, tmp_path):
    path = tmp_path / "from disk.txt"
    path.write_bytes(b"on disk")

    async def journey():
        async with AsyncImageKit(
            private_key=key, base_url=server, max_retries=0, _strict_response_validation=True
        ) as client:
            made = await asyncio.gather(
                *(client.files.upload(file=bytes([65 + n]), file_name=f"{n}.txt", tags=["many"]) for n in range(5)),
                client.files.upload(file=path, file_name="disk.txt"),
            )
            await client.files.update(made[0].file_id, description="First")
            assert (await client.files.get(made[0].file_id)).description == "First"
            await client.files.delete(made[1].file_id)
            with pytest.raises(NotFoundError):
                await client.files.get(made[1].file_id)
            assert urlsplit(made[0].url).path.endswith(made[0].file_path)
            return [item.name for item in await client.assets.list()]

    assert len(asyncio.run(journey())) == 5
