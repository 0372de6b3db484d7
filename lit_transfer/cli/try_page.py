"""`lightning try`: the page of `lightning serve`, opened in a browser."""

from __future__ import annotations

import socket
import threading
import time
import urllib.error
import urllib.request
import webbrowser

from lit_transfer.cli.serve import serve

HOST = "127.0.0.1"
# Seconds to wait for the page.
LONGEST_START = 120.0


def try_(model: str, *, port: int | None = None, no_browser: bool = False, vectors: str | None = None) -> None:
    """Open a page on which a model can be tried, in English or Korean, until it is interrupted.

    Examples:
      lightning try best.ckpt

    It shows the label of a text with the probabilities and the words that decided, nearest words, the states of a word in several
    sentences, and labels a file. It is the page of `lightning serve`, for this machine only.

    Args:
        model: A checkpoint, a folder of save_pretrained or export, or a name on the Hugging Face hub.
        port: Port of the page; any free one by default.
        no_browser: Whether not to open a browser.
        vectors: Path of the vectors, if they were moved.

    Raises:
        LitTransferError: The arguments or the model are invalid, or LitServe is not installed.
    """
    if port is None:
        with socket.socket() as free:
            free.bind((HOST, 0))
            port = free.getsockname()[1]
    if not no_browser:
        threading.Thread(target=_open_when_ready, args=(f"http://{HOST}:{port}",), daemon=True).start()
    serve(model, port=port, vectors=vectors)


def _open_when_ready(address: str) -> None:
    end = time.monotonic() + LONGEST_START
    while time.monotonic() < end:
        try:
            with urllib.request.urlopen(f"{address}/health", timeout=5):
                webbrowser.open(f"{address}/")
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.2)
