# make demo    the research question answered on embedded data, with a report at the end
# make test    format, lint, types, every test, then the wheel on its own
# make test-peers   suites and adapters against the libraries of others, in an environment of their own
# make test-cluster   studies on a real Ray and a real Slurm of this machine, in an environment of their own
# All need nothing but Python >= 3.11 and make; a second run reuses the first one's set-up.

PYTHON ?=
WORKERS ?= 2
export PYTHON WORKERS
VENV := .venv
RUN := $(VENV)/bin/python -m spikeproof

.PHONY: demo test test-peers test-cluster check test-wheel bench docs clean

demo:
	@scripts/setup run
	@$(RUN) demo --workers $(WORKERS) $(ARGS)

test:
	@scripts/check $(ARGS)
	@scripts/check-wheel

test-peers:
	@scripts/check-peers $(ARGS)

test-cluster:
	@scripts/check-cluster $(ARGS)

check:
	@scripts/check $(ARGS)

test-wheel:
	@scripts/check-wheel

bench:
	@scripts/setup run
	@scripts/bench $(ARGS)

docs:
	@scripts/setup docs
	@$(VENV)/bin/python scripts/room_map.py
	@$(VENV)/bin/python scripts/generate_docs.py
	@$(VENV)/bin/python scripts/doc_pages.py
	@$(VENV)/bin/python -m research.pages.attacks
	@$(VENV)/bin/python -m research.pages.training
	@$(VENV)/bin/python -m research.pages.cost
	@$(VENV)/bin/python -m research.pages.errata
	@$(VENV)/bin/python -m research.pages.reliability
	@$(VENV)/bin/python -m research.pages.foreign
	@$(VENV)/bin/python -m research.pages.alarms
	@$(VENV)/bin/python -m research.pages.masking
	@$(VENV)/bin/python -m research.pages.modalities
	@$(VENV)/bin/python -m sphinx -q -W -b html docs docs/_build/html
	@$(VENV)/bin/python scripts/check_site.py docs/_build/html
	@echo "docs/_build/html/index.html"

clean:
	rm -rf $(VENV) .venv-wheel .venv-peers .venv-cluster .mypy_cache .pytest_cache .ruff_cache .hypothesis build dist docs/_build
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
