# Every target installs what it needs into .venv/. `make` alone lists the targets.

PYTHON ?= python3
VENV := .venv
RUN := $(VENV)/bin/python
# The deployment tool reports its use only if asked to.
export SAM_CLI_TELEMETRY ?= 0
# What the built functions run on, on this machine and, with ARCH=x86_64 or ARCH=arm64, on AWS.
MACHINE := $(if $(filter aarch64 arm64,$(shell uname -m)),arm64,x86_64)
# `make run BUILT=1` and `make demo BUILT=1` run what `sam build` makes, as on Lambda, instead of the checkout's code.
BUILD_FIRST = $(if $(BUILT),build-local)
IN_BUILT = $(if $(BUILT),POINTSMAN_BUILT=on)
# The script behind /docs. Its name holds the version, so a new version is fetched at once.
SCALAR := functions/documentation/assets/scalar-$(shell sed -n 's/^flask-openapi-scalar==\([^ ]*\).*/\1/p' requirements/scalar.txt).js.gz
# The console's page; its other files have other names after each change.
CONSOLE := functions/console/assets/index.html
export PYTHONPATH := $(CURDIR):$(CURDIR)/layers/shared:$(CURDIR)/functions

.DEFAULT_GOAL := help
.PHONY: help demo run sam-local migrate migrate-drop reconcile test test-built slow browser clients faults sequences lint bench bench-cold bench-prompts openapi simulator validate find-python build build-local deploy secrets lock clean console console-types client-types cli

help: ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /|/' | awk -F'|' '{printf "  make %-13s %s\n", $$1, $$2}'

demo: $(VENV)/.local $(BUILD_FIRST) ## create an instance, show each step, destroy it, run a prompt with an approval, prove that nothing is left
	@$(IN_BUILT) $(RUN) -m local demo

run: $(VENV)/.local $(SCALAR) $(CONSOLE) $(BUILD_FIRST) ## keep the whole stack up on this machine until Ctrl-C; BUILT=1 runs the built artefacts
	@$(IN_BUILT) exec $(RUN) -m local run

sam-local: build-local ## run what `sam local` cannot until Ctrl-C, and print its command for the rest (needs Docker; see docs/local.md)
	@exec $(RUN) -m local sam-local $(if $(BRIDGE),--bridge $(BRIDGE))

migrate: $(VENV)/.local ## bring the databases up to date, once
	@$(RUN) -m local migrate

migrate-drop: $(VENV)/.local ## the same, and drop legacy columns
	@$(RUN) -m local migrate --drop

reconcile: $(VENV)/.local ## run the reconciler once: resume stalled operations, retry leaked ones; DRY=1 only shows what it would do
	@$(RUN) -m local reconcile $(if $(DRY),--dry)

test: $(VENV)/.dev $(VENV)/.npm $(VENV)/.sam $(SCALAR) $(CONSOLE) lint ## all tests but the slow suites
	@$(RUN) -m pytest -n 3 --dist worksteal

test-built: build-local $(VENV)/.dev $(VENV)/.npm ## the artefacts' own tests, and the end-to-end tests on them
	@POINTSMAN_BUILT=on $(RUN) -m pytest -n 3 --dist worksteal tests/built tests/events tests/contract tests/prompts tests/workflow

slow: $(VENV)/.dev $(VENV)/.npm $(SCALAR) $(CONSOLE) ## the tests that take long
	@$(RUN) -m pytest -n 3 --dist worksteal -m slow

browser: $(VENV)/.dev $(SCALAR) $(CONSOLE) ## the documentation and the console in headless Chromium, which has to be installed
	@$(RUN) -m pytest -m browser tests/browser

clients: $(VENV)/.dev $(VENV)/.npm-clients $(SCALAR) $(CONSOLE) ## the SDKs, the command line, MCP and the chat protocols, each called by its public client package
	@$(RUN) -m pytest -n 2 --dist worksteal -m clients tests/clients

faults: $(VENV)/.dev ## the fault matrix: every provider call with every fault; also in .pointsman/faults.md (18 minutes; SHORT=1 samples)
	@$(RUN) -m tests.faults --out .pointsman/faults.md $(if $(SHORT),--short)

sequences: $(VENV)/.dev ## 500 random sequences of operations, faults and crashes (20 minutes)
	@POINTSMAN_SEQUENCES=$${POINTSMAN_SEQUENCES:-500} $(RUN) -m pytest -q -n 4 tests/sequences

lint: $(VENV)/.dev ## style, types, layering, template
	@$(RUN) -m ruff check . && $(RUN) -m ruff format --check .
	@$(VENV)/bin/pyright
	@$(VENV)/bin/lint-imports
	@$(MAKE) --no-print-directory validate

validate: $(VENV)/.template ## validate the template with cfn-lint, SAM and checkov, if it has changed

# Three programs that need most of a minute, so only when what they read has changed.
$(VENV)/.template: template.yaml $(wildcard statemachines/*.yaml) .checkov.yaml $(VENV)/.dev $(VENV)/.sam $(VENV)/.checkov
	@$(VENV)/bin/cfn-lint template.yaml
	@$(VENV)/sam/bin/sam validate --lint
	@$(VENV)/checkov/bin/checkov --file template.yaml
	@touch $@

bench: $(VENV)/.local $(VENV)/.lambda $(SCALAR) $(CONSOLE) ## one table against yardsticks of the same run; SHORT=1 in minutes; WRITE=1 into docs/performance.md
	@$(RUN) -m benchmarks --python $(VENV)/lambda/bin/python $(if $(ONLY),--only $(ONLY)) $(if $(SHORT),--short) $(if $(WRITE),--write)

bench-cold: $(VENV)/.local $(VENV)/.lambda $(SCALAR) $(CONSOLE) ## the cold start of each function, in bare handlers
	@$(RUN) -m benchmarks.cold_start --python $(VENV)/lambda/bin/python

bench-prompts: $(VENV)/.local ## 200 prompts at once, each streamed by its own client: none lost or wrong, and the time to the first event
	@$(RUN) -m benchmarks --only concurrent_prompts $(if $(SHORT),--short)

openapi: $(VENV)/.local ## generate the OpenAPI documents from the endpoints' code
	@$(RUN) -m local.template.openapi

console: $(CONSOLE) ## build the console's page, if its code has changed

console-types: $(VENV)/.node ## generate the console's types of the APIs from the OpenAPI documents
	@sh requirements/console.sh $(VENV)/node types

client-types: $(VENV)/.dev $(VENV)/.npm ## generate the clients' types of the APIs from the OpenAPI document
	@sh requirements/clients.sh $(VENV) types-python
	@sh requirements/clients.sh $(VENV) types-typescript

cli: $(VENV)/.cli ## install `pointsman` on the command line, into .venv/cli/bin

simulator: $(VENV)/.local ## the four providers and the model alone, on port 4010
	@exec $(RUN) -m local.simulator

# Before anything is installed: without the template's Python nothing can be built.
find-python:
	@sh requirements/find_python.sh >/dev/null

build: find-python $(VENV)/.runtime $(VENV)/.sam $(SCALAR) $(CONSOLE) ## build what is deployed into .aws-sam/build/; ARCH=x86_64 or arm64
	@sh requirements/build.sh $(VENV) .aws-sam "$(ARCH)"
	@$(if $(API_PREFIX),$(RUN) -m local.template.api_prefix .aws-sam/build/template.yaml $(API_PREFIX))

build-local: find-python $(VENV)/.runtime $(VENV)/.sam $(SCALAR) $(CONSOLE) ## build the same for this machine's processor, into .aws-sam/local/
	@sh requirements/build.sh $(VENV) .aws-sam/local $(MACHINE)

deploy: $(VENV)/.sam ## check, build and deploy an environment of samconfig.toml: ENV=dev, staging or production
	$(if $(API_PREFIX),$(error API_PREFIX of an environment is api_prefix in samconfig.toml, so that every deployment has it))
	@$(RUN) -m deployment check "$(ENV)"
	@prefix=$$($(RUN) -m deployment api-prefix "$(ENV)") && architecture=$$($(RUN) -m deployment architecture "$(ENV)") && \
		$(MAKE) --no-print-directory build API_PREFIX="$$prefix" ARCH="$$architecture"
	@$(RUN) -m deployment parameters "$(ENV)"
	@$(VENV)/sam/bin/sam deploy --config-env "$(ENV)" --parameter-overrides file://.aws-sam/parameters.yaml

secrets: $(VENV)/.local ## create or update the secrets of ENV in AWS, from secrets.ENV.json or secrets.json
	@$(RUN) -m deployment secrets "$(ENV)"

lock: $(VENV)/.dev $(VENV)/.node ## pin all requirements again, with hashes
	@sh requirements/lock.sh

clean: ## remove everything that the targets have created
	rm -rf $(VENV) functions/documentation/assets functions/console/assets console/node_modules clients/typescript/dist clients/typescript/node_modules .pointsman .aws-sam .pytest_cache .ruff_cache .hypothesis
	find . -name __pycache__ -prune -exec rm -rf {} +

$(VENV)/.local: requirements/local.txt requirements/uv.txt
	@sh requirements/install.sh $(PYTHON) $(VENV) requirements/local.txt
	@touch $@

$(VENV)/.dev: requirements/dev.txt $(VENV)/.local
	@sh requirements/install.sh $(PYTHON) $(VENV) requirements/dev.txt
	@touch $@

$(VENV)/.cli: requirements/cli.sh requirements/cli.txt $(VENV)/.local $(shell find clients/python clients/cli -type f -not -name '*.pyc')
	@sh requirements/cli.sh $(PYTHON) $(VENV)/cli
	@touch $@

$(VENV)/.npm: requirements/npm.sh requirements/npm/package-lock.json $(VENV)/.dev
	@sh requirements/npm.sh $(VENV) npm
	@touch $@

$(VENV)/.npm-clients: requirements/npm.sh requirements/npm-clients/package-lock.json $(VENV)/.dev
	@sh requirements/npm.sh $(VENV) npm-clients
	@touch $@

$(VENV)/.runtime: requirements/runtime.txt $(VENV)/.local
	@python=$$(sh requirements/find_python.sh) && sh requirements/install.sh "$$python" $(VENV)/runtime requirements/runtime.txt
	@touch $@

$(VENV)/.lambda: requirements/lambda.txt $(VENV)/.local
	@sh requirements/install.sh $(PYTHON) $(VENV)/lambda requirements/lambda.txt
	@touch $@

$(VENV)/.checkov: requirements/checkov.txt $(VENV)/.local
	@sh requirements/install.sh $(PYTHON) $(VENV)/checkov requirements/checkov.txt
	@touch $@

$(SCALAR): requirements/scalar.sh | $(VENV)/.local
	@sh requirements/scalar.sh $(VENV) $(@D)

$(VENV)/.node: requirements/node.txt $(VENV)/.local
	@sh requirements/install.sh $(PYTHON) $(VENV)/node requirements/node.txt
	@touch $@

$(CONSOLE): $(VENV)/.node requirements/console.sh $(wildcard console/*.*) $(shell find console/src -type f)
	@sh requirements/console.sh $(VENV)/node

$(VENV)/.sam: requirements/sam.txt $(VENV)/.local
	@sh requirements/install.sh $(PYTHON) $(VENV)/sam requirements/sam.txt
	@touch $@
