"""The mail catcher's HTTP side: the part of Mailpit's API that a test or a tour needs, and a page for people."""

import json
from collections.abc import Mapping
from html import escape
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

from devstack.letters import Letter, Mailbox

_PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta http-equiv="refresh" content="5">
<title>{count} caught mails</title>
<style>
  body {{ font: 1rem/1.5 system-ui, sans-serif; max-width: 50rem; margin: 2rem auto; padding: 0 1rem }}
  article {{ border-top: 1px solid #8888; padding: .5rem 0 }}
  h2 {{ font-size: 1.1rem; margin: 0 }}
  p {{ margin: 0; opacity: .7 }}
  pre {{ white-space: pre-wrap; overflow-wrap: anywhere; margin: .5rem 0 0 }}
</style>
<h1>Caught mails</h1>
<p>None of these was delivered. New ones appear by themselves; JSON: <a href="/api/v1/messages">/api/v1/messages</a></p>
{letters}
"""
_LETTER = """<article>
<h2>{subject}</h2>
<p>to {to}, from {sender}, {created:%Y-%m-%d %H:%M:%S} UTC</p>
<pre>{text}</pre>
</article>
"""


class MailApi(ThreadingHTTPServer):
    """Answers from one mailbox."""

    def __init__(self, address: tuple[str, int], mailbox: Mailbox) -> None:
        super().__init__(address, _Handler)
        self.mailbox = mailbox


class _Handler(BaseHTTPRequestHandler):
    server: MailApi
    protocol_version = "HTTP/1.1"
    timeout = 30
    # An answer leaves whole: the second of two small packets would wait 40 ms for the other side to confirm the first.
    wbufsize = -1

    def do_GET(self) -> None:
        address = urlsplit(self.path)
        match address.path.strip("/").split("/"):
            case [""]:
                self._answer(_page(self.server.mailbox.all()), "text/html")
            case ["livez" | "readyz"]:
                self._answer("ok", "text/plain")
            case ["api", "v1", "messages"]:
                self._answer_json(_listing(self.server.mailbox.all(), parse_qs(address.query)))
            case ["api", "v1", "message", wanted]:
                self._answer_letter(wanted)
            case _:
                self._answer("not found", "text/plain", HTTPStatus.NOT_FOUND)

    def do_DELETE(self) -> None:
        """Throw away the letters that the body names as `{"IDs": […]}`, without a body all of them."""
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if urlsplit(self.path).path != "/api/v1/messages":
            self._answer("not found", "text/plain", HTTPStatus.NOT_FOUND)
            return
        self.server.mailbox.remove(json.loads(body).get("IDs", ()) if body else ())
        self._answer("ok", "text/plain")

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Say nothing: whoever polls for a mail would fill the log."""

    def _answer_letter(self, wanted: str) -> None:
        letters = self.server.mailbox.all()
        found = letters[:1] if wanted == "latest" else [letter for letter in letters if letter.id == wanted]
        if not found:
            self._answer("message not found", "text/plain", HTTPStatus.NOT_FOUND)
            return
        self._answer_json(found[0].detail())

    def _answer_json(self, content: Mapping[str, object]) -> None:
        self._answer(json.dumps(content), "application/json")

    def _answer(self, text: str, kind: str, status: HTTPStatus = HTTPStatus.OK) -> None:
        content = text.encode(errors="replace")
        self.send_response(status)
        self.send_header("Content-Type", f"{kind}; charset=utf-8")
        self.send_header("Content-Length", str(len(content)))
        self.send_header("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'")
        self.end_headers()
        self.wfile.write(content)


def _listing(letters: list[Letter], query: Mapping[str, list[str]]) -> dict[str, object]:
    start, limit = (int(query.get(name, [usual])[0]) for name, usual in (("start", "0"), ("limit", "50")))
    shown = [letter.summary() for letter in letters[start : start + limit]]
    return {
        "total": len(letters),
        "unread": len(letters),
        "count": len(shown),
        "messages_count": len(letters),
        "messages_unread": len(letters),
        "start": start,
        "tags": [],
        "messages": shown,
    }


def _page(letters: list[Letter]) -> str:
    parts = (
        _LETTER.format(
            subject=escape(letter.subject or "(no subject)"),
            to=escape(", ".join(address["Address"] for address in letter.addressees["To"]) or "nobody"),
            sender=escape(letter.sender["Address"]),
            created=letter.created,
            text=escape(letter.text or letter.html),
        )
        for letter in letters
    )
    return _PAGE.format(count=len(letters), letters="".join(parts) or "<p>No mail yet.</p>")
