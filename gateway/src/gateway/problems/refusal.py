"""What all refusals of the gateway have in common."""

from typing import ClassVar

from shared.problems import Problem

__all__ = ["Refusal"]


class Refusal(Problem):
    """The gateway did not pass the request on."""

    proxy_error: ClassVar[str] = "http_request_error"

    def __init__(self, detail: str | None = None, **headers: str) -> None:
        """Explain this occurrence in `detail`; `headers` are further fields, with `_` for `-`."""
        fields = {name.replace("_", "-"): value for name, value in headers.items()}
        super().__init__(detail, headers={"Proxy-Status": f"gateway; error={self.proxy_error}", **fields})
