#!/usr/bin/env bash
# Shows the fraud detection of this folder on real servers, and fails where something is not as README.md says.
#
# On a fresh machine it installs what is missing (see tests/prerequisites.sh), builds Streamform and the job, and
# fetches the servers. Everything it makes is in a temporary folder, and is gone at the end.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
. "$root/tests/prerequisites.sh"
install_registry_java
install_postgres
postgres=
if has_postgres; then postgres=--postgres; fi

work=$(mktemp -d)
sandbox="$work/sandbox"
project="$work/shop/examples/fraud-detection"
sink="$work/sink"
log="$work/last.log"
# The made-up day began three hours ago.
start=$(($(date +%s) - 3 * 3600))
started=$SECONDS

clean_up() {
    trap - EXIT INT TERM
    streamform sandbox down --quiet --wipe --dir "$sandbox" || true
    rm -rf "$work"
}

title() {
    printf '\n=== %s\n' "$*"
}

fail() {
    printf '\nfraud-detection: %s\n' "$*" >&2
    exit 1
}

# Runs a command as a user would, and checks its exit code. Shows what it says, with `-` nothing.
expect() { # [-] code command…
    local shown=yes wanted found=0
    if [ "$1" = - ]; then
        shown=
        shift
    fi
    wanted=$1
    shift
    printf '\n$ %s\n' "$*"
    "$@" >"$log" 2>&1 || found=$?
    if [ "$found" -ne "$wanted" ]; then
        cat "$log" >&2
        fail "\`$*\` ended with exit code $found instead of $wanted"
    fi
    if [ -n "$shown" ]; then cat "$log"; fi
}

# Checks that the last command said something.
said() { # text
    grep -q -F -- "$1" "$log" || fail "it did not say \"$1\""
}

build() {
    printf '\n$ mvn -q package\n'
    mvn -q -B -f job/pom.xml package >"$log" 2>&1 || { cat "$log" >&2; fail "the job cannot be built"; }
}

# Runs one of the job's tools.
tool() { # class options…
    local class=$1
    shift
    java -cp "job/target/fraud-detection-1.0.0.jar" "fraud.tools.$class" \
        --bootstrap "$STREAMFORM_VAR_bootstrap" --registry "$STREAMFORM_VAR_registry_url" "$@" \
        2> >(grep -v '^SLF4J' >&2)
}

generate() { # hour
    printf '\n$ generate hour %s\n' "$1"
    tool Generate --start "$start" --hour "$1"
}

# Prints the payments that must be found until the end of an hour, or the urgent ones of them.
expected() { # hour [urgent]
    awk -v hour="$1" -v only="${2:-}" '$1 ~ /^[0-9]+$/ && $1 <= hour && (only == "" || $3 == only) { print $2 }' \
        expected-alerts.txt | sort
}

alerted() {
    sed -n 's/.*"transaction_id":"\([^"]*\)".*/\1/p' "$sink/alerts.jsonl" 2>/dev/null | sort
}

# Prints the payments of the table that PostgreSQL holds.
stored() {
    query "SELECT transaction_id FROM alerts ORDER BY transaction_id COLLATE \"C\""
}

query() { # SQL
    local psql
    for psql in "$(command -v psql)" /usr/lib/postgresql/*/bin/psql; do
        if [ -x "$psql" ]; then break; fi
    done
    "$psql" --no-psqlrc -At -c "$1" "$(address postgres)" 2>&1 || true
}

notified() {
    cat "$sink/notifications.txt" 2>/dev/null || true
}

# Waits until the connectors have written what they must write, and checks that it is that and nothing else.
await_alerts() { # hour
    local wanted urgent
    wanted=$(expected "$1")
    urgent=$(expected "$1" urgent | wc -l)
    for _ in $(seq 240); do
        if [ "$(alerted)" = "$wanted" ] && [ "$(notified | wc -l)" -eq "$urgent" ] &&
            { [ -z "$postgres" ] || [ "$(stored)" = "$wanted" ]; }; then
            printf '%s alerts, %s of them urgent: exactly those of expected-alerts.txt\n' \
                "$(wc -l <<<"$wanted")" "$urgent"
            return
        fi
        sleep 0.5
    done
    diff <(echo "$wanted") <(alerted) >&2 || true
    if [ -n "$postgres" ]; then diff <(echo "$wanted") <(stored) >&2 || true; fi
    fail "the alerts are not those of expected-alerts.txt"
}

# Checks how many records a topic holds.
await_records() { # topic count
    local found=
    for _ in $(seq 20); do
        found=$(streamform sandbox tool --dir "$sandbox" kafka-get-offsets -- --topic "$1" |
            awk -F: '{ sum += $3 } END { print sum + 0 }')
        if [ "$found" -eq "$2" ]; then
            printf '%s: %s\n' "$1" "$found"
            return
        fi
        sleep 0.5
    done
    fail "$1 holds $found records instead of $2"
}

# Reads an address out of what the sandbox says.
address() { # server
    sed -n "/^  \"$1\": {/,/^  }/s/.*\"url\": \"\(.*\)\",\{0,1\}\$/\1/p" "$work/sandbox.json"
}

title "Build Streamform and the job"
(cd "$root" && cargo build --locked)
PATH="${CARGO_TARGET_DIR:-$root/target}/debug:$PATH"
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
mkdir -p "$work/shop/examples" "$work/plugin" "$sink"
cp -R "$root/modules" "$work/shop/"
cp -R "$here" "$project"
cd "$project"
rm -rf .streamform job/target
git init -q "$work/shop"
build
cp job/target/fraud-detection-1.0.0.jar "$work/plugin/"

title "Start Kafka, a schema registry, Connect, Flink and, where it is installed, PostgreSQL"
expect - 0 streamform sandbox up --dir "$sandbox" --registry --connect --connect-plugin "$work/plugin" --flink $postgres
expect 0 streamform sandbox status --dir "$sandbox"
streamform sandbox status --dir "$sandbox" --json >"$work/sandbox.json"
STREAMFORM_VAR_bootstrap=$(sed -n 's/^  "bootstrap": "\(.*\)",$/\1/p' "$work/sandbox.json")
STREAMFORM_VAR_registry_url=$(address registry)
STREAMFORM_VAR_connect_url=$(address connect)
STREAMFORM_VAR_flink_url=$(address flink)
STREAMFORM_VAR_sink_folder=$sink
sinks=2
if [ -n "$postgres" ]; then
    database=$(address postgres)
    export STREAMFORM_VAR_database_url="jdbc:postgresql://${database##*@}" ALERTS_DB_PASSWORD=postgres
    sinks=3
else
    echo "SKIPPED: the alerts in PostgreSQL, which is not installed, and cannot be"
fi
export STREAMFORM_VAR_bootstrap STREAMFORM_VAR_registry_url STREAMFORM_VAR_connect_url STREAMFORM_VAR_flink_url \
    STREAMFORM_VAR_sink_folder

title "Apply the project: topics, schemas, the job, connectors"
expect 0 streamform validate
expect - 0 streamform apply --env dev --auto-approve --wait
grep -E '^(Apply complete|Healthy)' "$log"
expect 0 streamform plan --env dev --detailed-exitcode

title "An hour of events: the alerts arrive, what is malformed is put aside"
generate 1
await_alerts 1
tool Counts --hours 1 --within 60
notified
await_records fraud.transactions.dlq 2
await_records fraud.clickstream.dlq 1
echo "not an alert" | streamform sandbox tool --dir "$sandbox" kafka-console-producer -- --topic fraud.alerts
await_records fraud.alerts.dlq "$sinks"
expect 0 streamform status --env dev

title "Version 2 of the job: it goes on with the counts of version 1"
expect 0 git -C ../.. apply "$here/version-2.patch"
build
expect 0 streamform apply --env dev --auto-approve --wait
generate 2
tool Counts --hours 2 --within 60
await_alerts 2
tail -n 1 "$sink/alerts.jsonl"
if [ -n "$postgres" ]; then query "SELECT transaction_id, amount_cents, at, reasons FROM alerts ORDER BY at"; fi
grep -q '"reasons":\["' "$sink/alerts.jsonl" || fail "the alerts do not say their reasons: version 1 runs"
await_records fraud.user-events.dlq 1

title "The connectors' disk is gone when a task is started again: it is seen, and mended"
mv "$sink" "$sink.away"
expect 0 curl -sS -X POST "$STREAMFORM_VAR_connect_url/connectors/fraud-alerts-to-file/tasks/0/restart"
for _ in $(seq 60); do
    if curl -sS "$STREAMFORM_VAR_connect_url/connectors/fraud-alerts-to-file/status" | grep -q FAILED; then break; fi
    sleep 0.5
done
generate 3
tool Counts --hours 3 --within 60
expect 2 streamform status --env dev
grep -Eq '^connector\.alerts_to_file +unhealthy' "$log" || fail "the connector to the file is not unhealthy"
expect 2 streamform drift --env dev
mv "$sink.away" "$sink"
expect 0 streamform apply --env dev --auto-approve --wait
await_alerts 3
expect 0 streamform status --env dev
expect 0 streamform drift --env dev

title "The fraud detection works ($((SECONDS - started)) s)"
