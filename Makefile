# Wajah: `make run` starts everything, `make test` tests everything. Both set up what they need first.
# Assumed: make, a Python >= 3.8 with pip, and Pythons 3.12 and 3.10 that uv finds or may fetch.

APP = .venv/bin/python
BOT = .venv-bot/bin/python
LOCK = .tools/bin/uv pip compile pyproject.toml --generate-hashes --universal --no-emit-index-url --no-header --quiet $(UPGRADE)

# The first Python that runs and is new enough: with pyenv, `python3` here may be a shim for a version that is missing.
SET_UP = @for python in python3 python /usr/bin/python3; do \
	if "$$python" -c 'import sys; sys.exit(sys.version_info < (3, 8))' 2>/dev/null; \
	then exec "$$python" tools/setup.py

OR_SAY = ; fi; done; \
	echo "wajah: Python 3.8 or newer with pip is missing: install it (for example: apt install python3 python3-pip)" >&2; exit 1

# The suites, the bot's in its own environment. Rules and tables share the processors; what runs a whole house of
# processes has the machine to itself: the one that is talked to is gone before the one that is killed is built. All run
# even if one fails.
SIDE_BY_SIDE = tests/unit tests/integration
TALKED_TO = tests/e2e tests/browser
KILLED = tests/chaos

.PHONY: run test setup setup-test train nlu-report nlu-compare bench lint lock clean

run: setup
	@exec $(APP) -m handoff run

test: setup-test
	@$(APP) -m handoff train
	@status=0; \
	$(BOT) -m pytest --confcutdir=tests/nlu tests/nlu || status=$$?; \
	$(APP) -m pytest --numprocesses auto $(SIDE_BY_SIDE) || status=$$?; \
	$(APP) -m pytest $(TALKED_TO) || status=$$?; \
	$(APP) -m pytest $(KILLED) || status=$$?; \
	exit $$status

setup:
	$(SET_UP) run $(OR_SAY)

setup-test:
	$(SET_UP) test $(OR_SAY)

train: setup
	@$(APP) -m handoff train --force

nlu-report: setup-test
	@$(APP) -m handoff train
	@$(BOT) -m benchmarks.understanding.report
	@$(APP) -m benchmarks.understanding.alarms
	@$(APP) -m benchmarks.understanding.two_matters --pairs 10

# Rasa's own pipelines trained and asked beside ours; many minutes.
nlu-compare: setup-test
	@$(BOT) -m benchmarks.understanding.compare

bench: setup-test
	@$(APP) -m benchmarks

lint: setup-test
	$(APP) -m ruff check
	$(APP) -m mypy

# Resolves the dependency groups of pyproject.toml into requirements/; `make lock UPGRADE=--upgrade` takes newer versions.
lock: setup
	$(LOCK) --python-version 3.12 --group app --output-file requirements/app.txt
	$(LOCK) --python-version 3.12 --group dev --constraint requirements/app.txt --output-file requirements/dev.txt
	$(LOCK) --python-version 3.10 --group bot --output-file requirements/bot.txt
	$(LOCK) --python-version 3.10 --group bot-test --constraint requirements/bot.txt --output-file requirements/bot-test.txt
	$(LOCK) --python-version 3.8 --group tools --output-file requirements/tools.txt
	$(LOCK) --python-version 3.12 --group node --output-file requirements/node.txt

# Everything set-up made; the state in .wajah stays.
clean:
	rm -rf .tools .venv .venv-bot handoff/web/static/vendor handoff/web/fonts .mypy_cache .pytest_cache .ruff_cache
