"""A page of a labelling session in a thread of this process, and a browser."""

import contextlib
import shutil
import socket
import threading
import time

import pytest
import uvicorn

from lit_transfer.curation.label_page.server import make_app
from lit_transfer.curation.labelling.records import Record
from lit_transfer.curation.labelling.session import Session
from tests.curation.labelling.samples import CLASSES, make_states, tickets

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


@contextlib.contextmanager
def served(app):
    """Serve an application; yield its address."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        server = uvicorn.Server(uvicorn.Config(app, log_level="warning"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
        thread.start()
        while not server.started:
            assert thread.is_alive()
            time.sleep(0.01)
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join(60)


@contextlib.contextmanager
def labelling(path, texts=None, classes=CLASSES, several=False, make=make_states, **options):
    """Serve a session of labelling; yield it and the address of its page."""
    session = Session(list(texts or tickets()), Record(path, several), classes, make, **options)
    app, place = make_app(session, "tickets.csv", {"fit": "lightning fit"})
    try:
        with served(app) as address:
            yield session, address + place
    finally:
        session.close()


@contextlib.contextmanager
def browser():
    """Start Debian's chromium; skip the test where it or Playwright is missing."""
    playwright = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed")
    if CHROMIUM is None:
        pytest.skip("there is no chromium (apt-get install chromium)")
    with playwright.sync_playwright() as started:
        opened = started.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        try:
            yield opened
        finally:
            opened.close()


def violations(page):
    """Return the rules of axe that a page violates."""
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe is not installed")
    found = axe.Axe().run(page).response["violations"]
    return [(each["id"], [node["html"][:120] for node in each["nodes"]]) for each in found]
