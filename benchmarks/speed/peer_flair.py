"""Script for an environment with flair and gensim; prints texts/s of training and of prediction as JSON."""

import gzip
import json
import sys
import tempfile
import time
from pathlib import Path

import flair
import numpy as np
import torch
from flair.data import Corpus, Sentence
from flair.datasets import FlairDatapointDataset
from flair.embeddings import DocumentRNNEmbeddings, WordEmbeddings
from flair.models import TextClassifier
from flair.trainers import ModelTrainer
from flair.trainers.plugins.base import TrainerPlugin
from gensim.models import KeyedVectors

torch.set_num_threads(1)
flair.device = torch.device("cpu")
job = json.loads(sys.argv[1])
count = job["count"]


class EpochTimes(TrainerPlugin):
    """Plugin that records the start of each epoch and the end of its batches."""

    def __init__(self):
        super().__init__()
        self.begins, self.ends = [], []

    @TrainerPlugin.hook
    def before_training_epoch(self, **_):
        self.begins.append(time.process_time())

    @TrainerPlugin.hook
    def after_training_epoch(self, **_):
        self.ends.append(time.process_time())


def sentences(rows):
    made = [Sentence(tokens) for tokens, _ in rows]
    for sentence, (_, label) in zip(made, rows, strict=True):
        sentence.add_label("class", str(label))
    return made


rows = json.loads(Path(job["rows"]).read_text(encoding="utf-8"))[:count]
wanted = {token for tokens, _ in rows for token in tokens}
with gzip.open(job["vectors"], "rt", encoding="utf-8") as file:
    found = [line.rstrip("\n").split(" ") for line in file if line.partition(" ")[0] in wanted]
vectors = KeyedVectors(len(found[0]) - 1)
vectors.add_vectors([line[0] for line in found], np.array([line[1:] for line in found], dtype=np.float32))
with tempfile.TemporaryDirectory() as folder:
    path = f"{folder}/vectors.kv"
    vectors.save(path)
    words = WordEmbeddings(path)
    document = DocumentRNNEmbeddings(
        [words], hidden_size=job["hidden"], rnn_type="LSTM", bidirectional=True, dropout=0.5, reproject_words=False
    )
    train = sentences(rows)
    corpus = Corpus(train=FlairDatapointDataset(train), sample_missing_splits=False)
    model = TextClassifier(document, label_dictionary=corpus.make_label_dictionary("class"), label_type="class")
    times = EpochTimes()
    ModelTrainer(model, corpus).train(
        f"{folder}/run",
        learning_rate=1e-3,
        optimizer=torch.optim.Adam,
        mini_batch_size=50,
        max_epochs=job["epochs"],
        save_final_model=False,
        plugins=[times],
    )
    trained = [count / (end - begin) for begin, end in zip(times.begins, times.ends, strict=True)][1:]
    predicted = []
    for _ in range(2):
        fresh = [Sentence(tokens) for tokens, _ in rows]
        begin = time.process_time()
        model.predict(fresh, mini_batch_size=256)
        predicted.append(count / (time.process_time() - begin))
print(json.dumps({"train": trained, "predict": predicted}))
