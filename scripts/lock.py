"""Write the hashed requirements locks, or check that they belong to the manifests.

`write` resolves the whole workspace once into requirements-dev.txt and then each deployable member under it as a
constraint, so that no two files can disagree. The first line of requirements-dev.txt is a digest of every manifest's
dependency tables: `check` compares it and so needs no package index.
"""

import hashlib
import json
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LOCK = ROOT / "requirements-dev.txt"
MEMBERS = ("shared", "auth-service", "todo-service", "gateway", "devstack")
DEPLOYED = ("auth-service", "todo-service", "gateway")


def manifests_digest() -> str:
    """Return the SHA-256 of all dependency tables of the workspace, as the lock's first line states it."""
    tables = {}
    for folder in ("", *MEMBERS):
        manifest = tomllib.loads((ROOT / folder / "pyproject.toml").read_text())
        project = manifest["project"]
        tables[folder] = {
            "requires-python": project["requires-python"],
            "dependencies": project.get("dependencies", []),
            "optional-dependencies": project.get("optional-dependencies", {}),
            "dependency-groups": manifest.get("dependency-groups", {}),
            "build-system": manifest.get("build-system", {}),
        }
    digest = hashlib.sha256(json.dumps(tables, sort_keys=True).encode()).hexdigest()
    return f"# manifests: sha256:{digest}"


def compile_lock(target: Path, *arguments: str) -> None:
    """Resolve into `target`: hashed, for every platform, our own members left out."""
    command = [sys.executable, "-m", "uv", "pip", "compile", "--quiet", "--output-file", str(target)]
    command += ["--universal", "--python-version", "3.11", "--generate-hashes"]
    command += ["--no-header", "--no-annotate", "--no-emit-index-url"]
    for member in MEMBERS:
        command += ["--no-emit-package", member]
    subprocess.run([*command, *arguments], cwd=ROOT, check=True)


def write() -> None:
    """Resolve everything anew within the ranges of the manifests, keeping locked versions where they still fit."""
    if LOCK.exists():
        LOCK.write_text("\n".join(LOCK.read_text().splitlines()[1:]) + "\n")
    compile_lock(LOCK, "pyproject.toml", "--group", "dev", *(f"{member}/pyproject.toml" for member in MEMBERS))
    for member in DEPLOYED:
        compile_lock(ROOT / member / "requirements.txt", f"{member}/pyproject.toml", "--constraint", LOCK.name)
    LOCK.write_text(f"{manifests_digest()}\n{LOCK.read_text()}")


def check() -> None:
    """Exit 1 with a hint when a manifest changed after the lock was written."""
    if LOCK.read_text().partition("\n")[0] != manifests_digest():
        sys.exit("requirements-dev.txt does not belong to the manifests: run `make lock` and commit the result")


if __name__ == "__main__":
    {"write": write, "check": check}[sys.argv[1]]()
