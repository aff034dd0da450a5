"""A page on http://localhost:3000 in a real Chromium."""

import json
import shutil
import subprocess
import tempfile
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

BROWSER_SECONDS = 60
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
)


class Frontend(ThreadingHTTPServer):
    """The page's own server: gives the page and its targets, takes its results."""

    def __init__(self, page: Path, targets: dict[str, str], port: int = 3000) -> None:
        super().__init__(("127.0.0.1", port), FrontendAnswers)
        self.page = page
        self.targets = targets
        self.results: dict[str, dict] = {}
        self.done = threading.Event()


class FrontendAnswers(BaseHTTPRequestHandler):
    """Three addresses."""

    server: Frontend

    def do_GET(self) -> None:
        """Give the page, or what it should call."""
        path = self.path.partition("?")[0]
        content = {"/": self.server.page.read_bytes(), "/targets": json.dumps(self.server.targets).encode()}.get(
            path, b""
        )
        self.send_response(200 if content else 404)
        self.send_header("Content-Type", "text/html" if path == "/" else "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def do_POST(self) -> None:
        """Take the results."""
        self.server.results = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.send_response(204)
        self.end_headers()
        self.server.done.set()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def results_of(page: Path, targets: dict[str, str], *flags: str) -> dict[str, dict]:
    """Open `page`, which finds `targets` at /targets, and return what it sends to /results."""
    chromium = shutil.which("chromium") or shutil.which("google-chrome") or shutil.which("chromium-browser")
    assert chromium, "make browser needs Chromium: on Debian and Ubuntu, apt install chromium"
    with Frontend(page, targets) as frontend, tempfile.TemporaryDirectory("chromium", ignore_cleanup_errors=True) as at:
        threading.Thread(target=frontend.serve_forever, daemon=True).start()
        browser = subprocess.Popen(
            [chromium, *FLAGS, *flags, f"--user-data-dir={at}", "http://localhost:3000/"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            assert frontend.done.wait(BROWSER_SECONDS), "the page did not finish"
        finally:
            browser.terminate()
            browser.wait(10)
            frontend.shutdown()
        return frontend.results
