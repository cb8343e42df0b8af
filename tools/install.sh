#!/bin/sh
# Make .venv from requirements.lock (pinned and hashed) and install this checkout into it, editable.
# PYTHON=python3.13 chooses an interpreter; otherwise the first of the usual names that is new enough.
set -eu

fits='import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 15))'
python=""
for name in ${PYTHON:-python3 python3.14 python3.13 python3.12 python3.11}; do
  if command -v "$name" >/dev/null 2>&1 && "$name" -c "$fits" >/dev/null 2>&1; then
    python=$name
    break
  fi
done
if [ -z "$python" ]; then
  echo "No Python 3.11 to 3.14 found (tried ${PYTHON:-python3, python3.14 ... python3.11})." >&2
  echo "Install one, or name it: make PYTHON=/path/to/python3.12 test" >&2
  exit 1
fi

if [ ! -x .venv/bin/python ] || ! .venv/bin/python -c "$fits" >/dev/null 2>&1; then
  rm -rf .venv
  echo "Creating .venv with $("$python" --version)" >&2
  "$python" -m venv .venv || {
    echo "Could not create .venv: on Debian and Ubuntu, install python3-venv first." >&2
    exit 1
  }
fi

# pip is only used to fetch uv. It repeats its notices for every package, so it speaks only when it fails.
log=$(mktemp)
trap 'rm -f "$log"' EXIT
if ! .venv/bin/python -m pip install --quiet "uv==$UV_VERSION" >"$log" 2>&1; then
  cat "$log" >&2
  exit 1
fi

echo "Installing from requirements.lock (about a minute; later runs skip this)" >&2
VIRTUAL_ENV=$PWD/.venv
export VIRTUAL_ENV
unset PYTHONDONTWRITEBYTECODE
uv=.venv/bin/uv
# uv trusts a list of its own, in which the certificate of a proxy that looks into TLS is not; the machine's list has it.
fetch() { "$uv" pip install --quiet --compile-bytecode --require-hashes -r requirements.lock; }
fetch 2>"$log" || (export UV_SYSTEM_CERTS=true; fetch)
"$uv" pip install --quiet --no-deps --no-build-isolation --editable .
.venv/bin/python -m compileall -q edfi_toolkit
touch .venv/.installed
