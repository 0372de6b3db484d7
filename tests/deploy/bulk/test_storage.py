"""Files of an S3 server on this machine."""

import json

import pandas as pd
import pytest
from pyarrow.fs import FileSystem

from lit_transfer.cli.main import main
from lit_transfer.deploy.bulk.storage import open_storage


@pytest.fixture
def bucket(monkeypatch):
    """The address of an empty bucket."""
    server = pytest.importorskip("moto.server", reason="moto is not installed").ThreadedMotoServer(port=0)
    server.start()
    _, port = server.get_host_and_port()
    for name, value in {
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}",
        "AWS_ACCESS_KEY_ID": "name",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_DEFAULT_REGION": "us-east-1",
    }.items():
        monkeypatch.setenv(name, value)
    storage, _ = FileSystem.from_uri("s3://texts?allow_bucket_creation=true")
    storage.create_dir("texts")
    yield "s3://texts"
    server.stop()


def put(location, texts):
    storage, path = open_storage(location)
    with storage.open_output_stream(path) as file:
        pd.DataFrame({"text": texts}).to_parquet(file)


def records(location):
    storage, path = open_storage(location)
    return [json.loads(line) for line in storage.open_input_stream(path).read().decode().splitlines()]


def test_files_of_s3_are_classified_into_s3_as_files_of_this_machine_and_resumed(bucket, trained, tmp_path, capsys):
    parts = {f"part-{i}.parquet": [f"a good film {i}", "bad", ""] for i in range(2)}
    for name, texts in parts.items():
        put(f"{bucket}/in/2024/{name}", texts)
        pd.DataFrame({"text": texts}).to_parquet(tmp_path / name)
    command = ["classify", str(trained / "model.ckpt"), "--file"]
    main([*command, str(tmp_path / "*.parquet"), "--out", str(tmp_path / "out")])
    main([*command, f"{bucket}/in/**/*.parquet", "--out", f"{bucket}/answers"])
    for name in parts:
        here = [json.loads(line) for line in (tmp_path / "out" / f"{name}.jsonl").read_text().splitlines()]
        assert records(f"{bucket}/answers/2024/{name}.jsonl") == here and len(here) == 3
    put(f"{bucket}/in/2024/part-2.parquet", ["dull"])
    capsys.readouterr()
    main([*command, f"{bucket}/in", "--out", f"{bucket}/answers"])
    assert "1 files classified (1 texts), 2 already finished" in capsys.readouterr().err


def test_a_bucket_that_is_missing_is_an_error(bucket, trained, capsys):
    with pytest.raises(SystemExit) as stop:
        main(["classify", str(trained / "model.ckpt"), "--file", "s3://nowhere/*.csv", "--out", "out"])
    assert stop.value.code == 2
    assert "error: There is no file s3://nowhere/*.csv" in capsys.readouterr().err
