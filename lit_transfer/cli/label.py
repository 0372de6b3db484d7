"""`lightning label`: label texts on a local page that measures the accuracy of the model so far."""

from __future__ import annotations

import dataclasses
import shlex
import socket
import webbrowser
from pathlib import Path

from lit_transfer.cache import default_folder
from lit_transfer.cli.init_columns import look_at, text_candidates
from lit_transfer.console import print_line, print_summary
from lit_transfer.curation.labelling.exchange import export, read_answers
from lit_transfer.curation.labelling.reading import Reading, find_tokenizer, from_configuration, read_pool
from lit_transfer.curation.labelling.records import Record
from lit_transfer.curation.labelling.session import Session
from lit_transfer.curation.labelling.states import TextStates
from lit_transfer.data.reading.options import ReadingOptions
from lit_transfer.data.reading.tabular import read_tabular
from lit_transfer.errors import ConfigError, missing_package
from lit_transfer.files import output_file
from lit_transfer.prediction.selective import check_shares
from lit_transfer.vectors.lookup import VectorSource


def label(
    file: str | None = None,
    *,
    labels: str = "",
    out: str = "labelled.jsonl",
    text_column: str | None = None,
    vectors: str | None = None,
    init_from: str | None = None,
    config: str | None = None,
    several: bool = False,
    wanted_accuracy: float | None = None,
    second: str | None = None,
    import_from: str | None = None,
    label_column: str = "label",
    export_to: str | None = None,
    tokenizer: str | None = None,
    encoding: str | None = None,
    port: int | None = None,
    no_browser: bool = False,
    seed: int = 0,
) -> None:
    """Label texts on a page of this machine, which chooses the texts and measures the accuracy of the model so far.

    Examples:
      lightning label tickets.csv --text_column body --labels "refund,card,other" --vectors glove-6b-50d
      lightning label --config my.yaml --labels "refund,card,other"

    Every answer is written immediately; run the same command again to continue. Every fifth text is drawn at random: the accuracy
    is measured on these, and they are the test split of `lightning fit --data.split_column split`.

    Args:
        file: File of texts in any format of `lightning fit`.
        labels: Names of the classes, separated by commas; more can be added on the page.
        out: File of the answers, JSON lines; continued if it exists.
        text_column: Column of the texts; found by default.
        vectors: Pretrained word vectors, a file or the name of a package, such as glove-6b-50d.
        init_from: Instead of vectors: a checkpoint of `pretrain` or `fit`, or static:PATH or sentence:PATH.
        config: Configuration of `fit`, for the file, its columns, the tokenizer and the vectors.
        several: Whether a text may have several labels, as it may with a configuration of several labels.
        wanted_accuracy: Accuracy to be reached, 0 to 1; the page shows when it is reached.
        second: File of a second labeller to compare with.
        import_from: File of labelled texts to start from: JSON lines, CSV, fastText, or Label Studio's JSON.
        label_column: Column of the labels in `second` and `import_from`.
        export_to: Write the answers as .csv, .txt (fastText) or .json (Label Studio), and end.
        tokenizer: Tokenizer; by default that of the vectors, or of the script.
        encoding: Encoding of the file; UTF-8 by default.
        port: Port of the page; any free one by default.
        no_browser: Whether not to open a browser.
        seed: Seed of the choice of texts.

    Raises:
        LitTransferError: An argument or a file is invalid, or an extra is not installed.
    """
    if wanted_accuracy is not None:
        check_shares(wanted_accuracy=wanted_accuracy)
    if vectors is not None and init_from is not None:
        raise ConfigError("--vectors and --init_from are mutually exclusive. Give one.")
    names = [name for name in (part.strip() for part in labels.split(",")) if name]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise ConfigError(f"--labels has {', '.join(twice)} more than once.")
    if export_to is not None:
        with Record(output_file(out), several) as record:
            export(record.answers, output_file(export_to))
            print_line("exported", f"{len(record.answers):,} labelled texts to {export_to}")
        return
    reading = _reading(file, config, text_column, vectors, tokenizer, encoding)
    several = several or reading.several
    with Record(output_file(out), several) as record:
        texts = read_pool(reading)
        column = reading.options.texts_in[0]
        if import_from is not None:
            _import(record, import_from, column, label_column)
        others = None
        if second is not None:
            others = {
                each.text: each.labels for each in read_answers(second, _text_of(second, column), label_column, several)
            }
        _serve(record, reading, texts, names, init_from, wanted_accuracy, others, port, not no_browser, seed)


def _reading(
    file: str | None,
    config: str | None,
    text_column: str | None,
    vectors: str | None,
    tokenizer: str | None,
    encoding: str | None,
) -> Reading:
    if config is None and file is None:
        raise ConfigError("There is no file of texts. Give one: lightning label FILE, or --config FILE.")
    given = Reading(file or "") if config is None else from_configuration(config, file)
    options = given.options
    if encoding is not None:
        options = dataclasses.replace(options, encoding=encoding)
    if text_column is None and config is None:
        text_column = _find_texts(given.file, options)
    if text_column is not None:
        options = dataclasses.replace(options, text_column=text_column, text_columns=None)
    return Reading(
        given.file,
        options,
        tokenizer or given.tokenizer,
        given.max_length,
        given.vectors if vectors is None else VectorSource(vectors),
    )


def _find_texts(file: str, options: ReadingOptions) -> str:
    """Return the column `text`, or the only one that looks like texts."""
    columns = read_tabular(file, options)
    if "text" in columns:
        return "text"
    found = [each.name for each in text_candidates(look_at(columns, file))]
    if len(found) != 1:
        raise ConfigError(
            f"{file} has the columns {', '.join(map(repr, columns))}; those that look like texts: "
            f"{', '.join(map(repr, found)) or 'none'}. Give --text_column."
        )
    return found[0]


def _text_of(path: str, column: str) -> str:
    """Return the column of the texts in a file of answers: `text` in files of `lightning label`."""
    return "text" if path.endswith((".jsonl", ".txt")) else column


def _import(record: Record, path: str, column: str, label_column: str) -> None:
    found = read_answers(path, _text_of(path, column), label_column, record.several)
    known = {each.text for each in record.all}
    new = list({each.text: each for each in found if each.text not in known}.values())
    record.extend(new)
    print_line("imported", f"{len(new):,} labelled texts from {path}; {len(found) - len(new):,} had a label already")


def _serve(
    record: Record,
    reading: Reading,
    texts: list[str],
    names: list[str],
    init_from: str | None,
    wanted: float | None,
    second: dict[str, tuple[str, ...]] | None,
    port: int | None,
    opens: bool,
    seed: int,
) -> None:
    try:
        import uvicorn

        from lit_transfer.curation.label_page.server import HOST, make_app
    except ImportError as error:
        raise ConfigError(missing_package("label", "FastAPI", "label", error)) from error
    name, split = find_tokenizer(reading, texts)
    vectors = None if init_from is not None else reading.vectors
    listening = _listen(HOST, port)
    session = Session(
        texts,
        record,
        names,
        lambda every, report: TextStates(
            every,
            split,
            max_length=reading.max_length,
            vectors=vectors,
            init_from=init_from,
            cache=default_folder(),
            progress=report,
        ),
        wanted=wanted,
        second=second,
        seed=seed,
    )
    try:
        commands = next_commands(record.path, None if vectors is None else vectors.path, name)
        app, path = make_app(session, Path(reading.file).name, commands)
        address = f"http://{HOST}:{listening.getsockname()[1]}{path}"
        print_summary(
            [
                ("texts", f"{len(session.texts):,} of {reading.file}, {len(record.answers):,} of them labelled"),
                ("classes", ", ".join(session.classes) or "none yet; add them on the page"),
                (
                    "words",
                    name + (f", {vectors.path}" if vectors is not None else f", {init_from}" if init_from else ""),
                ),
                ("answers", str(record.path)),
                ("page", address),
                ("", "End with Ctrl-C; run the same command again to continue."),
            ]
        )
        if opens:
            webbrowser.open(address)
        uvicorn.Server(uvicorn.Config(app, log_level="warning", access_log=False)).run(sockets=[listening])
    finally:
        session.close()


def _listen(host: str, port: int | None) -> socket.socket:
    listening = socket.socket()
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port or 0))
        listening.listen()  # the browser may ask before the server starts
    except (OSError, OverflowError) as error:
        listening.close()
        raise ConfigError(
            f"Cannot listen on port {port} of {host}: {error}. Choose another port with --port, or leave it out."
        ) from error
    return listening


def next_commands(out: Path, vectors: str | None, tokenizer: str) -> dict[str, str]:
    """Return the next commands by name; the page explains them in two languages."""
    file, config = shlex.quote(str(out)), shlex.quote(str(out.with_suffix(".yaml")))
    given = f" --vectors {shlex.quote(vectors)}" if vectors else ""
    where = "--data.where '{split: test}'"
    return {
        "init": f"lightning init {file}{given} --tokenizer {shlex.quote(tokenizer)} --out {config}",
        "compare": f"lightning compare --config {config}",
        "fit": f"lightning fit --config {config}",
        "test": f"lightning test --config {config} --ckpt_path CHECKPOINT",
        "threshold": f"lightning threshold CHECKPOINT --data.val_file {file} {where} --min_accuracy 0.9",
        "serve": "lightning serve CHECKPOINT",
    }
