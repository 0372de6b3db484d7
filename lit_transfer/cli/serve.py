"""`lightning serve CHECKPOINT --port 8000`: serve a trained model over HTTP, with texts, labels and probabilities as JSON."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from lit_transfer.arguments import check_range
from lit_transfer.console import print_commands, print_summary
from lit_transfer.errors import ConfigError, missing_package


def serve(
    model: str,
    *,
    port: int = 8000,
    host: Literal["127.0.0.1", "0.0.0.0", "::"] = "127.0.0.1",
    workers: int = 1,
    max_texts: int = 1000,
    max_characters: int = 100_000,
    max_bytes: int = 4_000_000,
    max_requests: int = 64,
    wait: float = 0.005,
    timeout: float = 30.0,
    vectors: str | None = None,
) -> None:
    """Serve a trained model over HTTP, with texts, labels and probabilities as JSON, until it is interrupted.

    The address itself is a page on which the model can be tried.

    Examples:
      lightning serve best.ckpt --port 8000

    Args:
        model: A checkpoint, a folder of save_pretrained or export, or a name on the Hugging Face hub.
        port: Port to listen on.
        host: 127.0.0.1 for requests from this machine only; 0.0.0.0 or :: for all networks.
        workers: Number of worker processes, each with a copy of the model.
        max_texts: Maximum number of texts per request.
        max_characters: Maximum number of characters per text.
        max_bytes: Maximum number of bytes per request.
        max_requests: Maximum number of requests per batch.
        wait: Seconds to wait for further requests of a batch.
        timeout: Seconds after which a waiting request is cancelled.
        vectors: Path of the vectors, if they were moved.

    Raises:
        LitTransferError: The arguments or the model are invalid, or LitServe is not installed.
    """
    limits = {"max_texts": max_texts, "max_characters": max_characters, "max_bytes": max_bytes}
    check_range(1, workers=workers, max_requests=max_requests, **limits)
    try:
        from lit_transfer.deploy.serve import TextAPI, check_port, make_server, open_model, run
        from lit_transfer.deploy.try_page.page import add_page
    except ImportError as error:
        raise ConfigError(
            f"{missing_package('serve', 'LitServe', 'serve', error)} LitServe has a command `lightning`, too, which can replace "
            "this one; `lit-transfer` is the same program as this one."
        ) from error
    check_port(host, port)
    opened = open_model(model, vectors)  # reports a damaged model before workers start
    classes, has_network = opened.classes_, hasattr(opened, "network")
    del opened
    api = TextAPI(model, vectors=vectors, max_requests=max_requests, wait=wait)
    server = make_server(api, workers=workers, timeout=timeout, **limits)
    add_page(
        server.app,
        Path(model).name,
        classes,
        has_network=has_network,
        load=lambda: open_model(model, vectors),
        max_characters=max_characters,
    )
    address = f"http://{f'[{host}]' if ':' in host else host}:{port}"
    print_summary(
        [
            ("classes", ", ".join(classes)),
            ("page", f"{address}/"),
            ("predict", f"{address}/predict"),
            ("health", f"{address}/health"),
        ]
    )
    print_commands(
        [
            (
                "send a text",
                f"curl {address}/predict -H 'Content-Type: application/json' -d '{{\"texts\": [\"a great film\"]}}'",
            )
        ]
    )
    run(server, host, port)
