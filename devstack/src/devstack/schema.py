"""Whether a database has its newest schema. Asked at each start, because Alembic takes two seconds to say so."""

import ast
from pathlib import Path

from devstack.servers import Postgres


def is_newest(postgres: Postgres, role: str, versions: Path) -> bool:
    """Whether the database of `role` is at the newest of the migrations in the folder `versions`."""
    newest = newest_revisions(versions)
    return newest != set() and newest == set(postgres.ask(role, "SELECT version_num FROM alembic_version"))


def newest_revisions(versions: Path) -> set[str]:
    """Return the revisions that no other one follows, read from the migrations without running them."""
    found = [_identifiers(file) for file in sorted(versions.glob("*.py"))]
    followed = {parent for one in found for parent in _all(one.get("down_revision"))}
    return {revision for one in found for revision in _all(one.get("revision"))} - followed


def _identifiers(file: Path) -> dict[str, object]:
    """Return the names that the file sets to plain values; a file that cannot be read as Python sets none."""
    values: dict[str, object] = {}
    try:
        statements = ast.parse(file.read_bytes()).body
    except SyntaxError:
        return values
    for statement in statements:
        match statement:
            case (
                ast.Assign(targets=[ast.Name(id=name)], value=value)
                | ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value)
            ):
                values[name] = _plain(value)
            case _:
                pass
    return values


def _plain(value: ast.expr) -> object:
    try:
        plain: object = ast.literal_eval(value)
    except ValueError:
        return None
    return plain


def _all(value: object) -> set[str]:
    """Return one revision, or several as Alembic writes them, as a set."""
    return {value} if isinstance(value, str) else set(value) if isinstance(value, tuple | list | set) else set()
