#!/bin/sh
# Runs the compiled tests with node's own runner. Node 20 takes no globs, hence find.
# Arguments narrow the run: sh test/run.sh retry runs the files whose path contains "retry".
set -eu
cd "$(dirname "$0")/.."
files=$(find .build/test -name "*.test.js" -path "*${1:-}*" | sort)
[ -n "$files" ] || { echo "no test file matches '${1:-}'" >&2; exit 1; }
# shellcheck disable=SC2086 -- one argument per file
exec node --enable-source-maps --test --test-concurrency=2 --test-reporter=spec $files
