"""What a person calls the device that a `User-Agent` comes from: enough to recognise one's own in a list."""

import re

__all__ = ["device_name"]

# Every browser claims to be those that it descends from, so the first that is found here says which it is.
BROWSERS = {
    "Edg": "Edge",
    "EdgA": "Edge",
    "EdgiOS": "Edge",
    "OPR": "Opera",
    "OPT": "Opera",
    "Vivaldi": "Vivaldi",
    "YaBrowser": "Yandex Browser",
    "SamsungBrowser": "Samsung Internet",
    "DuckDuckGo": "DuckDuckGo",
    "Firefox": "Firefox",
    "FxiOS": "Firefox",
    "CriOS": "Chrome",
    "Chrome": "Chrome",
    "Safari": "Safari",
}
# A phone with Android says Linux too, an iPhone Mac OS X.
SYSTEMS = {
    "Windows": "Windows",
    "Android": "Android",
    "iPhone": "iPhone",
    "iPad": "iPad",
    "CrOS": "ChromeOS",
    "Macintosh": "macOS",
    "Linux": "Linux",
}
PRODUCT = re.compile(r"([!#$%&'*+.^_`|~0-9A-Za-z-]{1,40})/")
"""A product and its version follow each other so (RFC 9110 section 10.1.5)."""


def device_name(user_agent: str | None) -> str | None:
    """Return a name like "Firefox on Linux", as far as `user_agent` says; None when it says nothing.

    What is no browser goes by the name that it gives first, like "curl".
    """
    agent = user_agent or ""
    products = PRODUCT.findall(agent)
    browser = next((name for product, name in BROWSERS.items() if product in products), None)
    system = next((name for word, name in SYSTEMS.items() if word in agent), None)
    program = browser or next((product for product in products if product != "Mozilla"), None)
    return " on ".join(filter(None, (program, system))) or None
