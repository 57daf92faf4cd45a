"""A headless Chromium, driven over plain HTTP through chromedriver."""

from __future__ import annotations

import base64
import json
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
DRIVER = shutil.which("chromedriver")
_FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--no-first-run",
    "--hide-scrollbars",
)


class Browser:
    """One browser window.

    Args:
        base: Address of chromedriver.
    """

    def __init__(self, base: str) -> None:
        self.base = base
        options = {"binary": CHROMIUM, "args": list(_FLAGS)}
        wanted = {
            "browserName": "chrome",
            "goog:chromeOptions": options,
            "goog:loggingPrefs": {"browser": "ALL", "performance": "ALL"},
        }
        answer = self._call("POST", "/session", {"capabilities": {"alwaysMatch": wanted}})
        self.session = f"/session/{answer['sessionId']}"

    def _call(self, method: str, path: str, content: Any = None) -> Any:
        """One request to chromedriver."""
        body = None if content is None else json.dumps(content).encode()
        request = urllib.request.Request(self.base + path, data=body, method=method)
        try:
            with urllib.request.urlopen(request, timeout=120) as answer:
                return json.loads(answer.read())["value"]
        except urllib.error.HTTPError as problem:
            raise RuntimeError(problem.read().decode()[:2000]) from None

    def tool(self, command: str, **values: Any) -> Any:
        """One command of the DevTools protocol."""
        content = {"cmd": command, "params": values}
        return self._call("POST", f"{self.session}/goog/cdp/execute", content)

    def run(self, script: str) -> Any:
        """The value that a script returns."""
        content = {"script": script, "args": []}
        return self._call("POST", f"{self.session}/execute/sync", content)

    def open(self, page: Path, *, width: int = 1280, dark: bool = False) -> None:
        """Open a file and wait until its script, where it has one, has run."""
        self.theme(dark)
        metrics = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 600}
        self.tool("Emulation.setDeviceMetricsOverride", **metrics)
        self._call("POST", f"{self.session}/url", {"url": page.resolve().as_uri()})
        self.wait(
            "return document.readyState === 'complete' && (!document.scripts.length ||"
            " document.documentElement.dataset.ready !== undefined)"
        )

    def theme(self, dark: bool, media: str = "screen") -> None:
        """What the reader prefers, and what the page is for: ``"screen"`` or ``"print"``."""
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.tool("Emulation.setEmulatedMedia", media=media, features=[scheme])

    def pdf(self, path: Path) -> None:
        """Print the page."""
        printed = self.tool("Page.printToPDF", printBackground=True, preferCSSPageSize=True)
        path.write_bytes(base64.b64decode(printed["data"]))

    def wait(self, script: str, seconds: float = 60) -> None:
        """Wait until a script returns true."""
        end = time.monotonic() + seconds
        while not self.run(script):
            if time.monotonic() > end:
                raise TimeoutError(f"{script}: still false after {seconds} s")
            time.sleep(0.1)

    def log(self, kind: str) -> list[dict[str, Any]]:
        """What was logged since the last call: ``"browser"`` or ``"performance"``."""
        found: list[dict[str, Any]] = self._call("POST", f"{self.session}/se/log", {"type": kind})
        return found

    def requests(self) -> list[str]:
        """Every address asked for since the last call."""
        events = (json.loads(entry["message"])["message"] for entry in self.log("performance"))
        asked = (e for e in events if e["method"] == "Network.requestWillBeSent")
        return [event["params"]["request"]["url"] for event in asked]

    def screenshot(
        self, path: Path, *, clip: tuple[float, float, float, float] | None = None
    ) -> None:
        """Write a PNG of the whole page, or of ``(x, y, width, height)``."""
        box = clip or tuple(
            self.run(
                "const e = document.documentElement; return [0, 0, e.scrollWidth, e.scrollHeight]"
            )
        )
        area = dict(zip(("x", "y", "width", "height"), box, strict=True)) | {"scale": 1}
        shot = self.tool("Page.captureScreenshot", clip=area, captureBeyondViewport=True)
        path.write_bytes(base64.b64decode(shot["data"]))

    def close(self) -> None:
        """Close the window."""
        self._call("DELETE", self.session)


@contextmanager
def chromium() -> Iterator[Browser]:
    """A browser that is gone afterwards."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    assert DRIVER is not None
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    with subprocess.Popen([DRIVER, f"--port={port}"], **quiet) as driver:
        try:
            _await(port)
            browser = Browser(f"http://127.0.0.1:{port}")
            try:
                yield browser
            finally:
                browser.close()
        finally:
            driver.terminate()


def _await(port: int) -> None:
    """Wait until chromedriver answers."""
    for _ in range(100):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    raise TimeoutError("chromedriver did not start within 10 s")
