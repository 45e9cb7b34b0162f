# What a person does here: `make run` and `make test`; both install what they need into .venv first.

PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { echo $$p; break; }; done)
UV ?= uv
BIN := .venv/bin
INSTALLED := .venv/installed

.DEFAULT_GOAL := help
.PHONY: help venv run demo manage test coverage fuzz chaos simulate mutants crash-points bench bench-quick vendor-clients conformance lint format docs lock clean

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

venv: $(INSTALLED) ## Create .venv with the exact versions of requirements.lock

# Without a resolver: the lock is complete (`pip check` says so), and pip would take a newer release for an extra
# (`coverage[toml]` of pytest-cov) and then complain that it is not locked.
$(INSTALLED): requirements.lock pyproject.toml
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer is needed; name one with PYTHON=/path/to/python3"; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Python 3.11 or newer is needed, and $(PYTHON) is not; name one with PYTHON=..."; exit 1; }
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@$(BIN)/python -m pip check --disable-pip-version-check > /dev/null || $(BIN)/python -m pip check
	@touch $(INSTALLED)

run: $(INSTALLED) ## Run everything in the foreground; PORT and FLOWER_PORT move the ports, Ctrl-C stops
	@exec $(BIN)/python -m tools.local.run

demo: $(INSTALLED) ## Run the bridge beside a simulator of ProQuant, with a page; SIMULATOR_PORT moves the page
	@exec $(BIN)/python -m tools.local.demo

manage: $(INSTALLED) ## Run the management API beside `make run`; BRIDGE_MANAGEMENT_PORT moves its port
	@exec $(BIN)/python -m tools.local.management

test: lint ## Run every check and every test, on an embedded PostgreSQL and Redis
	$(BIN)/python -m pytest -q -n 2 --dist loadfile --durations=15

coverage: $(INSTALLED) ## Run every test and measure which lines and branches they reach; takes half as long again
	$(BIN)/python -m pytest -q -n 2 --dist loadfile --cov --cov-report=term

MINUTES ?= 10
SEED ?= 1
chaos: $(INSTALLED) ## Kill, freeze and cut off real processes for MINUTES by SEED; see docs/chaos.md
	@exec $(BIN)/python -m tests.chaos --minutes $(MINUTES) --seed $(SEED) --report var/chaos

BENCH := .venv/bench
$(BENCH): $(INSTALLED) tests/benchmarks/requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r tests/benchmarks/requirements.lock
	@touch $(BENCH)

bench: $(BENCH) ## Measure the bridge beside Flask and Celery; writes var/bench; see docs/benchmarks.md
	@exec $(BIN)/python -m tests.benchmarks

bench-quick: $(BENCH) ## The same in short: shows that it works, and little about ratios
	@exec $(BIN)/python -m tests.benchmarks --quick

SEEDS ?= 2000
simulate: $(INSTALLED) ## Play SEEDS worlds in virtual time; `python -m tests.simulation --replay N` shows one
	$(BIN)/python -m tests.simulation --seeds $(SEEDS)

mutants: $(INSTALLED) ## Break one function at a time and play worlds until each is found; MUTANTS="lease tombstone" for some
	$(BIN)/python -m tests.simulation.mutants $(MUTANTS)

crash-points: $(INSTALLED) ## Let a process die at every point of every story; EVERY=10 for a tenth of them
	$(BIN)/python -m tests.faults $(EVERY)

fuzz: $(INSTALLED) ## Post 100,000 odd bodies to a run of its own
	$(BIN)/python -m tests.acceptance.fuzz

conformance: $(INSTALLED) ## Try every case of the broker contract on every adapter; ADAPTERS="http oanda" for some
	$(BIN)/python -m tests.contract $(ADAPTERS)

VENDORS = $(basename $(notdir $(wildcard tests/vendor_clients/*.txt)))
vendor-clients: $(addprefix vendor-client-,$(VENDORS)) ## Let the vendors' own clients read and trade at the simulators
vendor-client-%: tests/vendor_clients/%.txt
	$(PYTHON) -m venv var/vendor-clients/$*
	var/vendor-clients/$*/bin/python -m pip install --quiet --disable-pip-version-check -r $<
	var/vendor-clients/$*/bin/python -m tests.vendor_clients.$*

lint: $(INSTALLED) ## Run the checks that need no running program
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(INSTALLED) ## Format the code, and mend what can be mended by itself
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

docs: $(INSTALLED) ## Write the pages of docs/reference from the code
	$(BIN)/python -m tests.architecture.reference

COMPILE = $(UV) pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate --no-header
lock: ## Resolve the dependencies anew (needs uv)
	$(COMPILE) --extra dev pyproject.toml -o requirements.lock
	$(COMPILE) --constraint requirements.lock pyproject.toml -o requirements-production.lock
	$(COMPILE) --constraint requirements.lock --extra bench pyproject.toml -o tests/benchmarks/requirements.lock

clean: ## Remove what can be made again; var/ with its data stays
	rm -rf .venv build *.egg-info .coverage* htmlcov .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find receiver workers shared tools tests -name __pycache__ -type d -exec rm -rf {} +
