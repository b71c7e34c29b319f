"""Notices by e-mail, sent to a real SMTP server on loopback."""

import socket
import threading

import pytest
from django.db import transaction

from mediahub.lib.mail import send_notice

pytestmark = pytest.mark.django_db


class MailServer:
    """A server that takes mail and remembers it, or says nothing, or refuses recipients."""

    def __init__(self, refuses=False, silent=False):
        self.refuses, self.silent, self.mails = refuses, silent, []
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        while True:
            try:
                line, _ = self.socket.accept()
            except OSError:
                return
            threading.Thread(target=self._talk, args=(line,), daemon=True).start()

    def _talk(self, line):
        with line, line.makefile("rwb") as file:
            if self.silent:
                line.recv(1)
                return
            say = lambda text: (file.write(text.encode() + b"\r\n"), file.flush())  # noqa: E731
            say("220 ready")
            mail = {}
            for raw in file:
                word = raw.decode().strip().upper()
                if word == "DATA":
                    say("354 go on")
                    mail["body"] = b"".join(iter(file.readline, b".\r\n")).decode()
                    self.mails.append(dict(mail))
                    say("250 taken")
                elif word == "QUIT":
                    say("221 bye")
                    return
                elif word.startswith("RCPT"):
                    mail["to"] = word
                    say("550 nobody of that name" if self.refuses else "250 ok")
                else:
                    say("250 ok")

    def close(self):
        self.socket.close()


@pytest.fixture
def server_of(settings):
    servers = []

    def start(**manner):
        server = MailServer(**manner)
        servers.append(server)
        settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
        settings.EMAIL_HOST, settings.EMAIL_PORT, settings.EMAIL_USE_TLS = "127.0.0.1", server.port, False
        settings.EMAIL_TIMEOUT = 0.5
        return server

    yield start
    for server in servers:
        server.close()


def send(callbacks, *recipients, subject="Attention"):
    with callbacks(execute=True):
        send_notice(subject, "Something happened.", recipients)


def test_each_recipient_gets_a_mail_of_its_own(server_of, django_capture_on_commit_callbacks):
    server = server_of()
    send(django_capture_on_commit_callbacks, "a@example.com", "b@example.com")
    assert [mail["to"] for mail in server.mails] == ["RCPT TO:<A@EXAMPLE.COM>", "RCPT TO:<B@EXAMPLE.COM>"]
    assert "b@example.com" not in server.mails[0]["body"]


def test_a_subject_cannot_smuggle_a_header(server_of, django_capture_on_commit_callbacks):
    server = server_of()
    send(django_capture_on_commit_callbacks, "a@example.com", subject="One\r\nBcc: x@example.com")
    assert "Subject: One Bcc: x@example.com" in server.mails[0]["body"]


@pytest.mark.parametrize("manner", [{"refuses": True}, {"silent": True}])
def test_a_server_that_does_not_take_it_raises_nothing(server_of, django_capture_on_commit_callbacks, manner, caplog):
    server = server_of(**manner)
    send(django_capture_on_commit_callbacks, "a@example.com")
    assert server.mails == []
    assert "notice_not_mailed" in caplog.text


def test_nothing_is_sent_for_what_was_rolled_back(server_of, django_capture_on_commit_callbacks):
    server = server_of()
    with django_capture_on_commit_callbacks(execute=True), pytest.raises(ZeroDivisionError), transaction.atomic():
        send_notice("Attention", "Never happened.", ["a@example.com"])
        raise ZeroDivisionError
    assert server.mails == []


def test_without_a_server_nothing_is_tried(settings, django_capture_on_commit_callbacks):
    settings.EMAIL_HOST = ""
    settings.EMAIL_BACKEND = "nowhere.Backend"
    send(django_capture_on_commit_callbacks, "a@example.com")
