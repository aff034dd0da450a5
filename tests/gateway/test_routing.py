"""The routing table, and which addresses get as far as it."""

from urllib.parse import unquote_to_bytes

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.configuration.config import Config
from gateway.problems import BadTarget
from gateway.routing import RoutingTable, check_target

FREE = {"auth": "none", "limit": "few"}


def entry(path: str, match: str = "prefix", methods: tuple[str, ...] = ("GET",)) -> dict[str, object]:
    return {
        "path": path,
        "match": match,
        "upstream": "one",
        "methods": list(methods),
        "auth": "none",
        "limit": "few",
        "max_body": 0,
    }


def table(*entries: dict[str, object]) -> RoutingTable:
    limits = {"few": {"key": "ip", "rate": 1, "burst": 1}}
    upstreams = {"one": {"url": "http://one"}}
    return RoutingTable(Config.model_validate({"upstreams": upstreams, "limits": limits, "routes": list(entries)}))


TABLE = table(entry("/a"), entry("/a/b", "exact"), entry("/a/b/c"), entry("/only/deep"), entry("/x", "exact"))


class TestFinding:
    @pytest.mark.parametrize(
        ("path", "found"),
        [
            *(("/a", "/a"), ("/a/", "/a"), ("/a/z", "/a"), ("/a/b", "/a/b"), ("/a/b/", "/a/b"), ("/a/b/z", "/a")),
            *(("/a/b/c", "/a/b/c"), ("/a/b/c/d/e", "/a/b/c"), ("/only/deep/er", "/only/deep"), ("/x/", "/x")),
            *(("/ab", None), ("/only", None), ("/only/x", None), ("/x/y", None), ("/A", None)),
            *(("/health", "/health"), ("/health/", "/health"), ("/health/x", None), ("/docs/assets/x", "/docs")),
        ],
    )
    def test_the_longest_whole_segments_win(self, path: str, found: str | None) -> None:
        """A prefix matches whole segments; the longest wins; one trailing slash makes no difference."""
        route = TABLE.find(path.encode())

        assert (route.path if route else None) == found

    def test_what_is_answered(self) -> None:
        """HEAD goes where GET goes, and OPTIONS is always answered."""
        reads = table(entry("/a")).find(b"/a")
        writes = table(entry("/a", methods=("POST",))).find(b"/a")

        assert reads is not None
        assert reads.methods == {"GET", "HEAD", "OPTIONS"}
        assert writes is not None
        assert writes.allow == "POST, OPTIONS"


class TestTargets:
    @given(path=st.binary(max_size=40).map(lambda tail: b"/a/" + tail))
    def test_accepted_ones_stay_under_their_route(self, path: bytes) -> None:
        """Whoever decodes an accepted path, once or twice, and then resolves dots, is still under the same route."""
        try:
            check_target(path, b"")
        except BadTarget:
            return
        for decoded in (path, unquote_to_bytes(path), unquote_to_bytes(unquote_to_bytes(path))):
            segments = decoded.replace(b"\\", b"/").split(b"/")
            assert segments[:2] == [b"", b"a"]
            assert not {b".", b".."} & set(segments)
            assert b"\x00" not in decoded

    @given(query=st.binary(max_size=30))
    def test_queries_are_printable_ascii(self, query: bytes) -> None:
        """A query passes exactly if all of it is printable ASCII without `#`."""
        is_plain = all(0x21 <= byte <= 0x7E and byte != 0x23 for byte in query)

        try:
            check_target(b"/", query)
        except BadTarget:
            assert not is_plain
        else:
            assert is_plain

    def test_long_ones_are_judged_quickly(self) -> None:
        """No address makes the check go back and forth."""
        check_target(b"/" + b"a/%41" * 1600, b"")
        with pytest.raises(BadTarget):
            check_target(b"/" + b"a" * 8000 + b"\xff", b"")
