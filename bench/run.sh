#!/bin/sh
# Runs every benchmark of a build tree and prints the ratios simulator/floor.
# usage: bench/run.sh [BUILD_DIR] [benchmark options...]
set -eu
here=$(cd "$(dirname "$0")" && pwd)
build=${1:-$here/../build/release}
[ $# -gt 0 ] && shift
results=$build/bench/results
mkdir -p "$results"
reports=
for program in "$build"/bench/*_bench; do
  report=$results/$(basename "$program").json
  echo "running $(basename "$program") ..." >&2
  "$program" --benchmark_repetitions=3 --benchmark_min_time=0.1 \
    --benchmark_enable_random_interleaving=true --benchmark_format=json "$@" > "$report"
  reports="$reports $report"
done
# shellcheck disable=SC2086  # one word per report; build paths hold no blanks
"$here/ratios.py" $reports
