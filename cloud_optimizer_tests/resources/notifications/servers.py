"""A mail server and a webhook on the loopback that keep what they get."""

import json
import socketserver
from collections.abc import Iterator
from contextlib import contextmanager
from email import message_from_bytes, policy
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any


class _Smtp(socketserver.StreamRequestHandler):
    """Enough of RFC 5321 for one client: no extensions, so no STARTTLS."""

    server: "SmtpServer"

    def handle(self) -> None:
        self._say(220, "ready")
        while line := self.rfile.readline():
            command = line.decode().strip()
            verb = command.split(" ")[0].upper()
            if verb == "RCPT" and self.server.refuses and self.server.refuses in command:
                self._say(550, "no such mailbox")
            elif verb == "RCPT":
                self.server.recipients.append(command.split(":", 1)[1].strip("<> "))
                self._say(250, "ok")
            elif verb == "DATA":
                self._say(354, "go on")
                self.server.mails.append(self._read_mail())
                self._say(250, "kept")
            elif verb == "QUIT":
                self._say(221, "bye")
                return
            else:
                self._say(250, "ok")

    def _read_mail(self) -> EmailMessage:
        lines = []
        while (line := self.rfile.readline()) != b".\r\n":
            lines.append(line.removeprefix(b".") if line.startswith(b"..") else line)
        return message_from_bytes(b"".join(lines), policy=policy.default)  # type: ignore[return-value]

    def _say(self, code: int, words: str) -> None:
        self.wfile.write(f"{code} {words}\r\n".encode())


class SmtpServer(socketserver.ThreadingTCPServer):
    """Keeps mails; `refuses` is a recipient it does not know."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Smtp)
        self.mails: list[EmailMessage] = []
        self.recipients: list[str] = []
        self.refuses = ""

    @property
    def port(self) -> int:
        return int(self.server_address[1])


class _Hook(BaseHTTPRequestHandler):
    server: "WebhookServer"

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        status = self.server.answers.pop(0) if self.server.answers else 200
        self.server.requests += 1
        if status == 200:
            self.server.payloads.append(json.loads(body))
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *args: object) -> None:
        """Say nothing."""


class WebhookServer(ThreadingHTTPServer):
    """Keeps payloads; `answers` are the statuses of the next requests, then 200."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Hook)
        self.payloads: list[dict[str, Any]] = []
        self.answers: list[int] = []
        self.requests = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/services/secret-token"


@contextmanager
def serving(server: socketserver.BaseServer) -> Iterator[None]:
    """Answer in a thread while the block runs."""
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
