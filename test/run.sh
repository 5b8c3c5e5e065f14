#!/bin/sh
# Runs the compiled tests with node's own runner. Node 20 takes no globs, hence find.
# Arguments narrow the run: sh test/run.sh retry runs the files whose path contains "retry".
set -eu
cd "$(dirname "$0")/.."
# By their sources: a test that was renamed or removed leaves its compiled file behind.
files=$(find test -name "*.test.ts" -path "*${1:-}*" | sort | sed 's|^\(.*\)\.ts$|.build/\1.js|')
[ -n "$files" ] || { echo "no test file matches '${1:-}'" >&2; exit 1; }
# shellcheck disable=SC2086 -- one argument per file
exec node --enable-source-maps --test --test-timeout=180000 --test-concurrency=2 --test-reporter=spec $files
