"""A real browser for tests: Chromium without a window, drawing in software."""

import contextlib
import shutil
import time

import pytest

FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
)
PATIENCE_S = 300.0  # on a machine that is busy with other work
DRIVER_CHATTER = "GPU stall due to ReadPixels"  # Chromium's own note on drawing in software


@contextlib.contextmanager
def chromium():
    """Give a function that starts browsers with an empty profile; skip where there is none."""
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    program = shutil.which("chromium") or shutil.which("chromium-browser")
    if program is None:
        pytest.skip("no Chromium here: apt-get install chromium")
    with playwright.sync_playwright() as driver:
        started = []

        def start(*more_flags):
            browser = driver.chromium.launch(
                executable_path=program, args=[*FLAGS, *more_flags], timeout=1000 * PATIENCE_S
            )
            started.append(browser)
            return browser

        try:
            yield start
        finally:
            for browser in started:
                browser.close()


class OpenPage:
    """A preview that a browser shows, and what it complained about and asked for."""

    def __init__(self, browser, file, *, width=480, height=360, address="", **more):
        self.context = browser.new_context(viewport={"width": width, "height": height}, **more)
        self.context.set_default_timeout(1000 * PATIENCE_S)
        self.complaints, self.requests = [], []
        self.page = self.context.new_page()
        self.page.on("console", self._heard)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.goto(f"file://{file}{address}")
        self.until("window.preview && preview.shown !== undefined")

    def _heard(self, message):
        if message.type in {"error", "warning"} and DRIVER_CHATTER not in message.text:
            self.complaints.append(message.text)

    def ask(self, script, argument=None):
        """Return what a script finds in the page."""
        return self.page.evaluate(script, argument)

    def until(self, condition):
        """Wait until a condition holds in the page, whose policy forbids Playwright's own way."""
        end = time.monotonic() + PATIENCE_S
        while not self.ask(f"Boolean({condition})"):
            assert time.monotonic() < end, f"it did not happen: {condition}"
            self.page.wait_for_timeout(20)

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.context.close()
