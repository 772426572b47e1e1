"""A browser, and recordings to look at."""

import shutil
import subprocess

import pytest
from report_recordings import DATA, PANEL, load, many, worst

FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking"]


@pytest.fixture(scope="module")
def browser():
    """Debian's Chromium, headless; one for the tests of a module.

    It must not outlive them: playwright keeps an event loop running in the thread that the tests run in.
    """
    chromium = shutil.which("chromium")
    if chromium is None:
        pytest.skip("no Chromium on this machine: apt-get install chromium")
    api = pytest.importorskip("playwright.sync_api", reason="no playwright: pip install playwright")
    with api.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=chromium, args=FLAGS)
        yield browser
        browser.close()


class Opened:
    """A page in the browser, and whatever it complained of or asked for."""

    def __init__(self, page):
        self.page = page
        self.problems = []
        self.requests = []
        page.on(
            "console", lambda message: self.problems.append(message.text) if message.type == "error" else None
        )
        page.on("pageerror", lambda error: self.problems.append(str(error)))
        page.on("dialog", lambda dialog: (self.problems.append("a dialog"), dialog.dismiss()))
        page.on("request", self._note)

    def until(self, expression):
        """Wait for a condition; the page's policy lets nothing in it evaluate one by itself."""
        for _ in range(3000):
            if self.page.evaluate(expression):
                return
            self.page.wait_for_timeout(20)
        raise AssertionError(f"never came true: {expression}")

    def _note(self, request):
        if not request.url.startswith(("file:", "data:")):
            self.requests.append(request.url)


def opener(browser, folder):
    """Yield the function that opens a page: its text, then the options of the browser's context."""
    contexts = []

    def opened(html, *, viewport=(1440, 900), **options):
        file = folder / "page.html"
        file.write_text(html, encoding="utf-8")
        width, height = viewport
        context = browser.new_context(viewport={"width": width, "height": height}, **options)
        contexts.append(context)
        found = Opened(context.new_page())
        found.page.goto(file.as_uri())
        found.until("document.documentElement.dataset.ready")
        return found

    yield opened
    for context in contexts:
        context.close()


@pytest.fixture
def show(browser, tmp_path):
    """Open a page for one test."""
    yield from opener(browser, tmp_path)


@pytest.fixture(scope="module")
def show_once(browser, tmp_path_factory):
    """Open a page that several tests of a module share."""
    yield from opener(browser, tmp_path_factory.mktemp("shared"))


@pytest.fixture(scope="session")
def axe(request):
    """The source of axe-core, fetched once by npm."""
    folder = request.config.rootpath / ".pytest_cache" / "d" / "axe"
    folder.mkdir(parents=True, exist_ok=True)
    script = folder / "node_modules" / "axe-core" / "axe.min.js"
    if not script.exists():
        npm = shutil.which("npm")
        if npm is None:
            pytest.skip("no npm on this machine to fetch axe-core with")
        command = [npm, "install", "--prefix", str(folder), "--no-audit", "--no-fund", "axe-core@4"]
        done = subprocess.run(command, capture_output=True, check=False, timeout=120)
        if done.returncode or not script.exists():
            pytest.skip("npm could not fetch axe-core")
    return script.read_text(encoding="utf-8")


@pytest.fixture(scope="session")
def session():
    """The project's own recording."""
    return load(DATA / "session.touch.jsonl")


@pytest.fixture(scope="session")
def loaded(session, tmp_path_factory):
    """Five recordings, each with its path and options: three formats of the project's own, a panel's worst,
    and many streams.
    """
    folder = tmp_path_factory.mktemp("recordings")
    sources = [
        (DATA / "phone.getevent.txt", PANEL),
        (DATA / "session.kvi", PANEL),
        (worst(folder / "worst.csv"), None),
        (many(folder / "many.csv", strokes=1000, streams=7), None),
    ]
    return [
        (session, DATA / "session.touch.jsonl", None),
        *((load(path, options), path, options) for path, options in sources),
    ]
