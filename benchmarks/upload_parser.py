"""How fast and how lean is the upload parser beside Django's own? Prints ratios measured side by side in one run.

    python benchmarks/upload_parser.py

Both read the same body of 50 MiB, five times each, taking turns; the best time counts. Memory is what a separate
process adds at its peak.
"""

import base64
import io
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "mediahub.settings")
os.environ.setdefault("MEDIAHUB_DATA_DIR", tempfile.mkdtemp(prefix="mediahub-benchmark-"))

SIZE = 50 << 20
HEAD = b'--B\r\nContent-Disposition: form-data; name="file"%s\r\n\r\n'
TAIL = b"\r\n--B--\r\n"
TYPE = "multipart/form-data; boundary=B"


def body(kind: str) -> bytes:
    """A form with one file: as bytes, or as base64 text with line breaks."""
    data = os.urandom(1 << 20) * (SIZE >> 20)
    if kind == "bytes":
        return HEAD % b'; filename="a.bin"' + data + TAIL
    return HEAD % b"" + base64.encodebytes(data) + TAIL


def ours(content: bytes) -> None:
    from django.test import RequestFactory

    from library.api.multipart import SpoolingMultiPartParser

    request = RequestFactory().post("/")
    request.META["CONTENT_LENGTH"] = str(len(content))
    SpoolingMultiPartParser().parse(io.BytesIO(content), TYPE, {"request": request}).files["file"].close()


def djangos(content: bytes) -> None:
    from django.core.files.uploadhandler import TemporaryFileUploadHandler
    from django.http.multipartparser import MultiPartParser

    meta = {"CONTENT_TYPE": TYPE, "CONTENT_LENGTH": str(len(content))}
    _, files = MultiPartParser(meta, io.BytesIO(content), [TemporaryFileUploadHandler()]).parse()
    files["file"].close()


def best(parse: Callable[[bytes], None], content: bytes) -> float:
    started = time.perf_counter()
    parse(content)
    return time.perf_counter() - started


def peak_mib(parser: str, kind: str) -> float:
    """What the process adds at its peak, beyond the body that it holds for the measurement."""
    command = [sys.executable, __file__, parser, kind]
    return float(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def measure(parser: str, kind: str) -> None:
    import django

    django.setup()
    content = body(kind)
    parse = {"ours": ours, "django": djangos}[parser]
    parse(HEAD % b'; filename="a"' + b"x" + TAIL)
    # Making the body cost more than parsing it, so the kernel's record of the peak starts anew here (Linux only).
    Path("/proc/self/clear_refs").write_text("5")
    before = _peak_kib()
    parse(content)
    print((_peak_kib() - before) / 1024)


def _peak_kib() -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:"))


def main() -> None:
    import django

    django.setup()
    content, text = body("bytes"), body("base64")
    times = [(best(ours, content), best(djangos, content), best(ours, text)) for _ in range(5)]
    own, other, decoding = (min(column) for column in zip(*times, strict=True))
    mib = SIZE / (1 << 20)
    print(f"bytes:  ours {mib / own:.0f} MiB/s with SHA-256, Django {mib / other:.0f} without; ratio {other / own:.2f}")
    print(f"base64: ours {mib / decoding:.0f} MiB/s of decoded bytes; Django refuses text parts of this size")
    print(f"memory: ours +{peak_mib('ours', 'bytes'):.1f} MiB, Django +{peak_mib('django', 'bytes'):.1f} MiB")
    print(f"        ours with base64 +{peak_mib('ours', 'base64'):.1f} MiB")


if __name__ == "__main__":
    measure(*sys.argv[1:]) if len(sys.argv) > 1 else main()
