#!/usr/bin/env bash
# Shows Streamform's main job on a real Kafka, and fails where a step does not end as it should.
#
# On a fresh machine it installs what is missing (see tests/prerequisites.sh), builds Streamform and
# fetches Kafka. Everything it makes is in a temporary folder, and is gone at the end.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
. "$root/tests/prerequisites.sh"

work=$(mktemp -d)
sandbox="$work/sandbox"
project="$work/shop"
watch_log="$work/watch.log"
watch=

clean_up() {
    trap - EXIT INT TERM
    if [ -n "$watch" ]; then kill "$watch" 2>/dev/null && wait "$watch" || true; fi
    streamform sandbox down --quiet --wipe --dir "$sandbox" || true
    rm -rf "$work"
}

title() {
    printf '\n=== %s\n' "$*"
}

fail() {
    printf '\nquickstart: %s\n' "$*" >&2
    if [ -s "$watch_log" ]; then
        echo "watch said:" >&2
        cat "$watch_log" >&2
    fi
    exit 1
}

# Runs a command as a user would, and checks its exit code.
expect() { # code command…
    local wanted=$1 found=0
    shift
    printf '\n$ %s\n' "$*"
    "$@" || found=$?
    [ "$found" -eq "$wanted" ] || fail "\`$*\` ended with exit code $found instead of $wanted"
}

# Changes Kafka by Kafka's own client: what Streamform must notice.
kafka() { # tool arguments…
    local tool=$1
    shift
    printf '\n$ %s --bootstrap-server %s %s\n' "$tool" "$STREAMFORM_VAR_bootstrap" "$*"
    streamform sandbox tool --dir "$sandbox" "$tool" -- "$@"
}

# Waits until Kafka describes a topic as it should be.
await_topic() { # topic text
    local description=
    for _ in $(seq 60); do
        description=$(streamform sandbox tool --dir "$sandbox" kafka-topics -- --describe --topic "$1")
        if grep -q -- "$2" <<<"$description"; then
            return
        fi
        sleep 0.5
    done
    printf '%s\n' "$description" >&2
    fail "$1 did not get $2"
}

# Waits until `watch` has said something.
await_watch() { # text
    for _ in $(seq 300); do
        if grep -q -- "$1" "$watch_log"; then
            return
        fi
        kill -0 "$watch" 2>/dev/null || fail "watch ended by itself"
        sleep 0.2
    done
    fail "watch did not say \"$1\""
}

# Changes a file of the project and commits it.
commit() { # message file expression-of-sed
    sed -i.before -e "$3" "$2"
    cmp -s "$2" "$2.before" && fail "the change of $2 changed nothing"
    rm "$2.before"
    git -c user.name=Dev -c user.email=dev@example.com commit -q -a -m "$1"
    printf '\n$ git commit -m "%s"\n' "$1"
    git show --format= --unified=0 HEAD | grep '^[+-][^+-]'
}

title "Build Streamform"
(cd "$root" && cargo build --locked)
PATH="${CARGO_TARGET_DIR:-$root/target}/debug:$PATH"
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

title "Start a real Kafka"
expect 0 streamform sandbox up --dir "$sandbox"
STREAMFORM_VAR_bootstrap=$(streamform sandbox status --dir "$sandbox" --json |
    sed -n 's/^  "bootstrap": "\(.*\)",$/\1/p')
export STREAMFORM_VAR_bootstrap

cp -R "$here" "$project"
cd "$project"
rm -rf .streamform run.sh

title "Plan and apply"
expect 0 streamform validate --env dev
expect 2 streamform plan --env dev --detailed-exitcode
expect 0 streamform apply --env dev --auto-approve
await_topic shop.orders 'PartitionCount: 3'

title "A change behind its back is drift, and is put back"
kafka kafka-configs --alter --entity-type topics --entity-name shop.orders --add-config retention.ms=3600000
expect 2 streamform drift --env dev
expect 0 streamform apply --env dev --auto-approve
expect 0 streamform drift --env dev
expect 0 streamform plan --env dev --detailed-exitcode
await_topic shop.orders 'retention.ms=604800000'

title "Watch a git repository"
git init -q -b main .
printf '.streamform/\n' >.gitignore
git add -A
git -c user.name=Dev -c user.email=dev@example.com commit -q -m "The shop's topics"
printf '\n$ %s\n' "streamform watch --repo . --branch main --env dev --interval 1s &"
streamform watch --repo . --branch main --env dev --interval 1s >"$watch_log" 2>&1 &
watch=$!

title "A commit that grows topics is applied by itself"
commit "Grow the topics" env/dev.vars.hcl 's/partitions = 3/partitions = 6/'
await_topic shop.orders 'PartitionCount: 6'

title "A change by hand is reverted"
kafka kafka-configs --alter --entity-type topics --entity-name shop.payments --add-config retention.ms=3600000
await_watch 'outcome="reverted"'
await_topic shop.payments 'retention.ms=2592000000'

title "A commit that would lose data is refused"
seq 100 | sed 's/^/order-/' | kafka kafka-console-producer --topic shop.orders
sleep 2
commit "Keep orders for one second only" topics.hcl 's/orders    = "7d"/orders    = "1s"/'
await_watch 'outcome="refused"'
await_topic shop.orders 'retention.ms=604800000'
expect 3 streamform apply --env dev --auto-approve

kill "$watch"
found=0
wait "$watch" || found=$?
watch=
[ "$found" -eq 0 ] || fail "watch ended with exit code $found"
title "What watch said"
cat "$watch_log"

title "The quickstart works"
