# Everything works from a bare machine: Python 3.11 or newer, a C compiler and make.
# `make run` and the others set up .venv by themselves, once.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
TOOLS := $(VENV)/.tools
READY := $(VENV)/.ready
BUILT := $(VENV)/.built
DEV := $(VENV)/.dev
RECORDING := tests/data/session.touch.jsonl
OUT := out
TABLES := capture/gestures/kinds.py capture/gestures/config.py capture/_native/record.h
SOURCES := $(TABLES) $(shell find capture/_native -name '*.pyx' -o -name '*.pxd' -o -name '*.h')
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet

ARCH ?= arm64

.PHONY: run demo test test-arm test-pythons wheels lint bench soak docs example clean

run: $(BUILT)
	@$(BIN)/capture replay $(RECORDING) -o $(OUT)
	@$(BIN)/capture report $(RECORDING) -o $(OUT)/report.html
	@echo
	@echo 'Next:'
	@echo '  $(BIN)/capture explain $(RECORDING) --stroke 12'
	@echo '                         how stroke 12 was classified'
	@echo '  $(BIN)/capture view $(OUT)/batches.jsonl'
	@echo '                         the events in the batches'
	@echo '  make demo              draw in the browser and see the gestures'
	@echo 'Open $(OUT)/report.html in a browser to see the recording.'

test: $(BUILT) $(DEV)
	$(BIN)/python -m pytest --numprocesses=auto --dist=loadfile

# Another machine (arm64, armhf or s390x), in emulation; TESTS=paths for other tests than the core's.
test-arm: $(TOOLS)
	$(BIN)/python scripts/run_machine.py $(ARCH) $(TESTS)

# The core on every Python that is found.
test-pythons: $(BUILT) $(DEV)
	$(BIN)/python scripts/run_pythons.py

# Wheels and the sdist, each tried in an empty environment.
wheels: $(BUILT) $(DEV)
	$(BIN)/python scripts/wheels.py

lint: $(BUILT) $(DEV)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/cython-lint capture
	$(BIN)/mypy
	$(BIN)/python -m mypy.stubtest capture._native --mypy-config-file pyproject.toml \
	  --ignore-disjoint-bases --allowlist tests/typing/stubtest_allowed.txt --ignore-unused-allowlist

# The peers that it is compared with; what cannot be installed is left out of the comparison.
bench: $(BUILT) $(DEV)
	-$(PIP) install --group peers
	$(BIN)/python scripts/bench.py
	-$(BIN)/python benchmarks/compare_faults.py

# Hours of looking for the unexpected: full counts in the fault tests, more examples, random bytes.
soak: $(BUILT) $(DEV)
	CAPTURE_SOAK=1 CAPTURE_EXAMPLES=20000 CAPTURE_FUZZ_EXAMPLES=100000 $(BIN)/python -m pytest
	$(BIN)/python tests/fuzz/fuzz_feed.py --seconds 600
	-$(BIN)/python scripts/run_machine.py arm64
	-$(BIN)/python scripts/run_machine.py armhf
	-$(BIN)/python scripts/run_machine.py s390x
	-$(BIN)/python scripts/run_pythons.py
	-$(PIP) install --group peers
	$(BIN)/python benchmarks/compare_faults.py --full

docs: $(BUILT)
	$(BIN)/python scripts/make_docs.py

example: $(BUILT)
	$(PIP) install 'touchcapture[kivy]'
	env -u DISPLAY SDL_VIDEODRIVER=offscreen KIVY_GL_BACKEND=mock KIVY_NO_FILELOG=1 \
	  XDG_DATA_HOME="$(CURDIR)/$(OUT)/example" $(BIN)/python examples/kivy_shop --tour

demo: $(BUILT)
	$(PIP) install 'touchcapture[demo]'
	$(BIN)/capture demo --open

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make PYTHON=...")'
	@$(PYTHON) -m venv $(VENV)

# pip in a fresh environment may be too old for dependency groups. The native code is built with the
# Cython that builds it again later, or the first change of a header would build all of it.
$(TOOLS): $(VENV)/bin/python
	@echo 'Setting up $(VENV).'
	@$(PIP) install --upgrade 'pip>=25.1' 'setuptools>=77' 'cython>=3.1,<4'
	@touch $(TOOLS)

$(READY): $(TOOLS) pyproject.toml setup.py
	@echo 'Installing packages and compiling the native core.'
	@echo 'About a minute, longer on a busy machine. Only once.'
	@PYTHONWARNINGS=ignore $(PIP) install --no-build-isolation --editable .
	@touch $(READY) $(BUILT)

$(DEV): $(READY)
	@echo 'Installing the packages of tests and checks. A minute or two, only once.'
	@$(PIP) install --group dev
	@touch $(DEV)

# The installation has built everything already: build again only what changed since.
$(BUILT): $(READY) $(SOURCES)
	@$(BIN)/python scripts/make_rule.py
	@test -e $(BUILT) -a -z "$$(find capture/_native -name '*.p[yx][xd]' -newer $(BUILT) -o -name '*.h' -newer $(BUILT))" \
	  || { echo 'Compiling the changed parts of the native core.'; $(BIN)/python -W ignore setup.py --quiet build_ext --inplace; }
	@touch $(BUILT)

clean:
	rm -rf $(BUILT) build dist *.egg-info $(OUT) .pytest_cache .mypy_cache .ruff_cache .hypothesis .benchmarks
	find capture -name '*.so' -delete -o -name '*.html' -path '*/_native/*' -delete
	find capture -name '*.c' -path '*/_native/*' -delete
	find . -name __pycache__ -not -path './$(VENV)/*' -prune -exec rm -rf {} +
