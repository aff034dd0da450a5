# Everything that people and CI run. `make help` lists it.
.DEFAULT_GOAL := help
SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
MEMBERS := shared auth-service todo-service gateway devstack
MANIFESTS := $(addsuffix /pyproject.toml,$(MEMBERS))
# Several processes (tests/conftest.py), each with servers of its own; who asks for some tests alone waits for one, and reads its lines.
PARALLEL = $(if $(ARGS),,-n auto --maxprocesses 8 --dist worksteal)

.PHONY: help up reset test proofs test-variants check format lock bench chaos e2e browser compose-up

help: ## List the commands
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(VENV)/.installed: requirements-dev.txt $(MANIFESTS) scripts/install
	@PYTHON="$(PYTHON)" scripts/install $(VENV) $(MEMBERS)
	@touch $@

up: $(VENV)/.installed ## Run the whole set here: PostgreSQL, Valkey, mail catcher, services, gateway (PORT=8080 MAIL_PORT=8025)
	@exec $(BIN)/python -m devstack up

reset: $(VENV)/.installed ## Delete the local set's data
	@$(BIN)/python -m devstack reset

test: $(VENV)/.installed ## Run all tests against real PostgreSQL and Valkey (ARGS="-k title" for some)
	@$(BIN)/python -m pytest $(PARALLEL) $(ARGS)

proofs: $(VENV)/.installed ## Run the long proofs at their whole length, five times that of make test, and show what they measure
	@PROOFS=whole $(BIN)/python -m pytest -rP tests/system/outages tests/draining/test_rolling_restart.py tests/auth_service/test_races.py tests/auth_service/test_refreshing.py tests/auth_service/test_session_machine.py tests/auth_service/deletion/test_last_moment.py tests/gateway/wire/test_cancel_storm.py tests/gateway/wire/test_retries.py tests/gateway/limits tests/gateway/wire/test_limits.py tests/gateway/wire/test_floods.py $(ARGS)

test-variants: $(VENV)/.installed ## Run the todo-service's tests on partitioned tables, without Redis, and with Redis killed half-way
	@for variant in partitions redis-stopped redis-killed; do \
	  echo "--todo-suite=$$variant"; $(BIN)/python -m pytest tests/todo_service --todo-suite=$$variant $(PARALLEL) $(ARGS) || exit; \
	done

check: $(VENV)/.installed ## Lint, format, types, import rules, locks
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/python scripts/lock.py check

format: $(VENV)/.installed ## Let ruff mend what it can
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

lock: $(VENV)/.installed ## Resolve the hashed locks anew from the manifests
	@$(BIN)/python scripts/lock.py write

bench: $(VENV)/.installed ## Measure against peers; fails below a bar (ONLY=todos)
	@$(BIN)/python -m benchmarks $(ONLY)

chaos: $(VENV)/.installed ## Kill processes at random under fifty writers for three minutes (CHAOS_SECONDS=180 CHAOS_SEED=…)
	@$(BIN)/python -m tests.chaos

e2e: $(VENV)/.installed ## Run the system tests against a running set (E2E_BASE_URL, E2E_MAIL_URL)
	@E2E_BASE_URL=$${E2E_BASE_URL:-http://127.0.0.1:8080} $(BIN)/python -m pytest tests/system -m "not kills and not browser" $(ARGS)

browser: $(VENV)/.installed ## Run the browser tests (needs Chromium)
	@$(BIN)/python -m pytest -m browser tests $(ARGS)

compose-up: ## Run the whole set in Docker
	docker compose up --build --wait
