# make app: start the dashboard. make test: everything, browser tests too. make check: format and lint as well.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PORT ?= 8501
WORKERS ?= 2

.PHONY: app test check format messages benchmark browser postgresql clean

app: $(VENV)/app.stamp
	@mkdir -p static
	@$(BIN)/python -c 'import socket; socket.socket().bind(("127.0.0.1", $(PORT)))' 2>/dev/null || { \
	  echo "Port $(PORT) is taken; is Innerloop running already? Otherwise: make app PORT=8502"; exit 1; }
	$(BIN)/streamlit run app.py --server.port $(PORT)

test: $(VENV)/dev.stamp browser postgresql
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadgroup --max-worker-restart 0

check: $(VENV)/dev.stamp
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(MAKE) test

format: $(VENV)/dev.stamp
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

# Brings the translations in locale/ up to date with the source, and counts what is still to be translated.
messages: $(VENV)/app.stamp
	$(BIN)/python locale/collect.py

benchmark: $(VENV)/dev.stamp
	$(BIN)/python -m benchmarks.meta_step

$(VENV)/python.stamp:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
	  echo "Innerloop needs Python 3.11 or newer, and '$(PYTHON)' is $$($(PYTHON) --version 2>&1)."; \
	  echo "Install one and name it: make app PYTHON=python3.12"; exit 1; }
	@$(PYTHON) -m venv $(VENV) || { \
	  echo "The virtual environment could not be made. On Debian and Ubuntu: apt-get install python3-venv"; exit 1; }
	@touch $@

$(VENV)/app.stamp: requirements.txt $(VENV)/python.stamp
	$(BIN)/python -m pip install --disable-pip-version-check -q -r requirements.txt
	@touch $@

$(VENV)/dev.stamp: requirements-dev.txt requirements.txt $(VENV)/python.stamp
	$(BIN)/python -m pip install --disable-pip-version-check -q -r requirements-dev.txt
	@touch $@ $(VENV)/app.stamp

# Debian's chromium when we may install it, otherwise playwright's own. A browser that is there already is taken as it is.
browser: $(VENV)/dev.stamp
	@if command -v chromium >/dev/null || command -v google-chrome >/dev/null; then :; \
	elif [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	  apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium fonts-dejavu-core; \
	else $(BIN)/python -m playwright install chromium; fi

# The store is tested on PostgreSQL as well where Debian's package is installed or we may install it; elsewhere those tests are
# skipped. No server is left running: the tests start one of their own.
postgresql:
	@if ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || command -v initdb >/dev/null; then :; \
	elif [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	  apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends postgresql >/dev/null \
	  || echo "PostgreSQL could not be installed; its tests are skipped."; fi

clean:
	rm -rf $(VENV) static .pytest_cache .ruff_cache
