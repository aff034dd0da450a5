"""Which process gets which variable, who wins, and the ports."""

import socket
import stat
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import pytest

from devstack.commands import CannotStart
from devstack.environment import Addresses, environments, load_secrets
from devstack.members import PROCESSES, SERVICES, members, migration
from devstack.ports import fixed_ports, free_ports, why_unusable

AT = Addresses(
    port=8080,
    mail_port=8025,
    smtp_port=2525,
    service_ports={"auth-service": 8001, "todo-service": 8002},
    admin_ports=dict(zip(PROCESSES, range(9001, 9006), strict=True)),
    database_urls={"auth": "postgresql://auth@/auth", "todo": "postgresql://todo@/todo"},
    redis_url="redis://127.0.0.1:6379/0",
    gateway_config=Path("gateway/gateway.toml"),
    data=Path("/project/.devstack/postgres"),
)
SECRETS = {"AUTH_SECRET": "a" * 48, "BETTER_AUTH_SECRET": "b" * 48}


class TestTheEnvironment:
    def test_is_for_development(self):
        """Every process is told that this is a developer's machine, with logs for people."""
        each = environments(AT, SECRETS, {})

        assert set(each) == set(PROCESSES)
        assert {(env["ENVIRONMENT"], env["LOG_FORMAT"], env["DRAIN_SECONDS"]) for env in each.values()} == {
            ("development", "console", "0")
        }

    def test_gives_each_service_its_own_database(self):
        """Nobody gets the other one's URL, and the gateway none."""
        each = environments(AT, SECRETS, {})

        assert [each[name].get("DATABASE_URL") for name in PROCESSES] == [
            "postgresql://auth@/auth",
            "postgresql://todo@/todo",
            "postgresql://auth@/auth",
            "postgresql://todo@/todo",
            None,
        ]

    def test_gives_each_process_its_own_admin_port(self):
        """On one machine they would collide."""
        each = environments(AT, SECRETS, {"ADMIN_PORT": "9090"})

        assert [each[name]["ADMIN_PORT"] for name in PROCESSES] == ["9001", "9002", "9003", "9004", "9005"]

    def test_keeps_the_accounts_secret_with_the_auth_service(self):
        """AUTH_SECRET seals keys and makes links; nobody but that service and its worker needs it."""
        each = environments(AT, SECRETS, {})

        assert [name for name in PROCESSES if "AUTH_SECRET" in each[name]] == ["auth-service", "auth-worker"]

    def test_points_verifiers_at_the_service_itself(self):
        """Key sets come from the auth-service's own address, never through the gateway, which has the secret too."""
        each = environments(AT, SECRETS, {})

        for name in ("todo-service", "gateway"):
            assert each[name]["AUTH_JWKS_URL"] == "http://127.0.0.1:8001/.well-known/jwks.json"
            assert each[name]["BETTER_AUTH_SECRET"] == SECRETS["BETTER_AUTH_SECRET"]

    def test_lets_the_frontend_and_the_docs_page_in(self):
        """Port 3000 and the gateway's own, each under both names of this machine."""
        each = environments(AT, SECRETS, {})

        assert set(each["gateway"]["ALLOWED_ORIGINS"].split(",")) == {
            "http://localhost:3000",
            "http://127.0.0.1:3000",
            "http://localhost:8080",
            "http://127.0.0.1:8080",
        }

    def test_keeps_its_own_pages_beside_the_callers_frontends(self):
        """ALLOWED_ORIGINS of the caller's replaces port 3000 and never the docs page."""
        each = environments(AT, SECRETS, {"ALLOWED_ORIGINS": "http://localhost:5173"})

        assert set(each["auth-service"]["ALLOWED_ORIGINS"].split(",")) == {
            "http://localhost:5173",
            "http://localhost:8080",
            "http://127.0.0.1:8080",
        }

    def test_trusts_the_gateway_in_services_only(self):
        """The gateway itself has no proxy before it."""
        each = environments(AT, SECRETS, {})

        assert [each[name].get("TRUSTED_PROXIES") for name in PROCESSES] == [
            *("127.0.0.1/32", "127.0.0.1/32"),
            *(None, None, None),
        ]

    def test_is_overruled_by_the_caller(self):
        """A variable that the caller has set wins; an empty one counts as unset."""
        each = environments(AT, SECRETS, {"THROTTLE_FACTOR": "100000", "AUTH_SECRET": "", "NOTIFY_MAX_PER_HOUR": "0"})

        assert each["gateway"]["THROTTLE_FACTOR"] == "100000"
        assert each["auth-service"]["AUTH_SECRET"] == SECRETS["AUTH_SECRET"]
        assert each["todo-worker"]["NOTIFY_MAX_PER_HOUR"] == "0"

    @pytest.mark.parametrize("name", ["DATABASE_URL", "MIGRATION_DATABASE_URL"])
    def test_never_uses_a_foreign_database(self, name: str):
        """A database that was exported for another project is not migrated by us."""
        each = environments(AT, SECRETS, {name: "postgresql://production/shop"})

        assert not any("shop" in value for env in each.values() for value in env.values())

    def test_only_the_gateway_hears_of_its_settings(self):
        """It refuses to start with a GATEWAY_* variable that it does not know, so nobody passes them around."""
        each = environments(AT, SECRETS, {})

        assert [name for name in PROCESSES if "GATEWAY_CONFIG" in each[name]] == ["gateway"]


class TestSecrets:
    def test_are_made_once_for_their_owner_alone(self, tmp_path: Path):
        """They are long, the file has mode 600, and the next start finds the same ones."""
        file = tmp_path / "secrets.env"

        first = load_secrets(file)

        assert load_secrets(file) == first
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert all(len(value) >= 32 and value.isascii() for value in first.values())
        assert len(set(first.values())) == len(first) == 2

    def test_a_missing_one_is_added(self, tmp_path: Path):
        """What is there stays as it is."""
        file = tmp_path / "secrets.env"
        file.write_text("AUTH_SECRET=mine\n")

        found = load_secrets(file)

        assert found["AUTH_SECRET"] == "mine"
        assert len(found["BETTER_AUTH_SECRET"]) >= 32


class TestCommands:
    def test_are_those_of_production(self):
        """Services run under uvicorn on the loopback, with the flags of the images."""
        each = environments(AT, SECRETS, {})
        commands = {command.name: " ".join(command.argv[2:]) for command in members(Path("/p"), AT, each)}

        assert set(commands) == set(PROCESSES)
        assert commands["auth-service"].startswith(
            "uvicorn --factory auth_service.main:create_app --host 127.0.0.1 --port 8001 --loop uvloop --http httptools"
        )
        assert commands["gateway"] == "gateway"
        assert commands["todo-worker"] == "todo_service.worker"

    @pytest.mark.parametrize("service", SERVICES)
    def test_migrate_in_the_services_folder(self, service: str):
        """Alembic finds the service's alembic.ini beside the migrations."""
        command = migration(Path("/p"), service, {})

        assert command.folder == Path("/p") / service
        assert command.argv[1:] == ("-m", "alembic", "upgrade", "head")


class TestPorts:
    def test_are_8080_and_8025_or_what_the_caller_says(self):
        """PORT and MAIL_PORT move them."""
        first, second = free_ports(2)

        assert fixed_ports({"PORT": str(first), "MAIL_PORT": str(second)}) == (first, second)

    @pytest.mark.parametrize("name", ["PORT", "MAIL_PORT"])
    def test_a_taken_one_is_named_with_its_variable(self, name: str):
        """The message says which port, and how to choose another one."""
        first, second = free_ports(2)
        ports = {"PORT": str(first), "MAIL_PORT": str(second)}
        message = rf"^port {ports[name]} is taken by another program: .*make up {name}="
        with socket.create_server(("127.0.0.1", int(ports[name]))), pytest.raises(CannotStart, match=message):
            fixed_ports(ports)

    def test_a_listener_on_all_addresses_has_taken_it_too(self):
        """Also one that listens on the whole machine."""
        (port,) = free_ports(1)
        with socket.create_server(("0.0.0.0", port)):
            assert why_unusable(port) == "is taken by another program"

    @pytest.mark.skipif(not socket.has_dualstack_ipv6(), reason="needs IPv6")
    def test_a_listener_on_the_other_localhost_has_taken_it_too(self):
        """Browsers ask [::1] first for `localhost`, and would meet somebody else there."""
        (port,) = free_ports(1)
        with socket.create_server(("::1", port), family=socket.AF_INET6):
            assert why_unusable(port) == "is taken by another program"

    @pytest.mark.parametrize("wrong", ["0", "65536", "http", "-1", "8080.5", "８０８０"])
    def test_a_wrong_number_is_named_with_its_variable(self, wrong: str):
        """What is no port number is said before anything is started."""
        with pytest.raises(CannotStart, match=r"^PORT="):
            fixed_ports({"PORT": wrong})

    def test_have_to_differ(self):
        """The gateway and the catcher cannot share one."""
        with pytest.raises(CannotStart, match="PORT and MAIL_PORT are both"):
            fixed_ports({"PORT": "8025"})

    def test_free_ones_are_different_and_free(self):
        """Nobody listens on them, and none is given twice."""
        ports = free_ports(50)

        assert len(set(ports)) == 50
        assert not any(why_unusable(port) for port in ports)

    def test_those_of_processes_side_by_side_are_different(self):
        """Though nobody listens there yet: each of them holds what it was given."""
        choose = "from devstack import ports; ports._RANGE = range(20_000, 20_300); print(*ports.free_ports(60))"
        with ExitStack() as ending:
            processes = [ending.enter_context(waiting_python(choose)) for _ in range(3)]
            given = [int(port) for process in processes for port in process.stdout.readline().split()]
            for process in processes:
                process.stdin.close()

        assert len(set(given)) == len(given) == 180


def waiting_python(code: str) -> subprocess.Popen[str]:
    """Run `code`, and keep its process until somebody closes its input."""
    command = [sys.executable, "-c", f"{code}; import sys; sys.stdout.flush(); sys.stdin.read()"]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
