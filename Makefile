# The two commands of the README are `make demo` and `make test`; each sets up all it needs (Python 3.11+ and make).
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
export UV_PYTHON_DOWNLOADS := never
export UV_LINK_MODE := copy

PEERS := $(VENV)/peers

.PHONY: demo test check soak truth bench spark format lock clean setup

demo: $(READY)
	$(BIN)/leadready demo

test: $(READY)
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --dist loadfile -m "not slow and not soak"

check: $(READY) $(VENV)/.spark
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --dist loadfile -m "not soak" --durations 80 --durations-min 4

# kills at random moments, days under a real schedule, planted strings, 50,000 leads on Spark: an hour or two
soak: $(READY) $(VENV)/.spark
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 0 -s -m soak

# the gates of the statistics on simulated companies; 20 seeds take some 20 minutes on two cores
truth: $(READY)
	$(BIN)/python -m benchmarks.truth $(TRUTH)

# what a day costs, as a multiple of the least there is, beside peers in an environment of their own; writes
# docs/performance.md, and fails where something asked is missed
bench: $(READY) $(PEERS)/.ready
	$(BIN)/python -m benchmarks.speed $(BENCH)

$(PEERS)/.ready: benchmarks/speed/peers.lock $(VENV)/uv/bin/uv
	$(PYTHON) -m venv $(PEERS)
	$(VENV)/uv/bin/uv pip sync --quiet --compile-bytecode --require-hashes --python $(PEERS)/bin/python $<
	touch $@

# what the extra `spark` brings, into the same environment: needed for the tests of Spark, which needs Java 17
spark: $(VENV)/.spark

$(VENV)/.spark: $(READY) pipelines/spark/spark.lock
	$(VENV)/uv/bin/uv pip install --quiet --require-hashes --build-constraints pipelines/spark/spark.lock \
		--python $(BIN)/python --requirement pipelines/spark/spark.lock
	touch $@

format: $(READY)
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

setup: $(READY)

# uv comes from pip, into a folder of its own, so that the lock alone says what the environment holds
$(VENV)/uv/bin/uv:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "leadready needs Python 3.11 or newer, this is " + sys.version.split()[0])'
	$(PYTHON) -m venv $(VENV)
	$(PYTHON) -m venv $(VENV)/uv
	$(VENV)/uv/bin/python -m pip install --quiet --disable-pip-version-check uv

$(READY): requirements.lock pyproject.toml $(VENV)/uv/bin/uv
	$(VENV)/uv/bin/uv pip sync --quiet --compile-bytecode --require-hashes --python $(BIN)/python requirements.lock
	$(VENV)/uv/bin/uv pip install --quiet --no-deps --no-build-isolation --python $(BIN)/python --editable .
	touch $(READY)

lock: $(VENV)/uv/bin/uv
	$(VENV)/uv/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
		--no-header --group dev pyproject.toml --output-file requirements.lock $(LOCK_ARGUMENTS)
	$(VENV)/uv/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
		--no-header benchmarks/speed/peers.in --output-file benchmarks/speed/peers.lock $(LOCK_ARGUMENTS)
	$(VENV)/uv/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
		--no-header pipelines/spark/spark.in --output-file pipelines/spark/spark.lock $(LOCK_ARGUMENTS)

clean:
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
