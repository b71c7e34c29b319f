"""Names to addresses, with an end: the system's resolver can hang for minutes and cannot be interrupted.

Called by the outbound door only. Tests replace `resolve` here to play a resolver that hangs, lies or changes.
"""

import queue
import socket
import threading

from mediahub.lib.http.errors import OutboundError

MAX_HANGING = 200
_hanging = threading.BoundedSemaphore(MAX_HANGING)


def resolve(host: str, port: int) -> list[str]:
    """Ask the system's resolver for every address of a name, in its order of preference. Raises OSError."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


def look_up(host: str, port: int, *, timeout_s: float) -> list[str]:
    """Resolve a name in a thread of its own and wait for it at most so long.

    Raises OutboundError `dns` when the name does not exist, the resolver hangs, or too many look-ups hang already.
    """
    if not _hanging.acquire(blocking=False):
        raise OutboundError("dns", f"{MAX_HANGING} look-ups are hanging")
    answers: queue.SimpleQueue[list[str] | Exception] = queue.SimpleQueue()
    threading.Thread(target=_ask, args=(host, port, answers), name="look-up", daemon=True).start()
    try:
        answer = answers.get(timeout=timeout_s)
    except queue.Empty as error:
        raise OutboundError("dns", f"looking up {host} took longer than {timeout_s:.1f} s") from error
    if isinstance(answer, Exception):
        raise OutboundError("dns", f"{host}: {answer}") from answer
    if not answer:
        raise OutboundError("dns", f"{host} has no address")
    return answer


def _ask(host: str, port: int, answers: "queue.SimpleQueue[list[str] | Exception]") -> None:
    try:
        answers.put(resolve(host, port))
    except (OSError, ValueError) as error:  # ValueError: a name the resolver cannot even encode
        answers.put(error)
    finally:
        _hanging.release()
