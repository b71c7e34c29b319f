"""A small library with one of everything that can be searched, and who finds what in it."""

from datetime import UTC, datetime

from library.services.embedded import record_embedded
from tests.factories import AITagFactory, AssetFactory, AssetVersionFactory, FolderFactory, TagFactory


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


NO_SIDES = {"version__width": None, "version__height": None}


def make_library(account):
    """Assets by name. Their ids are in the order of the names."""

    def make(name, path="/", created="2024-03-12T10:00:00", metadata=None, **kwargs):
        return AssetFactory(
            account=account,
            folder=FolderFactory(account=account, path=path),
            name=name,
            created_at=at(created),
            updated_at=at(created),
            custom_metadata=metadata or {},
            **kwargs,
        )

    chair = make("Arm-Chair_oak.jpg", "/catalogue/chairs", version__size_bytes=2048, version__width=1600)
    table = make(
        "table.png",
        "/catalogue",
        "2024-03-13T00:00:00",
        metadata={"brand": "Acme", "seat height": 450, "sold": True, "since": "2020-05-01"},
        version__mime="image/png",
        version__has_alpha=True,
        version__size_bytes=10 * 1024,
    )
    text = make(
        "100%_wool.txt",
        "/catalogue2",
        "2023-01-01T00:00:00",
        version__mime="text/plain",
        version__size_bytes=0,
        **NO_SIDES,
    )
    armada = make(
        "armada chair.svg",
        "/",
        "2024-03-12T23:59:59.999000",
        metadata={"brand": "acme", "seat height": 300, "sold": False, "rooms": ["hall", "bath"]},
        version__mime="image/svg+xml",
        is_private=True,
        **NO_SIDES,
    )
    elan = make(
        "Élan.webp",
        "/Catalogue",
        "2024-04-01T00:00:00",
        metadata={"street": "Große Straße 5"},
        version__mime="image/webp",
        version__width=10,
    )
    for asset, tags in {chair: ["oak", "Dining Room"], table: ["oak", "100%"], armada: ["room_2"]}.items():
        for tag in tags:
            TagFactory(asset=asset, name=tag)
    AITagFactory(asset=chair, name="Chair")
    AITagFactory(asset=chair, name="oak")
    AITagFactory(asset=text, name="Wool Carpet", state="accepted")
    AITagFactory(asset=armada, name="Ship", state="rejected")
    AssetVersionFactory(asset=elan, is_current=True, mime="image/webp", width=20, is_published=False, size_bytes=5)
    record_embedded(
        version=table.current_version,
        data={
            "DateTimeOriginal": "2019-10-16T19:01:03.000Z",
            "Keywords": ["sea", "Sand"],
            "GPSLatitude": 48.2082,
            "GPSLongitude": 16.3738,
        },
    )
    record_embedded(version=chair.current_version, data={"DateTimeOriginal": "2021-01-01", "Keywords": "sea"})
    return {"chair": chair, "table": table, "text": text, "armada": armada, "elan": elan}
