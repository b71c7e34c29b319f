"""Spool files: counted, hashed, and gone when they should be."""

import hashlib
import os
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from mediahub.lib.diskspace import StorageFull, require_free_space
from mediahub.lib.spool import FileTooLarge, Spool, sweep_spool


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "incoming"
    path.mkdir()
    return path


@pytest.mark.rel("U1")
def test_a_spooled_file_knows_its_size_hash_and_head(folder):
    spool = Spool(filename="a.bin", max_bytes=10_000, directory=folder)
    for piece in (b"a" * 3000, memoryview(b"b" * 3000)):
        spool.write(piece)

    with spool.finish() as file:
        content = b"a" * 3000 + b"b" * 3000
        assert (file.size, file.sha256) == (6000, hashlib.sha256(content).hexdigest())
        assert (file.head, file.filename) == (content[:4096], "a.bin")
        with file.open() as opened:
            assert opened.read() == content
    assert not list(folder.iterdir())


@pytest.mark.rel("B19")
def test_a_file_of_exactly_the_limit_is_taken_and_one_byte_more_is_not(folder):
    spool = Spool(max_bytes=10, directory=folder)
    spool.write(b"x" * 10)

    with pytest.raises(FileTooLarge) as refused:
        spool.write(b"x")

    assert refused.value.status == 400
    assert not list(folder.iterdir())


@pytest.mark.rel("U13")
def test_a_full_disk_is_507_and_leaves_no_spool_file(folder):
    script = f"""
        import resource
        from pathlib import Path
        from mediahub.lib.diskspace import StorageFull
        from mediahub.lib.spool import Spool
        resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, 1 << 20))
        spool = Spool(max_bytes=1 << 30, directory=Path({str(folder)!r}))
        try:
            for _ in range(3):
                spool.write(b"x" * 700_000)
        except StorageFull as error:
            print(error.status, len(list(Path({str(folder)!r}).iterdir())))
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(script)], capture_output=True, text=True, check=True)

    assert done.stdout.split() == ["507", "0"]


def test_forgotten_spool_files_are_swept_and_young_or_foreign_ones_stay(folder):
    old, young, foreign = folder / "spool-old", folder / "spool-young", folder / "other"
    for path in (old, young, foreign):
        path.touch()
    for path in (old, foreign):
        os.utime(path, (time.time() - 7200,) * 2)

    assert sweep_spool(older_than_s=3600, directory=folder) == 1
    assert sorted(folder.iterdir()) == [foreign, young]


@pytest.mark.rel("U14")
def test_a_nearly_full_disk_is_refused(folder: Path):
    require_free_space(folder, min_free_bytes=1, min_free_percent=0)
    with pytest.raises(StorageFull):
        require_free_space(folder / "not" / "there", min_free_bytes=1 << 62)
