"""The web page of `lightning label`: on this machine only, behind a token, and without a request to any other machine."""

# No postponed annotations: FastAPI evaluates those of the endpoints.
import secrets
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.responses import HTMLResponse, JSONResponse
from pydantic import BaseModel, ConfigDict
from starlette.middleware.trustedhost import TrustedHostMiddleware

from lit_transfer.curation.labelling.exchange import EXPORTS
from lit_transfer.curation.labelling.session import RefusedError, Session, StaleError
from lit_transfer.html import SECURITY_HEADERS, render, scripts

HOST = "127.0.0.1"
HEADERS = {**SECURITY_HEADERS, "Cache-Control": "no-store"}


class Answer(BaseModel):
    """Request body with the labels of the current text."""

    model_config = ConfigDict(extra="forbid")
    turn: str
    labels: list[str]


class Pass(BaseModel):
    """Request body that passes the current text."""

    model_config = ConfigDict(extra="forbid")
    turn: str
    none_fits: bool = False


class NewClass(BaseModel):
    """Request body with a further class."""

    model_config = ConfigDict(extra="forbid")
    name: str


class Correction(BaseModel):
    """Request body with other labels for an earlier answer."""

    model_config = ConfigDict(extra="forbid")
    text: str
    labels: list[str]


def make_app(session: Session, name: str, commands: Mapping[str, str]) -> tuple[FastAPI, str]:
    """Create the application; return it, and the path of the page, which has a random token.

    `name` is the name of the labelled file, for the title; `commands` are next commands by name, of which `languages.js`
    explains NAME as `command_NAME`.
    """
    token = secrets.token_urlsafe(16)
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None)
    # Other names would allow a page of another site to reach this one by a changed DNS entry.
    app.add_middleware(TrustedHostMiddleware, allowed_hosts=[HOST, "localhost"])
    app.middleware("http")(_with_headers)
    app.add_exception_handler(RefusedError, _refused)
    app.include_router(_routes(session, name, commands), prefix=f"/{token}")
    return app, f"/{token}/"


async def _with_headers(request: Request, call: Callable[[Request], Awaitable[Response]]) -> Response:
    response = await call(request)
    response.headers.update(HEADERS)
    return response


async def _refused(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RefusedError)
    content = {"detail": str(error), "sentence": error.sentence, "values": error.values}
    return JSONResponse(content, status_code=409 if isinstance(error, StaleError) else 400)


def _routes(session: Session, name: str, commands: Mapping[str, str]) -> APIRouter:
    router = APIRouter()
    served = scripts("lit_transfer.curation.label_page")

    @router.get("/")
    def page() -> HTMLResponse:
        return HTMLResponse(
            render(
                "curation/label_page/label.html.j2",
                name=name,
                out=str(session.record.path),
                several=session.several,
                commands=commands,
                has_second=session.second is not None,
            )
        )

    @router.get("/{script}.js")
    def javascript(script: str) -> Response:
        content = served.get(f"{script}.js")
        return Response(content or "", 404 if content is None else 200, media_type="text/javascript")

    router.add_api_route("/state", session.state)
    router.add_api_route("/doubts", session.doubts)
    router.add_api_route("/agreement", session.agreement)

    @router.post("/answer")
    def answer(given: Answer) -> dict[str, Any]:
        session.answer(given.turn, given.labels)
        return session.state()

    @router.post("/skip")
    def skip(given: Pass) -> dict[str, Any]:
        session.skip(given.turn, given.none_fits)
        return session.state()

    @router.post("/undo")
    def undo() -> dict[str, Any]:
        session.undo()
        return session.state()

    @router.post("/classes")
    def add_class(given: NewClass) -> dict[str, Any]:
        session.add_class(given.name)
        return session.state()

    @router.post("/correct")
    def correct(given: Correction) -> dict[str, Any]:
        session.correct(given.text, given.labels)
        return session.state()

    @router.get("/hint")
    def hint(turn: str, suggestion: bool = False) -> dict[str, Any]:
        return session.hint(turn, suggestion)

    @router.get("/labelled{ending}")
    def exported(ending: str) -> Response:
        if ending not in EXPORTS:
            return JSONResponse({"detail": f"Expected one of {', '.join(EXPORTS)}."}, status_code=404)
        content = EXPORTS[ending](session.record.answers).encode("utf-8", "replace")
        disposition = {"Content-Disposition": f'attachment; filename="labelled{ending}"'}
        return Response(content, media_type="application/octet-stream", headers=disposition)

    return router
