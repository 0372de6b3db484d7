"""Time from a key to the next text on the page of `lightning label`, in a browser, and until the model is trained again."""

from __future__ import annotations

import contextlib
import shutil
import socket
import statistics
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from benchmarks.speed.common import Options, Row
from lit_transfer.cache import default_folder
from lit_transfer.curation.labelling.records import Record
from lit_transfer.curation.labelling.session import Session
from lit_transfer.curation.labelling.states import TextStates
from lit_transfer.data.corpus import read_corpus
from lit_transfer.tokenizers import get_tokenizer
from lit_transfer.vectors.lookup import VectorSource

TEXTS, ANSWERS = 100_000, 80
# Number of further answers with which the training is measured, and of measurements.
FURTHER, REPEATS = 1_000, 20
# Seconds between the next text and the key: a labeller reads.
PAUSE = 0.3
# Notes when a key is pressed, and when the text that follows is on the screen.
WATCH = """
window.seconds = [];
let pressed = 0;
document.addEventListener("keydown", () => { pressed = performance.now(); }, true);
new MutationObserver(() => {
  if (pressed) {
    const start = pressed;
    pressed = 0;
    requestAnimationFrame(() => requestAnimationFrame(() => window.seconds.push((performance.now() - start) / 1000)));
  }
}).observe(document.getElementById("text"), {childList: true});
"""


def measure(options: Options) -> list[Row]:
    """Return the rows of the page with 100,000 texts of NSMC."""
    split = read_corpus(train_file=str(options.shared / "data" / "nsmc" / "train.tsv"), val_fraction=0).splits["train"]
    texts = list(dict.fromkeys(split.texts))[:TEXTS]
    what = f"from a key to the next text, {len(texts):,} texts"
    chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        chromium = None
    if chromium is None:
        return [Row(what, "not measured", "< 100 ms", "Playwright or chromium is not installed")]
    vectors = VectorSource(str(options.shared / "vectors" / "ko.reviews.100d.pruned.vec.gz"))
    with _page(texts, vectors) as (session, address), sync_playwright() as started:
        browser = started.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page()
        page.goto(address)
        while session.background.insight.encode is None:
            time.sleep(0.1)
        page.evaluate(WATCH)
        few = []
        for number in range(ANSWERS):
            few.append(_until_trained(session, lambda number=number: page.keyboard.press("12"[number % 2])))
            while page.evaluate("window.seconds.length") <= number:
                time.sleep(0.01)
            time.sleep(PAUSE)
        seconds = sorted(page.evaluate("window.seconds"))
        browser.close()
        for number in range(FURTHER):
            session.answer(session.turn, [session.classes[number % 2]])
        many = []
        for number in range(REPEATS):
            while session.background.working:
                time.sleep(0.01)
            many.append(
                _until_trained(
                    session, lambda number=number: session.answer(session.turn, [session.classes[number % 2]])
                )
            )
    rest = f"90 % below {1000 * seconds[int(0.9 * ANSWERS)]:.0f} ms, the slowest {1000 * seconds[-1]:.0f} ms, {ANSWERS} answers"
    rows = [Row(what, f"{1000 * statistics.median(seconds):.0f} ms", "< 100 ms", rest)]
    for labels, times in (
        (f"1 to {ANSWERS}", few),
        (f"{ANSWERS + FURTHER:,} to {ANSWERS + FURTHER + REPEATS:,}", many),
    ):
        again = f"from an answer until the model is trained again and all texts are ranked, {labels} labels"
        slowest = f"the slowest {1000 * max(times):.0f} ms, {len(times)} answers"
        rows.append(Row(again, f"{1000 * statistics.median(times):.0f} ms", "< 1 s", slowest))
    return rows


def _until_trained(session: Session, answer: Callable[[], None]) -> float:
    """Give an answer; return the seconds until the model knows it."""
    known, start = len(session.record.answers), time.perf_counter()
    answer()
    while session.background.insight.answers <= known:
        time.sleep(0.002)
    return time.perf_counter() - start


@contextlib.contextmanager
def _page(texts: list[str], vectors: VectorSource) -> Iterator[tuple[Session, str]]:
    """Serve a session; yield it and the address of its page."""
    import uvicorn

    from lit_transfer.curation.label_page.server import HOST, make_app

    tokenizer = get_tokenizer("words")
    with tempfile.TemporaryDirectory() as folder, Record(Path(folder, "labelled.jsonl")) as record:
        session = Session(
            texts,
            record,
            ["negative", "positive"],
            lambda every, report: TextStates(
                every, tokenizer, vectors=vectors, cache=default_folder(), progress=report
            ),
        )
        app, path = make_app(session, "texts", {})
        with socket.socket() as listening:
            listening.bind((HOST, 0))
            server = uvicorn.Server(uvicorn.Config(app, log_level="warning"))
            thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
            thread.start()
            try:
                yield session, f"http://{HOST}:{listening.getsockname()[1]}{path}"
            finally:
                server.should_exit = True
                thread.join(60)
                session.close()
