#!/usr/bin/env bash
# Runs every test: unit, integration against real servers, documentation, the quickstart and the fraud example.
#
#   tests/run.sh [FILTER]     with a filter only the integration tests whose names contain it
#
# Starts one broker with a schema registry, Connect, Flink and PostgreSQL, three brokers and a secured one by
# `streamform sandbox`, and stops them at the end, however the run ends. The registry needs Java 21 or newer
# and PostgreSQL its programs; each is left out without them. Of the Java programs of the tests, which
# tests/java/build.sh builds, the jars are in STREAMFORM_TEST_JARS.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
. tests/prerequisites.sh
install_registry_java
install_postgres

target="${CARGO_TARGET_DIR:-$PWD/target}"
streamform="$target/debug/streamform"
servers="$target/test-servers"
log="$target/test-run.log"
started=$SECONDS

stop_servers() {
    for server in one three secure; do
        "$streamform" sandbox down --quiet --wipe --dir "$servers/$server" || true
    done
}

# Whatever happened: no server is left, and what was skipped stands at the end.
finish() {
    local code=$?
    trap - EXIT INT TERM
    stop_servers
    if grep -ao 'SKIPPED: .*' "$log" 2>/dev/null | sort -u | grep .; then
        echo "(the tests above were skipped)"
    fi
    exit "$code"
}

up() { # name, options…
    local name=$1
    shift
    # What a killed run left is stopped first: tests need an empty Kafka.
    "$streamform" sandbox down --quiet --wipe --dir "$servers/$name"
    "$streamform" sandbox up --dir "$servers/$name" --json "$@" >"$servers/$name.json"
}

bootstrap_of() { # name
    sed -n 's/^  "bootstrap": "\(.*\)",$/\1/p' "$servers/$1.json"
}

value_of() { # a server of the first sandbox, the name of a value
    sed -n "/^  \"$1\": {\$/,/^  }/s/^    \"$2\": \"\(.*\)\",\{0,1\}\$/\1/p" "$servers/one.json"
}

# The first sandbox, and what runs there.
up_one() {
    up one --connect --flink $registry $postgres
    tests/java/build.sh "$servers/jars" "$(value_of flink lib_dir)"
}

registry=
if has_registry_java; then
    registry=--registry
else
    echo "SKIPPED: the tests on a real schema registry: there is no Java 21 or newer, and none to install" >&2
fi
postgres=
if has_postgres; then
    postgres=--postgres
else
    echo "SKIPPED: the tests on a real PostgreSQL: it is not installed, and cannot be" >&2
fi

cargo build --locked
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
mkdir -p "$servers"

# The servers start while the tests are compiled.
up_one & one=$!
up three --brokers 3 & three=$!
up secure --secure & secure=$!
cargo test --locked --no-run
wait "$one"
wait "$three"
wait "$secure"

export STREAMFORM_TEST_REQUIRE=1
STREAMFORM_TEST_KAFKA=$(bootstrap_of one)
STREAMFORM_TEST_KAFKA_CLUSTER=$(bootstrap_of three)
STREAMFORM_TEST_KAFKA_CLUSTER_DIR="$servers/three"
STREAMFORM_TEST_KAFKA_SECURE=$(cat "$servers/secure.json")
STREAMFORM_TEST_KAFKA_DIR="$servers/one"
STREAMFORM_TEST_REGISTRY=$(value_of registry url)
STREAMFORM_TEST_CONNECT=$(value_of connect url)
STREAMFORM_TEST_FLINK=$(value_of flink url)
STREAMFORM_TEST_SQL_GATEWAY=$(value_of flink sql_gateway_url)
STREAMFORM_TEST_POSTGRES=$(value_of postgres url)
STREAMFORM_TEST_JARS="$servers/jars"
export STREAMFORM_TEST_KAFKA STREAMFORM_TEST_KAFKA_DIR STREAMFORM_TEST_KAFKA_CLUSTER \
    STREAMFORM_TEST_KAFKA_CLUSTER_DIR STREAMFORM_TEST_KAFKA_SECURE STREAMFORM_TEST_REGISTRY \
    STREAMFORM_TEST_CONNECT STREAMFORM_TEST_FLINK STREAMFORM_TEST_SQL_GATEWAY STREAMFORM_TEST_POSTGRES \
    STREAMFORM_TEST_JARS
for server in ${registry:+REGISTRY} ${postgres:+POSTGRES} CONNECT FLINK SQL_GATEWAY; do
    variable=STREAMFORM_TEST_$server
    if [ -z "${!variable}" ]; then
        echo "the sandbox does not tell where its server is: $variable" >&2
        exit 1
    fi
done

# Snapshots are compared, never written.
export INSTA_UPDATE=no
if [ $# -gt 0 ]; then
    cargo test --locked --test suite -- "$@" 2>&1 | tee "$log"
    exit 0
fi
cargo test --locked -- --show-output 2>&1 | tee "$log"

stop_servers
examples/quickstart/run.sh 2>&1 | tee -a "$log"
if [ -n "$registry" ]; then
    examples/fraud-detection/run.sh 2>&1 | tee -a "$log"
else
    echo "SKIPPED: examples/fraud-detection, which needs a schema registry" | tee -a "$log"
fi
echo
echo "all tests passed in $((SECONDS - started)) s"
