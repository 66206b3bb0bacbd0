"""A small mail server (SMTP over a real socket) that keeps what it is sent, or refuses it."""

import socketserver
import threading
from collections.abc import Callable
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any, Self


class MailServer:
    """Listens on loopback while entered; `answer` may refuse an address with another reply."""

    def __init__(self, answer: Callable[[str], str] = lambda address: "250 OK") -> None:
        self.answer = answer
        self.mails: list[tuple[str, EmailMessage]] = []
        self.connections = 0
        self._server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self.port: int = self._server.server_address[1]

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    @property
    def recipients(self) -> list[str]:
        return [address for address, _ in self.mails]

    @property
    def mailers(self) -> dict[str, Any]:
        """The setting MAILERS that sends here."""
        backend = "django.core.mail.backends.smtp.EmailBackend"
        options = {"host": "127.0.0.1", "port": self.port, "timeout": 5}
        return {"default": {"BACKEND": backend, "OPTIONS": options}}

    def _handler(self) -> type[socketserver.StreamRequestHandler]:
        server = self

        class Conversation(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                server.connections += 1
                self._say("220 ready")
                recipient = ""
                while line := self.rfile.readline().decode().strip():
                    word = line.upper()
                    if word.startswith("RCPT"):
                        recipient = line.partition("<")[2].partition(">")[0]
                        self._say(server.answer(recipient))
                    elif word.startswith("DATA"):
                        self._say("354 go on")
                        server.mails.append((recipient, self._read()))
                        self._say("250 kept")
                    elif word.startswith("QUIT"):
                        self._say("221 bye")
                        return
                    else:
                        self._say("250 OK")

            def _say(self, text: str) -> None:
                self.wfile.write(f"{text}\r\n".encode())

            def _read(self) -> EmailMessage:
                lines = []
                while (line := self.rfile.readline()) not in (b".\r\n", b""):
                    lines.append(line[1:] if line.startswith(b".") else line)
                parsed = message_from_bytes(b"".join(lines), policy=policy.default)
                assert isinstance(parsed, EmailMessage)
                return parsed

        return Conversation
