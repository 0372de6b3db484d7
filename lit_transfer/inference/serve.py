"""A trained model behind HTTP, on LitServe: texts in, labels and probabilities out, as JSON."""

# No postponed annotations here: LitServe reads those of `decode_request` and `encode_response` as they are.
import socket
from collections.abc import Sequence
from itertools import chain
from pathlib import Path
from typing import Any, ClassVar

import litserve
from fastapi import Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, field_validator

from lit_transfer.errors import ConfigError
from lit_transfer.runtime.answers import Answers, Prediction
from lit_transfer.runtime.folder import MODEL
from lit_transfer.runtime.predictor import OnnxPredictor

LOWEST_PORT, HIGHEST_PORT = 1024, 65535


def open_model(path: str, vectors: str | None = None) -> Answers:
    """Load a checkpoint, a folder that `save_pretrained` wrote, a name on the hub, or an exported folder.

    Raises:
        CheckpointError: There is no such model, or it is damaged.
    """
    if Path(path, MODEL).is_file():
        return OnnxPredictor(path)
    from lit_transfer.inference.loading import load  # imports torch, which an exported model does not need

    return load(path, vectors=vectors)


class Texts(BaseModel):
    """The body of a request; the server checks it before a worker sees it."""

    model_config = ConfigDict(extra="forbid")
    max_texts: ClassVar[int] = 1000
    max_characters: ClassVar[int] = 100_000

    texts: list[str]

    @field_validator("texts")
    @classmethod
    def check_sizes(cls, texts: list[str]) -> list[str]:
        """Refuse too many texts, and too long ones."""
        if len(texts) > cls.max_texts:
            raise ValueError(f"expected at most {cls.max_texts} texts, got {len(texts)}")
        for number, text in enumerate(texts):
            if len(text) > cls.max_characters:
                raise ValueError(f"expected at most {cls.max_characters} characters, got {len(text)} in text {number}")
        return texts


class TextAPI(litserve.LitAPI):
    """What a worker of the server does; requests that come together are answered as one batch.

    Args:
        path: The model, see `open_model`.
        vectors: Where the vectors are now, if they moved.
        max_requests: Requests that are answered together, at most.
        wait: Seconds that a request waits for others to come.
    """

    def __init__(self, path: str, *, vectors: str | None = None, max_requests: int = 64, wait: float = 0.005) -> None:
        super().__init__(max_batch_size=max_requests, batch_timeout=wait)
        self._model = path, vectors

    def setup(self, device: str) -> None:
        """Load the model in the worker."""
        self.predictor = open_model(*self._model)

    def decode_request(self, request: Texts) -> list[str]:
        """Take the texts out of a request."""
        return request.texts

    def batch(self, inputs: Sequence[list[str]]) -> Sequence[list[str]]:
        """Leave the requests as they are: they have different numbers of texts."""
        return inputs

    def unbatch(self, output: list[list[Prediction]]) -> list[list[Prediction]]:
        """Leave the answers as they are."""
        return output

    def predict(self, requests: Sequence[list[str]]) -> list[list[Prediction]]:
        """Answer the texts of all requests together."""
        answers = iter(self.predictor.predictions(chain.from_iterable(requests)))
        return [[next(answers) for _ in texts] for texts in requests]

    def encode_response(self, output: list[Prediction]) -> dict[str, Any]:
        """Write the answers of a request."""
        return {
            "predictions": [
                {"label": answer.label, "confidence": answer.confidence, "probabilities": answer.probabilities}
                for answer in output
            ]
        }


def make_server(
    api: TextAPI, *, max_bytes: int, max_texts: int, max_characters: int, workers: int, timeout: float
) -> litserve.LitServer:
    """Make the server of an API.

    Args:
        api: What the workers do.
        max_bytes: Bytes of a request's body, at most.
        max_texts: Texts of a request, at most.
        max_characters: Characters of a text, at most.
        workers: Processes that answer.
        timeout: Seconds after which a request that waits is given up.
    """
    Texts.max_texts, Texts.max_characters = max_texts, max_characters
    server = litserve.LitServer(
        api, accelerator="cpu", workers_per_device=workers, max_payload_size=max_bytes, timeout=timeout
    )
    server.app.add_exception_handler(RequestValidationError, _say_what_is_wrong)  # type: ignore[arg-type]
    return server


async def _say_what_is_wrong(request: Request, error: RequestValidationError) -> JSONResponse:
    """Answer a bad body with what is wrong where, and not with the body itself."""
    problems = [f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in error.errors()[:10]]
    return JSONResponse({"detail": problems, "expected": {"texts": ["a text", "another"]}}, status_code=422)


def check_port(host: str, port: int) -> None:
    """Check that a port can be listened to.

    Raises:
        ConfigError: It is out of range, or another program has it.
    """
    if not LOWEST_PORT <= port <= HIGHEST_PORT:
        raise ConfigError(f"port is {port}, but it must be from {LOWEST_PORT} to {HIGHEST_PORT}.")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as tried:
        tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            tried.bind((host, port))
        except OSError as error:
            raise ConfigError(
                f"Port {port} of {host} cannot be listened to: {error.strerror}. Choose another one with --port."
            ) from error
