"""Serving of a trained model over HTTP with LitServe, with texts, labels and probabilities as JSON."""

# No postponed annotations: LitServe evaluates those of `decode_request` and `encode_response`.
import logging
import multiprocessing
import os
import signal
import socket
import threading
import time
from collections.abc import Sequence
from itertools import chain
from pathlib import Path
from typing import Any, ClassVar

import litserve
from fastapi import Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, field_validator
from starlette.exceptions import HTTPException

from lit_transfer.errors import ConfigError
from lit_transfer.runtime.base_predictor import BasePredictor, Prediction
from lit_transfer.runtime.folder import MODEL
from lit_transfer.runtime.parent import end_with_parent
from lit_transfer.runtime.predictor import OnnxPredictor
from lit_transfer.vectors.source import brief

LOWEST_PORT, HIGHEST_PORT = 1024, 65535
ANSWER_SECONDS = 7
"""Seconds that requests under way have after a signal to end; containers are killed after ten."""


def open_model(path: str, vectors: str | None = None) -> BasePredictor:
    """Load a model: a checkpoint, a folder written by `save_pretrained`, a name on the hub, or an exported folder.

    Raises:
        CheckpointError: The model is missing or damaged.
    """
    if Path(path, MODEL).is_file():
        return OnnxPredictor(path)
    from lit_transfer.prediction.loading import load  # imports torch, which an exported model does not need

    return load(path, vectors=vectors)


class Texts(BaseModel):
    """The body of a request, validated by the server before a worker receives it."""

    model_config = ConfigDict(extra="forbid")
    max_texts: ClassVar[int] = 1000
    max_characters: ClassVar[int] = 100_000

    texts: list[str]

    @field_validator("texts")
    @classmethod
    def check_sizes(cls, texts: list[str]) -> list[str]:
        """Check the number and the lengths of the texts."""
        if len(texts) > cls.max_texts:
            raise ValueError(f"expected at most {cls.max_texts} texts, got {len(texts)}")
        for number, text in enumerate(texts):
            if len(text) > cls.max_characters:
                raise ValueError(f"expected at most {cls.max_characters} characters, got {len(text)} in text {number}")
        return texts


class TextAPI(litserve.LitAPI):
    """The API of a worker; concurrent requests are answered as one batch.

    At most `max_requests` form a batch, which waits `wait` seconds for further ones.
    """

    def __init__(self, path: str, *, vectors: str | None = None, max_requests: int = 64, wait: float = 0.005) -> None:
        super().__init__(max_batch_size=max_requests, batch_timeout=wait)
        self._model = path, vectors

    def setup(self, device: str) -> None:
        """Load the model in the worker, which exits when the server has ended for any reason.

        A signal may be sent to all processes at once; a worker has requests to answer then, and is ended by the server.
        """
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, signal.SIG_IGN)
        end_with_parent()
        self.predictor = open_model(*self._model)

    def decode_request(self, request: Texts) -> list[str]:
        """Return the texts of a request."""
        return request.texts

    def batch(self, inputs: Sequence[list[str]]) -> Sequence[list[str]]:
        """Return the requests unchanged, since they have different numbers of texts."""
        return inputs

    def unbatch(self, output: list[list[Prediction]]) -> list[list[Prediction]]:
        """Return the answers unchanged."""
        return output

    def predict(self, requests: Sequence[list[str]]) -> list[list[Prediction]]:
        """Classify the texts of all requests as one batch."""
        answers = iter(self.predictor.predictions(chain.from_iterable(requests)))
        return [[next(answers) for _ in texts] for texts in requests]

    def encode_response(self, output: list[Prediction]) -> dict[str, Any]:
        """Return the response to a request."""
        return {"predictions": [answer.as_dict() for answer in output]}


class _Server(litserve.LitServer):
    def launch_inference_worker(self, lit_api: litserve.LitAPI) -> list[Any]:
        workers: list[Any] = super().launch_inference_worker(lit_api)
        for worker in workers:
            worker.terminate = worker.kill  # it ignores other signals
        return workers


def make_server(
    api: TextAPI, *, max_bytes: int, max_texts: int, max_characters: int, workers: int, timeout: float
) -> litserve.LitServer:
    """Create a server with limits of a request (bytes of its body, texts, and characters of a text).

    Requests that wait for longer than the timeout, in seconds, are cancelled.
    """
    Texts.max_texts, Texts.max_characters = max_texts, max_characters
    server = _Server(api, accelerator="cpu", workers_per_device=workers, max_payload_size=max_bytes, timeout=timeout)
    server.app.add_exception_handler(RequestValidationError, _invalid_request)  # type: ignore[arg-type]
    server.app.add_exception_handler(HTTPException, _malformed_request)  # type: ignore[arg-type]
    return server


async def _invalid_request(request: Request, error: RequestValidationError) -> JSONResponse:
    """Respond to an invalid body with the errors and their positions, without the body itself."""
    problems = [f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in error.errors()[:10]]
    kind = request.headers.get("content-type", "missing").partition(";")[0].strip()
    if kind != "application/json" and not kind.endswith("+json"):
        problems.insert(0, f"header.content-type: expected application/json, got {kind[:80]}")
    return _unprocessable(problems)


async def _malformed_request(request: Request, error: HTTPException) -> JSONResponse:
    """Respond to a body that no JSON parser reads (not UTF-8, nested too deeply) as to other invalid bodies."""
    if error.status_code == 400 and error.__cause__ is not None:
        return _unprocessable([f"body: not JSON ({brief(error.__cause__)})"])
    return JSONResponse({"detail": error.detail}, status_code=error.status_code, headers=error.headers)


def _unprocessable(problems: list[str]) -> JSONResponse:
    return JSONResponse({"detail": problems, "expected": {"texts": ["a text", "another"]}}, status_code=422)


def run(server: litserve.LitServer, host: str, port: int) -> None:
    """Serve until the process is interrupted or terminated; requests under way are answered, and all processes end.

    LitServe handles only interrupts. Containers send SIGTERM to the first process alone, service managers to all at once. The
    HTTP server, which is forked, sets its own handler; another forked process has the queues of requests, and ignores it.
    """
    own = os.getpid()

    def stop(number: int, frame: Any) -> None:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, stop)
    # For the process of the queues; forking is not the default from Python 3.14 on.
    if "fork" in multiprocessing.get_all_start_methods():
        multiprocessing.set_start_method("fork", force=True)
    os.register_at_fork(after_in_child=lambda: _prepare_fork(own))
    server.uvicorn_graceful_timeout = ANSWER_SECONDS
    logging.getLogger("litserve.server").addFilter(_not_of_the_end)
    try:
        server.run(host=host, port=port, generate_client_file=False, num_api_servers=1, log_level="warning")
    finally:
        for process in multiprocessing.active_children():
            process.kill()


def _not_of_the_end(record: logging.LogRecord) -> bool:
    """Drop the error of LitServe's thread that watches the workers when it asks a process that has ended with the server."""
    error = record.exc_info[1] if record.exc_info else None
    return not isinstance(error, (ConnectionError, EOFError))


def _prepare_fork(parent: int) -> None:
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.SIG_IGN)
    threading.Thread(target=_end_after, args=(parent,), daemon=True).start()


def _end_after(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(1)
    os._exit(1)


def check_port(host: str, port: int) -> None:
    """Check that a server can listen on a port.

    Raises:
        ConfigError: The port is out of range, or in use.
    """
    if not LOWEST_PORT <= port <= HIGHEST_PORT:
        raise ConfigError(f"port is {port}; expected {LOWEST_PORT} to {HIGHEST_PORT}.")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as tried:
        tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            tried.bind((host, port))
        except OSError as error:
            raise ConfigError(
                f"Cannot listen on port {port} of {host}: {error.strerror}. Choose another port with --port."
            ) from error
