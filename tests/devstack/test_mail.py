"""The mail catcher: mails in by SMTP, out as Mailpit's JSON and as a page."""

import os
import signal
import smtplib
import subprocess
import sys
from email.message import EmailMessage

import httpx
import pytest

from devstack.letters import KEPT, Mailbox
from devstack.mail import MailCatcher
from devstack.ports import free_ports


def mail(
    subject: str = "Todo created: Buy milk", text: str = "Buy milk\n", to: str = "Ada <ada@example.com>"
) -> EmailMessage:
    """A mail as the worker sends it."""
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "Todo <todo@localhost>", to, subject
    message["Message-ID"] = "<1@todo.example>"
    message.set_content(text)
    return message


def send(catcher: MailCatcher, *messages: EmailMessage) -> None:
    """Send mails by SMTP."""
    with smtplib.SMTP("127.0.0.1", int(catcher.smtp_url.rpartition(":")[2])) as client:
        for message in messages:
            client.send_message(message)


@pytest.fixture
def api(mail_catcher: MailCatcher, mailbox: Mailbox):
    """A client of the catcher's HTTP side; the mailbox is empty."""
    with httpx.Client(base_url=mail_catcher.url) as client:
        yield client


class TestListing:
    def test_has_mailpits_shape(self, api, mail_catcher):
        """A mail is listed with its fields, under the names that Mailpit uses."""
        send(mail_catcher, mail())

        listing = api.get("/api/v1/messages").json()

        assert {name: listing[name] for name in ("total", "count", "messages_count", "start")} == {
            "total": 1,
            "count": 1,
            "messages_count": 1,
            "start": 0,
        }
        (entry,) = listing["messages"]
        assert entry["From"] == {"Name": "Todo", "Address": "todo@localhost"}
        assert entry["To"] == [{"Name": "Ada", "Address": "ada@example.com"}]
        assert entry["MessageID"] == "1@todo.example"
        assert (entry["Subject"], entry["Snippet"]) == ("Todo created: Buy milk", "Buy milk")

    def test_is_newest_first_and_pages(self, api, mail_catcher):
        """`start` and `limit` choose a part."""
        send(mail_catcher, *(mail(subject=str(number)) for number in range(3)))

        listing = api.get("/api/v1/messages", params={"start": 1, "limit": 1}).json()

        assert [entry["Subject"] for entry in listing["messages"]] == ["1"]
        assert (listing["total"], listing["count"]) == (3, 1)

    def test_reads_what_is_not_ascii(self, api, mail_catcher):
        """Subjects and names come decoded."""
        send(mail_catcher, mail(subject="Todo created: Käse 🧀", to="Zoë <zoe@example.com>"))

        (entry,) = api.get("/api/v1/messages").json()["messages"]

        assert (entry["Subject"], entry["To"][0]["Name"]) == ("Todo created: Käse 🧀", "Zoë")

    def test_names_hidden_recipients(self, api, mail_catcher):
        """Whom only the envelope names is shown as Bcc."""
        with smtplib.SMTP("127.0.0.1", int(mail_catcher.smtp_url.rpartition(":")[2])) as client:
            client.send_message(mail(), to_addrs=["ada@example.com", "hidden@example.com"])

        (entry,) = api.get("/api/v1/messages").json()["messages"]

        assert [address["Address"] for address in entry["Bcc"]] == ["hidden@example.com"]

    @pytest.mark.parametrize(
        "raw",
        [
            b"",
            b"no header at all",
            b"Subject: =?broken?=\r\n\r\nx",
            b"Content-Type: text/plain; charset=none\r\n\r\n\xff",
        ],
    )
    def test_keeps_what_is_broken(self, api, mail_catcher, raw: bytes):
        """A mail that is wrong is caught as well: it is the one that somebody wants to look at."""
        with smtplib.SMTP("127.0.0.1", int(mail_catcher.smtp_url.rpartition(":")[2])) as client:
            client.sendmail("todo@localhost", ["ada@example.com"], raw)

        (entry,) = api.get("/api/v1/messages").json()["messages"]
        assert api.get(f"/api/v1/message/{entry['ID']}").status_code == 200
        assert api.get("/").status_code == 200

    def test_is_bounded(self, mailbox, mail_catcher):
        """The last 500 are kept."""
        send(mail_catcher, *(mail(subject=str(number)) for number in range(KEPT + 1)))

        subjects = [letter.subject for letter in mailbox.all()]

        assert (len(subjects), subjects[0], subjects[-1]) == (KEPT, str(KEPT), "1")


class TestOneMail:
    def test_has_its_text(self, api, mail_catcher):
        """By its id, or as the latest."""
        send(mail_catcher, mail(text="Line one\nLine two\n"))
        (entry,) = api.get("/api/v1/messages").json()["messages"]

        by_id, latest = (api.get(f"/api/v1/message/{name}").json() for name in (entry["ID"], "latest"))

        assert by_id == latest
        assert by_id["Text"].splitlines() == ["Line one", "Line two"]

    def test_that_is_missing(self, api):
        """An unknown id is a 404."""
        assert api.get("/api/v1/message/none").status_code == 404


class TestDeleting:
    def test_removes_all_or_the_named_ones(self, api, mail_catcher):
        """With ids those go, without a body everything."""
        send(mail_catcher, *(mail(subject=str(number)) for number in range(3)))
        newest = api.get("/api/v1/messages").json()["messages"][0]["ID"]

        api.request("DELETE", "/api/v1/messages", json={"IDs": [newest]})
        left = api.get("/api/v1/messages").json()["total"]
        api.delete("/api/v1/messages")

        assert (left, api.get("/api/v1/messages").json()["total"]) == (2, 0)


class TestThePage:
    def test_shows_the_mails_escaped(self, api, mail_catcher):
        """A mail is shown as text, whatever is in it, and the page may run no script."""
        send(mail_catcher, mail(subject="<script>alert(1)</script>", text="<b>{0} & more</b>\n"))

        page = api.get("/")

        assert page.headers["Content-Type"] == "text/html; charset=utf-8"
        assert "default-src 'none'" in page.headers["Content-Security-Policy"]
        assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page.text
        assert "&lt;b&gt;{0} &amp; more&lt;/b&gt;" in page.text
        assert "<script" not in page.text

    @pytest.mark.parametrize("path", ["/livez", "/readyz"])
    def test_answers_checks(self, api, path: str):
        """Health checks get 200."""
        assert api.get(path).status_code == 200

    def test_unknown_paths(self, api):
        """Anything else is a 404."""
        assert api.get("/admin").status_code == 404
        assert api.delete("/admin").status_code == 404


class TestTheProcess:
    def test_runs_by_itself_and_ends_at_sigterm(self):
        """`python -m devstack.mail` serves both ports until it is asked to end."""
        smtp_port, port = free_ports(2)
        argv = [sys.executable, "-m", "devstack.mail", "--smtp-port", str(smtp_port), "--port", str(port)]
        with subprocess.Popen(argv) as process:
            with httpx.Client(transport=httpx.HTTPTransport(retries=8)) as client:
                assert client.get(f"http://127.0.0.1:{port}/readyz").status_code == 200
            os.kill(process.pid, signal.SIGTERM)
            assert process.wait(5) == 0
