"""What the list of sessions calls a device."""

import pytest

from auth_service.sessions.devices import device_name

MAC = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/"
WINDOWS = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) "
PHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
ANDROID = "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) "
CHROME = "537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36"


class TestTheNameOfADevice:
    @pytest.mark.parametrize(
        ("agent", "name"),
        [
            ("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0", "Firefox on Linux"),
            (WINDOWS + "Gecko/20100101 Firefox/144.0", "Firefox on Windows"),
            (MAC + CHROME, "Chrome on macOS"),
            (MAC + "605.1.15 (KHTML, like Gecko) Version/18.5 Safari/605.1.15", "Safari on macOS"),
            (WINDOWS + "AppleWebKit/" + CHROME + " Edg/141.0.0.0", "Edge on Windows"),
            (WINDOWS + "AppleWebKit/" + CHROME + " OPR/122.0.0.0", "Opera on Windows"),
            (PHONE + "Version/18.5 Mobile/15E148 Safari/604.1", "Safari on iPhone"),
            (PHONE + "CriOS/141.0.0.0 Mobile/15E148 Safari/604.1", "Chrome on iPhone"),
            (PHONE + "FxiOS/144.0 Mobile/15E148 Safari/605.1.15", "Firefox on iPhone"),
            (ANDROID + "Chrome/141.0.0.0 Mobile Safari/537.36", "Chrome on Android"),
            (ANDROID + "SamsungBrowser/28.0 Chrome/130.0.0.0 Mobile Safari/537.36", "Samsung Internet on Android"),
            ("Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) AppleWebKit/" + CHROME, "Chrome on ChromeOS"),
            ("Mozilla/5.0 (Android 15; Mobile; rv:144.0) Gecko/144.0 Firefox/144.0", "Firefox on Android"),
        ],
    )
    def test_is_the_browser_and_the_system(self, agent, name):
        """What people call them, though every browser claims to be others as well."""
        assert device_name(agent) == name

    @pytest.mark.parametrize(
        ("agent", "name"),
        [
            ("curl/8.14.1", "curl"),
            ("TodoApp/1.2 (iPhone; iOS 18.5)", "TodoApp on iPhone"),
            ("Mozilla/5.0 (Windows NT 10.0)", "Windows"),
            ("python-httpx/0.28.1", "python-httpx"),
        ],
    )
    def test_of_a_program_is_its_own(self, agent, name):
        """An app is called what it calls itself."""
        assert device_name(agent) == name

    @pytest.mark.parametrize("agent", [None, "", " ", "Mozilla/5.0", "<script>alert(1)</script>", "x" * 512, "/" * 512])
    def test_is_missing_when_nothing_is_said(self, agent):
        """A text that names neither a program nor a system gives no name."""
        assert device_name(agent) is None

    def test_is_short(self):
        """However long the name that a program gives itself."""
        assert len(device_name("y" * 500 + "/1 on Linux")) <= 60
