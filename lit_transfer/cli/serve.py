"""`lightning serve CHECKPOINT --port 8000`: serve a trained model over HTTP, with texts, labels and probabilities as JSON."""

from __future__ import annotations

from typing import Literal

from jsonargparse import ArgumentParser

from lit_transfer.console import print_facts
from lit_transfer.errors import ConfigError
from lit_transfer.ranges import check_range


def serve_parser() -> ArgumentParser:
    """Return the parser of `lightning serve`."""
    parser = ArgumentParser(prog="lightning serve", description=__doc__)
    parser.add_argument(
        "model", type=str, help="a checkpoint, a folder of save_pretrained or export, or a name on the Hugging Face hub"
    )
    parser.add_argument("--port", type=int, default=8000, help="port to listen on")
    parser.add_argument(
        "--host",
        type=Literal["127.0.0.1", "0.0.0.0", "::"],
        default="127.0.0.1",
        help="127.0.0.1: requests from this machine only; 0.0.0.0 or :: : from all networks",
    )
    parser.add_argument(
        "--workers", type=int, default=1, help="number of worker processes, each with a copy of the model"
    )
    parser.add_argument("--max_texts", type=int, default=1000, help="maximum number of texts per request")
    parser.add_argument("--max_characters", type=int, default=100_000, help="maximum number of characters per text")
    parser.add_argument("--max_bytes", type=int, default=4_000_000, help="maximum number of bytes per request")
    parser.add_argument("--max_requests", type=int, default=64, help="maximum number of requests per batch")
    parser.add_argument("--wait", type=float, default=0.005, help="seconds to wait for further requests of a batch")
    parser.add_argument(
        "--timeout", type=float, default=30.0, help="seconds after which a waiting request is cancelled"
    )
    parser.add_argument("--vectors", type=str | None, default=None, help="path of the vectors, if they were moved")
    return parser


def main(args: list[str]) -> None:
    """Run `lightning serve` until it is interrupted.

    Raises:
        LitTransferError: The arguments or the model are invalid, or LitServe is not installed.
    """
    values = serve_parser().parse_args(args)
    names = ("workers", "max_texts", "max_characters", "max_bytes", "max_requests")
    check_range(1, **{name: values[name] for name in names})
    try:
        from lit_transfer.deploy.serve import TextAPI, check_port, make_server, open_model
    except ImportError as error:
        raise ConfigError(
            f'serve needs LitServe, which is not installed ({error}). Install it with: pip install "lit_transfer[serve]"'
        ) from error
    check_port(values.host, values.port)
    classes = open_model(values.model, values.vectors).classes_  # reports a damaged model before workers start
    api = TextAPI(values.model, vectors=values.vectors, max_requests=values.max_requests, wait=values.wait)
    server = make_server(
        api,
        max_bytes=values.max_bytes,
        max_texts=values.max_texts,
        max_characters=values.max_characters,
        workers=values.workers,
        timeout=values.timeout,
    )
    address = f"http://{f'[{values.host}]' if ':' in values.host else values.host}:{values.port}"
    print_facts(
        [
            ("classes", ", ".join(classes)),
            ("predict", f"{address}/predict"),
            ("health", f"{address}/health"),
            (
                "try it",
                f"curl {address}/predict -H 'Content-Type: application/json' -d '{{\"texts\": [\"a great film\"]}}'",
            ),
        ]
    )
    server.run(host=values.host, port=values.port, generate_client_file=False, num_api_servers=1, log_level="warning")
