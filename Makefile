# The two commands. Each sets up what it needs by itself; Windows has the same in plain commands
# in README.md.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: demo test models wheel lint clean

# the environment is made again when setup.cfg changes
.venv/ready: setup.cfg setup.py
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --upgrade pip setuptools wheel
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[laptop,test]'
	touch $@

demo: .venv/ready  ## the whole job in the simulator: collect, train, evaluate, drive, report
	$(BIN)/python -m jetbot_mlp demo --out demo

test: .venv/ready  ## the tests
	$(BIN)/python -m pytest

models: .venv/ready  ## the shipped models and their cards, from the simulator (half an hour)
	$(BIN)/python models/make.py

wheel: .venv/ready  ## the one file for the robot, dist/jetbot_mlp-*-py3-none-any.whl; offline
	rm -rf build dist
	$(BIN)/python -m pip wheel --quiet --no-deps --no-build-isolation --wheel-dir dist .
	rm -rf build

lint: .venv/ready
	$(BIN)/python -m pip install --quiet --disable-pip-version-check ruff
	$(BIN)/python -m ruff check .

clean:
	rm -rf .venv demo build dist *.egg-info .pytest_cache .ruff_cache
