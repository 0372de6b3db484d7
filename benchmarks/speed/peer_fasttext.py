"""Script for an environment with fastText; prints seconds and accuracy (%) as JSON."""

import gzip
import json
import sys
import time
from pathlib import Path

import fasttext

job = json.loads(sys.argv[1])
options = {"wordNgrams": 2, "lr": 0.5, "epoch": 10, "thread": 1, "verbose": 0}
if job["vectors"]:
    opener = gzip.open if job["vectors"].endswith(".gz") else open
    with opener(job["vectors"], "rt", encoding="utf-8") as file:
        lines = file.readlines()
    if len(lines[0].split()) > 2:  # fastText requires a header
        lines.insert(0, f"{len(lines)} {len(lines[0].split()) - 1}\n")
    unpacked = Path(job["folder"], "vectors.vec")
    unpacked.write_text("".join(lines), encoding="utf-8")
    options |= {"pretrainedVectors": str(unpacked), "dim": int(lines[0].split()[1])}
begin = time.process_time()
model = fasttext.train_supervised(job["files"]["train"], **options)
seconds = time.process_time() - begin
print(json.dumps([seconds, 100 * model.test(job["files"]["test"])[1]]))
