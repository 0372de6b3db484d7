import contextlib
import http.client
import json
import logging
import os
import re
import shlex
import signal
import socket
import statistics
import subprocess
import sys
import time
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest

from lit_transfer.cli.main import main
from lit_transfer.prediction.loading import load
from tests.processes import free_port

pytest.importorskip("litserve", reason="the extra serve is not installed")

ROOT = Path(__file__).parents[2]
LIMITS = ["--max_bytes", "20000", "--max_texts", "300", "--max_characters", "1000"]


@pytest.fixture(scope="module")
def model(frozen_model):
    return frozen_model / "model.ckpt"


@contextlib.contextmanager
def started(model, *flags):
    """Start a server in a new process; yield its process and its address."""
    port = free_port()
    command = [sys.executable, "-m", "lit_transfer", "serve", str(model), "--port", str(port), *flags]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    with subprocess.Popen(command, env=environment, cwd=ROOT, start_new_session=True) as process:
        try:
            yield process, wait_for(f"http://127.0.0.1:{port}", process)
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGTERM)
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)


@pytest.fixture(scope="module")
def address(model):
    with started(model, *LIMITS) as (_, address):
        yield address


def begin_request(address, texts):
    """Send a request, and return its connection once the server has begun to handle it."""
    body = json.dumps({"texts": texts}).encode()
    connection = http.client.HTTPConnection(address.removeprefix("http://"), timeout=60)
    connection.putrequest("POST", "/predict")
    for name, value in ("Content-Type", "application/json"), ("Content-Length", len(body)), ("Expect", "100-continue"):
        connection.putheader(name, value)
    connection.endheaders()
    assert connection.sock.recv(12) == b"HTTP/1.1 100"  # sent as soon as the body is read
    connection.sock.recv(1000)
    connection.send(body)
    return connection


@pytest.mark.parametrize(
    ("send", "workers"),
    [(os.kill, 1), (os.kill, 2), (os.killpg, 1), (os.killpg, 2)],
    ids=["first-1", "first-2", "all-1", "all-2"],
)
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_answers_the_open_requests_and_ends_all_processes_within_ten_seconds(model, send, workers, number):
    seconds = [seconds_to_end(model, send, workers, number)]
    if seconds[0] >= 10:  # the median of three, since other tests share the cores
        seconds += [seconds_to_end(model, send, workers, number) for _ in range(2)]
    assert statistics.median(seconds) < 10, seconds


def seconds_to_end(model, send, workers, number):
    """Signal a server with requests under way, and return the seconds until its last process has ended."""
    # A request waits a second for others.
    with started(model, "--workers", str(workers), "--wait", "1") as (process, address):
        children = psutil.Process(process.pid).children(recursive=True)
        assert len(children) >= 2 + workers
        requests = [begin_request(address, ["a good film"] * 100) for _ in range(4)]
        begun = time.monotonic()
        send(process.pid, number)
        for request in requests:
            answer = request.getresponse()
            assert (answer.status, len(json.load(answer)["predictions"])) == (200, 100)
            request.close()
        assert process.wait(60) == 0
        _, alive = psutil.wait_procs(children, timeout=60)
        seconds = time.monotonic() - begun
        assert not alive
        with pytest.raises(urllib.error.URLError):
            ask(address, {"texts": ["a"]})
    print(f"{seconds:.1f} s")
    return seconds


@pytest.mark.parametrize(("error", "heard"), [(BrokenPipeError, False), (EOFError, False), (ValueError, True)])
def test_only_the_thread_that_watches_workers_of_an_ended_server_is_silent(monkeypatch, caplog, error, heard):
    from lit_transfer.deploy import serve

    class Server:
        def run(self, **_):
            try:
                raise error
            except error:
                logging.getLogger("litserve.server").exception("Monitoring worker crashed")

    monkeypatch.setattr(serve.os, "register_at_fork", lambda **_: None)  # would stay
    monkeypatch.setattr(serve.signal, "signal", lambda *_: None)
    monkeypatch.setattr(logging.getLogger("litserve"), "propagate", True)
    monkeypatch.setattr(serve.multiprocessing, "set_start_method", lambda *_, **__: None)
    monkeypatch.setattr(serve.multiprocessing, "active_children", lambda: [])
    with caplog.at_level(logging.ERROR, logger="litserve.server"):
        logging.getLogger("litserve.server").addHandler(caplog.handler)
        serve.run(Server(), "127.0.0.1", 8000)
    logging.getLogger("litserve.server").removeHandler(caplog.handler)
    assert ("Monitoring worker crashed" in caplog.text) == heard


def test_processes_end_when_the_first_is_killed(model):
    with started(model) as (process, _):
        children = psutil.Process(process.pid).children(recursive=True)
        process.kill()
        _, alive = psutil.wait_procs(children, timeout=60)
        assert not alive


def wait_for(address, process):
    for _ in range(600):
        assert process.poll() is None, "the server ended"
        try:
            if urllib.request.urlopen(f"{address}/health", timeout=5).status == 200:
                return address
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            time.sleep(0.2)
    raise TimeoutError(address)


def ask(address, body, method="POST", **headers):
    """Return the status and the response of a request."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    request = urllib.request.Request(
        f"{address}/predict", data, {"Content-Type": "application/json", **headers}, method=method
    )
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.loads(error.read() or b"null")


def test_200_requests_at_once_get_what_the_predictor_gives(address, model):
    predictor = load(model)
    texts = [f"{'good' if number % 3 else 'awful'} film {'and plot ' * (number % 7)}" for number in range(200)]
    expected = predictor.predictions(texts)
    with ThreadPoolExecutor(200) as pool:
        answers = list(pool.map(lambda number: ask(address, {"texts": texts[number : number + 3]}), range(200)))
    for number, (status, answer) in enumerate(answers):
        assert status == 200
        for found, wanted in zip(answer["predictions"], expected[number : number + 3], strict=True):
            assert found["label"] == wanted.label
            assert found["confidence"] == pytest.approx(wanted.confidence, abs=1e-5)
            assert found["probabilities"] == pytest.approx(wanted.probabilities, abs=1e-5)


def test_the_curl_command_of_the_page_is_answered(address):
    page = (ROOT / "docs" / "deploy.md").read_text(encoding="utf-8")
    [command] = re.findall(r"^curl .*", page, flags=re.MULTILINE)
    status, answer = ask(address, json.loads(shlex.split(command)[-1]))
    assert status == 200 and answer["predictions"]


def test_odd_texts_are_answered(address):
    texts = ["", " ", "\x00", "\ud800", "<pad>", "é" * 500, "🎬"]
    status, answer = ask(address, {"texts": texts})
    assert status == 200 and len(answer["predictions"]) == len(texts)
    assert ask(address, {"texts": []}) == (200, {"predictions": []})


@pytest.mark.parametrize(
    ("body", "status", "words"),
    [
        ({"texts": "a good film"}, 422, "valid list"),
        ({"texts": [1]}, 422, "valid string"),
        ({"texts": [None]}, 422, "valid string"),
        ({"text": ["a"]}, 422, "Field required"),
        ({"texts": ["a"], "colour": 1}, 422, "Extra inputs"),
        ({"texts": ["a"] * 301}, 422, "at most 300 texts, got 301"),
        ({"texts": ["a", "b" * 1001]}, 422, "at most 1000 characters, got 1001 in text 1"),
        ([], 422, "valid dictionary"),
        (b"{", 422, "JSON decode error"),
        (b"\xff\xfe", 422, "expected"),
        (b'{"texts": ["caf\xe9"]}', 422, "body: not JSON (UnicodeDecodeError: 'utf-8' codec can't decode byte 0xe9"),
        (b"[" * 15_000, 422, "JSON decode error" if sys.version_info >= (3, 14) else "body: not JSON (RecursionError"),
        (b"texts=a", 422, "JSON decode error"),
        (b"{'texts': ['a']}", 422, "JSON decode error"),
        (b"", 422, "Field required"),
    ],
)
def test_the_response_to_invalid_input_states_what_was_expected(address, body, status, words):
    got, answer = ask(address, body)
    assert got == status
    assert words in json.dumps(answer)
    assert len(json.dumps(answer)) < 1000, "the body is not sent back"


@pytest.mark.parametrize("kind", ["application/x-www-form-urlencoded", "text/plain; charset=utf-8"])
def test_content_type_that_is_not_json_is_named(address, kind):
    status, answer = ask(address, {"texts": ["a good film"]}, **{"Content-Type": kind})
    assert status == 422
    assert answer["detail"][0] == f"header.content-type: expected application/json, got {kind.partition(';')[0]}"


def test_a_body_of_10_mb_is_refused_and_the_next_request_is_answered(address):
    big = json.dumps({"texts": ["a" * 10_000_000]}).encode()
    try:
        status, _ = ask(address, big)
        assert status == 413
    except (urllib.error.URLError, ConnectionError):
        pass  # the server closed the connection before the whole request was sent
    assert ask(address, {"texts": ["a good film"]})[0] == 200


def test_clients_that_go_away_do_not_disturb_others(address):
    host, port = address.removeprefix("http://").split(":")
    body = json.dumps({"texts": ["a good film"] * 300}).encode()
    head = f"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    for sent in (head.encode(), head.encode() + body[:100], head.encode() + body):
        for _ in range(10):
            with socket.create_connection((host, int(port))) as client:
                client.sendall(sent)
    status, answer = ask(address, {"texts": ["a good film"]})
    assert (status, answer["predictions"][0]["label"]) == (200, "positive")


def test_unknown_paths_and_methods_have_error_responses(address):
    assert ask(address, b"", method="DELETE")[0] == 405
    with pytest.raises(urllib.error.HTTPError, match="404"):
        urllib.request.urlopen(f"{address}/nowhere")


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (["--port", "80"], "port is 80; expected 1024 to 65535"),
        (["--max_texts", "0"], "max_texts is 0, but it must be at least 1"),
    ],
)
def test_invalid_flags_are_reported(model, capsys, flags, words):
    with pytest.raises(SystemExit) as stop:
        main(["serve", str(model), *flags])
    assert stop.value.code == 2 and words in capsys.readouterr().err


def test_a_port_in_use_and_a_missing_model_are_reported(model, capsys):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(SystemExit):
            main(["serve", str(model), "--port", str(taken.getsockname()[1])])
    assert "Cannot listen on port" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main(["serve", "nowhere.ckpt", "--port", str(free_port())])
    assert "There is no checkpoint nowhere.ckpt" in capsys.readouterr().err


def test_the_address_is_a_page_that_explains_words(address):
    page = urllib.request.urlopen(f"{address}/").read().decode()
    assert "<textarea" in page and "litserve running" not in page
    body = json.dumps({"text": "a good film"}).encode()
    request = urllib.request.Request(f"{address}/page/words", body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=60) as answer:
        [explained] = json.load(answer)["classes"]
    assert [mark["word"] for mark in explained["marks"]] == ["a", "good", "film"]
