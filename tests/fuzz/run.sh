#!/usr/bin/env bash
# Fuzzes the parsers, the evaluator, the formatter, the file readers and the comparison of schemas, each for a while.
#
#   tests/fuzz/run.sh [SECONDS] [TARGET]…     30 seconds and all targets where nothing is said
#
# Needs nightly Rust and cargo-fuzz (cargo install cargo-fuzz), so it is no part of tests/run.sh; the
# workflow runs it. What it finds is kept in tests/fuzz/artifacts.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

seconds=${1:-30}
shift || true
targets=("$@")
[ ${#targets[@]} -gt 0 ] || targets=(project expression format state plan_file schema)

# The seeds come from the project's own tests.
seed() { # target, files…
    local target=$1 file
    shift
    mkdir -p "corpus/$target"
    for file in "$@"; do
        cp "$file" "corpus/$target/$(echo "$file" | tr -c 'a-zA-Z0-9\n' _)"
    done
}
root=../..
for target in project expression format; do
    seed "$target" "$root"/tests/scenarios/*/main.hcl "$root"/examples/*/*.hcl
done
seed state "$root"/tests/fixtures/state/*.json "$root"/tests/scenarios/*/state.json
# Pairs of schemas: those of the examples with themselves, and the public suites' where they are at hand.
python3 - corpus/schema "$root"/examples/*/schemas/*.avsc "$root"/../shared/corpora/compat-*.jsonl <<'PYTHON'
import json, os, sys

folder, files = sys.argv[1], sys.argv[2:]
os.makedirs(folder, exist_ok=True)
pairs = []
for path in filter(os.path.exists, files):
    text = open(path, encoding="utf-8").read()
    if path.endswith(".avsc"):
        pairs.append(("a", text, text))
        continue
    letter = os.path.basename(path).removeprefix("compat-")[0]
    for line in map(json.loads, text.splitlines()):
        sides = [line[side] if isinstance(line[side], str) else json.dumps(line[side]) for side in ("old", "new")]
        pairs.append((letter, *sides))
for number, (letter, old, new) in enumerate(pairs):
    with open(f"{folder}/seed-{number:04}", "w", encoding="utf-8") as seed:
        seed.write(f"{letter}{old}\0{new}")
PYTHON
seed plan_file "$root"/tests/scenarios/*/plan.json.snap

# Deep nesting is refused by depth, not by memory; a slow input is a fault as well.
for target in "${targets[@]}"; do
    echo "== $target"
    cargo +nightly fuzz run --fuzz-dir . "$target" -- \
        -max_total_time="$seconds" -max_len=4096 -timeout=10 -rss_limit_mb=4096 -print_final_stats=1
done
