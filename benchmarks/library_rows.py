"""A generated library of any size, written past the services in bulk: the rows that they would have written.

`benchmarks.search` and the tests of query plans use it. Triggers and foreign keys rest meanwhile; what triggers would
derive is written with the rows. `grow` may be called again with a larger number.
"""

import contextlib
import json
import random
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import connection, transaction

from library.models import Account, Folder
from library.words import spaced, words_of

BIG_FOLDER = "/big"
SMALL_FOLDER = "/small"
FIRST_DAY = datetime(2023, 1, 1, tzinfo=UTC)
DAYS = 1000
_COLOURS = """
    amber beige black blue brown green grey ivory olive orange pink purple red silver teal violet white yellow
"""
_THINGS = """
    apron armchair basket bench bicycle blanket boat bookcase bottle bowl bracelet bridge brush bucket cabin cabinet
    camera candle carpet chair chest clock coat couch cup curtain desk door drawer dress fence fork glove guitar
    hammer hat helmet jacket jug kettle kitchen knife ladder lamp lantern mirror mug necklace oven pan pencil piano
    pillow plate pot ring rope saddle scarf shelf shirt shoe sink sofa spoon stool stove suitcase table tent tie
    towel tray trunk umbrella vase violin wagon wallet wardrobe watch wheel window
"""
COLOURS = _COLOURS.split()
THINGS = _THINGS.split()
KINDS = (("jpg", "image/jpeg"), ("png", "image/png"), ("webp", "image/webp"), ("pdf", "application/pdf"))
BATCH = 20_000

Rows = list[tuple[Any, ...]]


def grow(account: Account, size: int) -> None:
    """Bring the account's library to so many assets. Rare things stay as rare as they are, common ones grow with it."""
    folders = _folders(account)
    first = account.assets.count()
    top = _top_of("library_asset")
    with transaction.atomic(), _bulk_mode():
        for start in range(first, size, BATCH):
            _write_batch(account, folders, range(start, min(start + BATCH, size)), top - first + 1)
    _vocabulary()
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            for table in ("asset", "assetversion", "tag", "aitag", "nameword", "folder", "tagword"):
                sequence = f"pg_get_serial_sequence('library_{table}', 'id')"
                cursor.execute(f"SELECT setval({sequence}, (SELECT max(id) FROM library_{table}))")


def name_of(number: int) -> str:
    """The name of the number-th asset that was made; about 1 500 pairs of colour and thing, each with numbers."""
    kind = KINDS[_kind_of(number)][0]
    return f"{COLOURS[number % len(COLOURS)]}-{THINGS[number // 7 % len(THINGS)]}_{number}.{kind}"


def tags_of(number: int) -> list[str]:
    """Human tags: `common` on four of five assets, `tenth`, `hundredth`, and `rare` on twenty in all."""
    tags = ["common"] if number % 5 else []
    tags += ["tenth"] if number % 10 == 3 else []
    tags += ["hundredth"] if number % 100 in (3, 57) and number % 3 else []
    tags += ["rare"] if number < 10_000 and number % 500 == 7 else []
    return [*tags, f"set {number % 400}"]


def ai_tags_of(number: int) -> list[tuple[str, str]]:
    """Machine tags with their states."""
    thing = THINGS[number // 7 % len(THINGS)].title()
    return [(thing, "suggested"), (f"Room {number % 60}", "accepted" if number % 4 else "rejected")]


def _kind_of(number: int) -> int:
    return 3 if number % 50 == 11 else number % 3


def _folders(account: Account) -> list[int]:
    """Keys of a thousand folders three deep, and of the small and the big one at the end."""
    paths = [SMALL_FOLDER, BIG_FOLDER]
    for depth in (1, 2, 3):
        paths += [
            "/" + "/".join(f"{'csd'[at]}{n}" for at, n in enumerate(f"{number:0{depth}}"))
            for number in range(10**depth)
        ]
    known = {"/": _folder(account, "/", None)}
    known |= {folder.path: folder for folder in Folder.objects.of_account(account)}
    for depth in (1, 2, 3):
        missing = [path for path in paths if path.count("/") == depth and path not in known]
        made = Folder.objects.bulk_create(
            _folder(account, path, known[path.rpartition("/")[0] or "/"]) for path in missing
        )
        known |= {folder.path: folder for folder in made}
    deep = [known[path].pk for path in sorted(paths) if path.count("/") == 3]
    return [*deep, known[SMALL_FOLDER].pk, known[BIG_FOLDER].pk]


def _folder_of(number: int, folders: list[int]) -> int:
    """A fifth of the library is in the big folder, a hundred assets of it are in the small one."""
    if number % 5 == 0:
        return folders[-1]
    return folders[-2] if number < 10_000 and number % 100 == 9 else folders[number % (len(folders) - 2)]


def _folder(account: Account, path: str, parent: Folder | None) -> Folder:
    if parent is None:
        return Folder.objects.get_or_create(
            account=account, path="/", defaults={"depth": 0, "created_at": FIRST_DAY, "updated_at": FIRST_DAY}
        )[0]
    return Folder(
        account=account,
        path=path,
        name=path.rpartition("/")[2],
        depth=path.count("/"),
        parent=parent,
        created_at=FIRST_DAY,
        updated_at=FIRST_DAY,
    )


def _write_batch(account: Account, folders: list[int], numbers: range, shift: int) -> None:
    draw = random.Random(numbers.start)
    assets: Rows = []
    versions: Rows = []
    words: Rows = []
    tags: Rows = []
    ai_tags: Rows = []
    for number in numbers:
        key, name = number + shift, name_of(number)
        created = FIRST_DAY + timedelta(seconds=draw.randrange(DAYS * 86_400), milliseconds=number % 1000)
        updated = created + timedelta(seconds=draw.randrange(86_400))
        folder = _folder_of(number, folders)
        file_id, mime = f"{key:024x}", KINDS[_kind_of(number)][1]
        sides = (None, None) if mime == "application/pdf" else (draw.randrange(100, 6000), draw.randrange(100, 4000))
        size, alpha = draw.randrange(1_000, 20_000_000), mime == "image/png" and number % 2 == 0
        facts = (mime, size, *sides, alpha, True, created)
        metadata = json.dumps({"brand": f"Brand {number % 50}", "price": number % 1000} if number % 20 == 0 else {})
        assets.append(
            (
                key,
                file_id,
                account.pk,
                folder,
                name,
                key,
                False,
                "",
                metadata,
                "",
                created,
                updated,
                spaced(name),
                *facts,
            )
        )
        versions.append(
            (
                key,
                file_id,
                key,
                1,
                f"00/{file_id}",
                f"{key:064x}",
                size,
                mime,
                *sides,
                None,
                alpha,
                False,
                "",
                "upload",
                None,
                True,
                created,
            )
        )
        words += [(account.pk, key, word) for word in set(words_of(name))]
        tags += [(key, tag) for tag in tags_of(number)]
        ai_tags += [
            (key, tag, "87.36", "local-auto-tagging", "local-tagger", "", None, state, created)
            for tag, state in ai_tags_of(number)
        ]
    _insert(
        "library_asset",
        "id file_id account_id folder_id name current_version_id is_private custom_coordinates custom_metadata"
        " description created_at updated_at name_words mime size_bytes width height has_alpha is_published original_at",
        assets,
    )
    _insert(
        "library_assetversion",
        "id version_id asset_id number blob_key sha256 size_bytes mime width height orientation has_alpha is_animated"
        " problem origin run_id is_published created_at",
        versions,
    )
    _insert("library_nameword", "account_id asset_id word", words)
    _insert("library_tag", "asset_id name", tags)
    _insert("library_aitag", "asset_id name confidence source provider model run_id state created_at", ai_tags)


def _insert(table: str, columns: str, rows: Rows) -> None:
    names = columns.split()
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            with cursor.copy(f"COPY {table} ({', '.join(names)}) FROM STDIN") as copy:
                for row in rows:
                    copy.write_row(row)
            return
        marks = ", ".join(["%s"] * len(names))
        plain = [tuple(_for_sqlite(value) for value in row) for row in rows]
        cursor.executemany(f"INSERT INTO {table} ({', '.join(names)}) VALUES ({marks})", plain)


def _for_sqlite(value: Any) -> Any:
    return value.replace(tzinfo=None).isoformat(" ", timespec="microseconds") if isinstance(value, datetime) else value


def _vocabulary() -> None:
    """The words of every tag, as the query sets of tags write them."""
    from library.querysets import remember_words

    numbers = range(500)
    names = {tag for number in numbers for tag in tags_of(number)}
    names |= {tag for number in range(1000) for tag, _ in ai_tags_of(number)}
    remember_words(names)


def _top_of(table: str) -> int:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT COALESCE(max(id), 0) FROM {table}")
        return int(cursor.fetchone()[0])


@contextlib.contextmanager
def _bulk_mode() -> Iterator[None]:
    """No triggers and no checks of foreign keys; both are back afterwards."""
    mode: Callable[[], contextlib.AbstractContextManager[None]]
    mode = _replica_mode if connection.vendor == "postgresql" else _without_triggers
    with mode():
        yield


@contextlib.contextmanager
def _replica_mode() -> Iterator[None]:
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        yield
        cursor.execute("SET LOCAL session_replication_role = origin")


@contextlib.contextmanager
def _without_triggers() -> Iterator[None]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger' AND tbl_name LIKE 'library_%%'")
        triggers = cursor.fetchall()
        for name, _ in triggers:
            cursor.execute(f"DROP TRIGGER {name}")
        yield
        for _, sql in triggers:
            cursor.execute(sql)
