"""The requests of the page: contributions of words, nearest neighbours, states of a word in sentences, and files."""

# No postponed annotations: FastAPI evaluates those of the endpoints.
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from anyio.to_thread import run_sync
from fastapi import FastAPI, HTTPException, Request, Response
from fastapi.responses import HTMLResponse
from pydantic import BaseModel, ConfigDict, Field

from lit_transfer.analysis.contexts import read_contexts
from lit_transfer.analysis.neighbours import find_neighbours
from lit_transfer.analysis.views import SHADES, as_marks
from lit_transfer.data.corpus import read_texts
from lit_transfer.data.reading.options import ReadingOptions
from lit_transfer.data.reading.tabular import read_tabular
from lit_transfer.errors import LitTransferError
from lit_transfer.html import SECURITY_HEADERS, render, scripts
from lit_transfer.prediction.formats import csv_writer
from lit_transfer.prediction.predictor import Predictor
from lit_transfer.runtime.base_predictor import BasePredictor

# Number of nearest words, and largest numbers of sentences and of characters of a word.
NEAREST, MOST_SENTENCES, LONGEST_WORD = 8, 20, 100


class Text(BaseModel):
    """A text whose words are explained."""

    model_config = ConfigDict(extra="forbid")
    text: str


class Word(BaseModel):
    """A word whose nearest neighbours are requested."""

    model_config = ConfigDict(extra="forbid")
    word: str = Field(max_length=LONGEST_WORD)


class Sentences(BaseModel):
    """A word and sentences that contain it."""

    model_config = ConfigDict(extra="forbid")
    word: str = Field(max_length=LONGEST_WORD)
    sentences: list[str] = Field(max_length=MOST_SENTENCES)


class LazyModel:
    """A model that is loaded on the first request, in the process that handles it."""

    def __init__(self, load: Callable[[], BasePredictor]) -> None:
        self._load, self._lock = load, threading.Lock()
        self._model: BasePredictor | None = None

    def __call__(self) -> BasePredictor:
        """Return the model."""
        with self._lock:
            if self._model is None:
                # This process was forked from one with threads of torch, which a fork does not copy.
                torch.set_num_threads(1)
                self._model = self._load()
            return self._model

    def network(self) -> Predictor:
        """Return the model with its network.

        Raises:
            HTTPException: The model is an export, whose states cannot be read.
        """
        model = self()
        if not isinstance(model, Predictor):
            raise HTTPException(422, "An exported model has no states to look at. Serve the checkpoint.")
        return model


def add_page(
    app: FastAPI,
    name: str,
    classes: list[str],
    has_network: bool,
    load: Callable[[], BasePredictor],
    max_characters: int,
) -> None:
    """Add the page to an application that answers `POST /predict`; its answer to `GET /` is replaced.

    `has_network` says whether words and states can be looked at, which an export does not allow.
    """
    model = LazyModel(load)
    app.router.routes[:] = [route for route in app.router.routes if getattr(route, "path", None) != "/"]
    served = scripts("lit_transfer.deploy.try_page")

    @app.exception_handler(LitTransferError)
    async def invalid_request(request: Request, error: LitTransferError) -> Response:
        return Response(str(error), 422, media_type="text/plain")

    @app.get("/", include_in_schema=False)
    def page() -> HTMLResponse:
        values = {"name": name, "classes": classes, "has_network": has_network, "shades": SHADES}
        return HTMLResponse(render("deploy/try_page/try.html.j2", **values), headers=SECURITY_HEADERS)

    @app.get("/page/{script}", include_in_schema=False)
    def javascript(script: str) -> Response:
        if script not in served:
            raise HTTPException(404)
        return Response(served[script], media_type="text/javascript", headers=SECURITY_HEADERS)

    @app.post("/page/words", include_in_schema=False)
    def words(given: Text) -> dict[str, Any]:
        _check_length([given.text], max_characters)
        found = model.network().explain(given.text)
        marks = [{"name": label, "marks": as_marks(found, label)} for label in found.shown]
        return {"classes": marks, "cut": found.num_cut}

    @app.post("/page/neighbours", include_in_schema=False)
    def neighbours(given: Word) -> dict[str, Any]:
        predictor = model.network()
        [found] = find_neighbours(predictor, predictor.tokenizer(given.word)[:1] or [given.word], NEAREST)
        return {"word": found.word, "before": found.before, "after": found.after}

    @app.post("/page/contexts", include_in_schema=False)
    def contexts(given: Sentences) -> dict[str, Any]:
        _check_length(given.sentences, max_characters)
        found = read_contexts(model.network(), given.word, given.sentences)
        return {"sentences": found.sentences, "similarities": found.similarities().round(3).tolist()}

    @app.post("/page/file", include_in_schema=False)
    async def file(request: Request, file_name: str, text_column: str = "text") -> Response:
        content = await request.body()
        labelled = await run_sync(_label_file, model(), content, file_name, text_column, max_characters)
        return Response(labelled.encode("utf-8"), media_type="text/csv", headers=SECURITY_HEADERS)


def _check_length(texts: list[str], max_characters: int) -> None:
    if any(len(text) > max_characters for text in texts):
        raise HTTPException(422, f"Expected at most {max_characters:,} characters in a text.")


def _label_file(model: BasePredictor, content: bytes, name: str, text_column: str, max_characters: int) -> str:
    """Return the texts of an uploaded file with their labels, in the form of `lightning classify --format csv`.

    Raises:
        DataError: The file is in an unknown format, damaged, or has no such column.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, Path(name.replace("\\", "/")).name or "texts.txt")
        path.write_bytes(content)
        try:
            columns = read_tabular(path)
            if text_column not in columns and len(columns) == 1:
                text_column = next(iter(columns))
            texts = read_texts(path, ReadingOptions(text_column=text_column))
        except LitTransferError as error:
            raise type(error)(str(error).replace(str(path), path.name)) from error
    _check_length(texts, max_characters)
    header, write = csv_writer(None, model.task)
    return header + write(texts, model.predictions(texts))
