# The whole project in a few words; on Linux, macOS or WSL. `make demo` shows it, `make test` checks all of it.
SHELL := /bin/bash
BIN := .venv/bin
# A virtual screen for machines that have none, drawn in software so that it looks the same everywhere.
VIRTUAL := env QT_QPA_PLATFORM=xcb LIBGL_ALWAYS_SOFTWARE=1 xvfb-run -a -s "-screen 0 1920x1080x24"
# Where this is set, each process that tests start compiles all modules again.
unexport PYTHONDONTWRITEBYTECODE
SCREEN := $(DISPLAY)$(WAYLAND_DISPLAY)$(filter-out Linux,$(shell uname -s))

.PHONY: demo test test-quick fuzz kills container docs lint lock benchmark wheel system clean

demo: .venv/.ready | system  ## open the window on the sample images; without a screen, take its picture
ifneq ($(SCREEN),)
	$(BIN)/napari-cellvino --demo demo-output
else
	$(VIRTUAL) $(BIN)/napari-cellvino --demo demo-output --screenshot demo-output/window.png
endif

test: lint .cache/.readers .cache/.servers | system  ## everything that must hold before a commit
	CELLVINO_CELLPOSE=$(CURDIR)/.cache/cellpose/bin/python CELLVINO_OME_ZARR=$(CURDIR)/.cache/ome-zarr/bin/python \
	CELLVINO_KSERVE=$(CURDIR)/.cache/kserve/bin/python CELLVINO_MLSERVER=$(CURDIR)/.cache/mlserver/bin/python \
	CELLVINO_BENTOML=$(CURDIR)/.cache/bentoml/bin/python \
	  scripts/run_tests.sh $(BIN)/python $(if $(shell command -v xvfb-run),$(VIRTUAL))

# Rooms that need neither a window nor a whole run; the plugins of the window would be loaded for nothing.
QUICK := $(addprefix tests/,core storage io model_package annotation segmentation measure quality plates results)
test-quick: .venv/.ready-dev  ## what a change is tried with: under 90 seconds, no window, no training, no plate
	$(BIN)/python -m pytest -p no:napari -p no:npe2 -p no:pytest-qt --hypothesis-profile=quick -m "not slow" -x -q -n 2 \
	  --durations=10 --ignore tests/results/test_doubts_agree.py $(QUICK) tests/test_imports.py

# Damaged files of every kind, SECONDS each; the tests try a fixed number of them.
SECONDS := 60
fuzz: .venv/.ready-dev  ## try damaged files on every reader and importer, as long as SECONDS says for each kind
	CELLVINO_FUZZ_SECONDS=$(SECONDS) $(BIN)/python -m pytest -p no:napari -p no:npe2 -p no:pytest-qt -q --timeout 0 tests/fuzz

# The tests kill some runs; this kills KILLS of them, at moments that SEED gives again.
KILLS := 1000
SEED := 1
kills: .venv/.ready-dev  ## kill runs and watches at random moments: they must end as if nothing had happened
	CELLVINO_KILLS=$(KILLS) CELLVINO_KILLS_SEED=$(SEED) $(BIN)/python -m pytest -p no:napari -p no:npe2 -p no:pytest-qt -q -s \
	  --timeout 0 tests/workflows/test_random_kills.py

container: .venv/.ready-dev  ## do the steps of deploy/Containerfile in a chroot, as root, with debootstrap; some minutes
	$(BIN)/python scripts/prove_container.py

docs: .venv/.ready-dev  ## build the documentation into build/site, its notebooks executed; a warning is an error
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict

lint: .venv/.ready-dev
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

lock:  ## pin what is new in pyproject.toml; `make lock FLAGS=--upgrade` takes the newest of everything
	env -u UV_FIND_LINKS uv pip compile pyproject.toml --extra all --extra cluster --extra encryption --extra fast --extra formats --extra profiles --extra remote --extra train --group dev \
	  --constraint requirements/held.txt --universal --python-version 3.11 --no-emit-index-url --no-annotate \
	  --custom-compile-command "make lock" --quiet --output-file requirements/lock.txt $(FLAGS)

benchmark: .venv/.ready-dev
	$(BIN)/python -m benchmarks

wheel: .venv/.ready-dev
	$(BIN)/python -m build

system:
	@scripts/setup_system.sh

.venv/.ready: pyproject.toml requirements/lock.txt scripts/setup_venv.sh | system
	scripts/setup_venv.sh all
	@touch $@

# All in one step; only where `demo` is made too does one wait for the other: they fill the same environment.
.venv/.ready-dev: pyproject.toml requirements/lock.txt scripts/setup_venv.sh | system $(if $(filter demo,$(MAKECMDGOALS)),.venv/.ready)
	scripts/setup_venv.sh all,cluster,encryption,fast,formats,remote,train dev
	@touch .venv/.ready $@

.cache/.readers: .venv/.ready-dev $(wildcard requirements/readers-*.txt) scripts/setup_readers.sh
	scripts/setup_readers.sh
	@touch $@

.cache/.servers: .venv/.ready-dev $(wildcard requirements/server-*.txt) scripts/setup_servers.sh
	scripts/setup_servers.sh
	@touch $@

clean:
	rm -rf .cache .venv build dist demo-output .hypothesis .mypy_cache .pytest_cache .ruff_cache .import_linter_cache
