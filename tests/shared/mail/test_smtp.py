"""What a mail looks like, and what an SMTP server's answers mean."""

from datetime import UTC, datetime
from email import message_from_bytes, policy
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devstack.ports import free_ports
from shared.mail.smtp import Letter, Mailer, MailPostponed, MailRefused, Sender, SmtpServer
from tests.post_office import PostOffice
from tests.shared.mail.certificates import issue, server_context

ID = UUID("01928f3e-0000-7000-8000-000000000001")
SENDER = Sender.parse("Todo-Büro <todo@example.com>")
NOW = datetime(2026, 11, 22, 10, tzinfo=UTC)


def letter(subject="Todo created: Buy milk", to="ada@example.com", text="Hällo\n"):
    """A letter to Ada."""
    return Letter(ID, to, subject, text)


def parsed(written):
    """What a mail program makes of it."""
    return message_from_bytes(written, policy=policy.default)


class TestWriting:
    def test_the_fields(self):
        """A mail says who, to whom, when, what, that no person wrote it, and keeps its id when it is sent again."""
        mail = parsed(letter().written(SENDER, NOW))

        assert {name: str(value) for name, value in mail.items()} == {
            "To": "ada@example.com",
            "From": "Todo-Büro <todo@example.com>",
            "Subject": "Todo created: Buy milk",
            "Date": "Sun, 22 Nov 2026 10:00:00 +0000",
            "Message-ID": f"<{ID}@example.com>",
            "Auto-Submitted": "auto-generated",
            "Content-Type": 'text/plain; charset="utf-8"',
            "MIME-Version": "1.0",
            "Content-Transfer-Encoding": "base64",
        }
        assert mail.get_content() == "Hällo\n"

    @pytest.mark.parametrize("gap", ["\r\nBcc: eve@example.com\r\n\r\n", "\n", "\t \x00", "\u2028", "\x85", "  "])
    def test_no_title_adds_a_field(self, gap):
        """White space and control characters are one space: a title cannot write headers of its own."""
        mail = parsed(letter(f"Todo created: a{gap}b").written(SENDER, NOW))

        assert str(mail["Subject"]) == " ".join(f"Todo created: a{gap}b".replace("\x00", " ").split())
        assert mail["Bcc"] is None

    @given(st.text(st.characters(exclude_categories=["Cs", "Cc", "Z"]) | st.just(" "), min_size=1, max_size=200))
    def test_every_title_arrives_as_it_was(self, title):
        """Any characters survive, in lines that every server takes (RFC 5322 section 2.1.1), in ASCII."""
        title = " ".join(title.split())

        written = letter(f"Todo created: {title}").written(SENDER, NOW)

        assert parsed(written)["Subject"] == f"Todo created: {title}".strip()
        assert written.isascii()
        assert all(len(line) <= 998 for line in written.split(b"\r\n"))
        assert b"\n" not in written.replace(b"\r\n", b"")


class TestSending:
    @pytest.fixture
    def mailer(self, post_office):
        """A mailer at the post office."""
        return Mailer(SmtpServer.parse(post_office.url), SENDER)

    async def test_hands_the_letter_over(self, mailer, post_office):
        """A letter that the server took is where it belongs."""
        await mailer.send(letter())

        assert post_office.recipients == ["ada@example.com"]
        assert post_office.subjects() == ["Todo created: Buy milk"]

    async def test_a_4xx_postpones(self, mailer, post_office):
        """A server that is busy is asked again."""
        post_office.answers.append("451 later")

        with pytest.raises(MailPostponed, match="451"):
            await mailer.send(letter())

    async def test_a_5xx_refuses(self, mailer, post_office):
        """What the server will never take is not sent again; its words, which may hold the address, are not kept."""
        post_office.answers.append("554 no mail for ada@example.com")

        with pytest.raises(MailRefused, match=r"^SMTPDataError 554$"):
            await mailer.send(letter())

    async def test_no_server_postpones(self):
        """Nobody there: later."""
        mailer = Mailer(SmtpServer.parse(f"smtp://127.0.0.1:{free_ports(1)[0]}"), SENDER)

        with pytest.raises(MailPostponed):
            await mailer.send(letter())

    async def test_an_address_outside_ascii(self):
        """It is sent as it is to a server that takes it, and refused at one that does not."""
        with PostOffice(*free_ports(1)) as modern, PostOffice(*free_ports(1), enable_SMTPUTF8=False) as old:
            await Mailer(SmtpServer.parse(modern.url), SENDER).send(letter(to="ädä@example.com"))
            with pytest.raises(MailRefused):
                await Mailer(SmtpServer.parse(old.url), SENDER).send(letter(to="ädä@example.com"))

        assert modern.recipients == ["ädä@example.com"]

    async def test_logs_in(self, post_office):
        """User and password of the URL are used; a wrong one is our fault and loses no mail."""
        at = f"127.0.0.1:{post_office.port}"

        await Mailer(SmtpServer.parse(f"smtp://me%40home:right@{at}"), SENDER).send(letter())
        with pytest.raises(MailPostponed, match="535"):
            await Mailer(SmtpServer.parse(f"smtp://me%40home:wr%2Fong@{at}"), SENDER).send(letter())

        assert post_office.logins[0] == (b"me@home", b"right")
        assert post_office.logins[-1] == (b"me@home", b"wr/ong")

    async def test_starttls_is_no_wish(self, post_office):
        """With smtp+starttls nothing is sent in the clear, also when the server offers no TLS."""
        mailer = Mailer(SmtpServer.parse(post_office.url.replace("smtp:", "smtp+starttls:")), SENDER)

        with pytest.raises(MailPostponed):
            await mailer.send(letter())
        assert post_office.letters == []


class TestEncryption:
    @pytest.fixture
    def certificate(self, tmp_path):
        """A certificate that no client trusts until it is told to."""
        return issue(tmp_path)

    @pytest.fixture(params=["smtps", "smtp+starttls"])
    def encrypted(self, request, certificate):
        """A post office with TLS of each kind, and where it is."""
        feature = "ssl_context" if request.param == "smtps" else "tls_context"
        with PostOffice(*free_ports(1), **{feature: server_context(certificate)}) as office:
            yield office, SmtpServer.parse(f"{request.param}://127.0.0.1:{office.port}")

    async def test_with_a_certificate_that_is_trusted(self, encrypted, certificate, monkeypatch):
        """The mail goes through TLS."""
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        office, server = encrypted

        await Mailer(server, SENDER).send(letter())

        assert len(office.letters) == 1

    async def test_with_one_that_is_not(self, encrypted):
        """A server that cannot prove who it is gets no mail."""
        office, server = encrypted

        with pytest.raises(MailPostponed):
            await Mailer(server, SENDER).send(letter())
        assert office.letters == []


class TestSettings:
    def test_ports(self):
        """Each scheme has the port that is usual for it."""
        ports = [SmtpServer.parse(f"{scheme}://mail").port for scheme in ("smtp", "smtps", "smtp+starttls")]

        assert ports == [25, 465, 587]

    @pytest.mark.parametrize("url", ["mail:25", "http://mail", "smtp://", "smtp://mail/path", "smtp://mail:port"])
    def test_wrong_urls(self, url):
        """What is no SMTP server is refused at the start."""
        with pytest.raises(ValueError):
            SmtpServer.parse(url)

    @pytest.mark.parametrize("text", ["", "Todo", "a@b, c@d", "Todo <@>", "tödo@example.com"])
    def test_wrong_senders(self, text):
        """A sender is one address."""
        with pytest.raises(ValueError):
            Sender.parse(text)

    def test_secrets_are_not_shown(self):
        """Neither the password nor an address stands in a repr, which may end in a log."""
        assert "secret" not in repr(SmtpServer.parse("smtp://me:secret@mail"))
        assert "ada" not in repr(letter())
