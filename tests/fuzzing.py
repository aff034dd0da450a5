"""A running service, held to its own OpenAPI document."""

import asyncio
import sys


async def assert_keeps_its_document(base_url: str, authorization: str, *arguments: str, seconds: float) -> None:
    """Let schemathesis try every operation, with further `arguments` of its command line, for `seconds` at most."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "schemathesis.cli", "run", f"{base_url}/openapi.json"),
        *("-H", f"Authorization: {authorization}", *arguments),
        # A cursor, a token or a link of any text is allowed by its schema, and refused when it is nobody's.
        *("--exclude-checks", "positive_data_acceptance"),
        *("--seed", "1", "-n", "12", "--max-failures", "3", "--generation-database", "none"),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        async with asyncio.timeout(seconds):
            output, _ = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()

    assert process.returncode == 0, output.decode()
