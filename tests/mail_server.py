"""A mail server on loopback for tests: takes messages, or refuses them, as real ones do. Speaks the SMTP it needs.

`with mail_server() as server:` listens; `server.messages` is what arrived, `server.refuses` makes it refuse recipients.
"""

import contextlib
import email
import email.policy
import socketserver
import threading
from collections.abc import Iterator
from email.message import EmailMessage


class MailServer:
    """Messages in the order of their arrival, and who they were for."""

    def __init__(self) -> None:
        self.messages: list[EmailMessage] = []
        self.recipients: list[str] = []
        self.refuses: set[str] = set()
        self.port = 0


@contextlib.contextmanager
def mail_server() -> Iterator[MailServer]:
    """A running server; it ends with the block."""
    state = MailServer()

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            self._say("220 test")
            while line := self.rfile.readline().decode().strip():
                if not self._answer(line.upper(), line):
                    return

        def _answer(self, verb: str, line: str) -> bool:
            if verb.startswith("RCPT"):
                address = line.partition("<")[2].partition(">")[0]
                if address in state.refuses:
                    self._say("550 no such mailbox")
                else:
                    state.recipients.append(address)
                    self._say("250 ok")
            elif verb == "DATA":
                self._say("354 go on")
                lines = list(iter(self.rfile.readline, b".\r\n"))
                state.messages.append(email.message_from_bytes(b"".join(lines), policy=email.policy.default))
                self._say("250 taken")
            else:
                self._say("221 bye" if verb == "QUIT" else "250 ok")
            return verb != "QUIT"

        def _say(self, text: str) -> None:
            self.wfile.write(text.encode() + b"\r\n")

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        state.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield state
        finally:
            server.shutdown()
            thread.join()
