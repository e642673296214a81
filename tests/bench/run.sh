#!/usr/bin/env bash
# Measures Streamform against the bare protocol (tests/bench/floor.rs) on a real Kafka broker; against the bare
# requests (tests/bench/registry.rs) on a schema registry, on one that answers at once, which shows what Streamform
# itself costs, and on a real one where there is a Java for it; and against curl on Connect and on Flink.
#
#   tests/bench/run.sh            1,000 and 10,000 topics
#   QUICK=1 tests/bench/run.sh    1,000 topics only
#
# Prints one table and asserts no time: what counts are the ratios, measured in turns on the same broker, on a
# machine that does nothing else. Everything it makes is in a temporary folder, and is gone at the end.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
. tests/prerequisites.sh
command -v curl >/dev/null || { echo "missing: please install curl (it makes the bare request for connectors)" >&2; exit 1; }
command -v python3 >/dev/null || { echo "missing: please install python3 (it reads times and memory)" >&2; exit 1; }

target="${CARGO_TARGET_DIR:-$PWD/target}"
streamform="$target/release/streamform"
floor="$target/release/examples/floor"
proxy="$target/release/examples/proxy"
registry="$target/release/examples/registry"
delay=20 # milliseconds that the proxy adds to a round trip
work=$(mktemp -d)
retention=604800000

clean_up() {
    local code=$?
    trap - EXIT INT TERM
    for sandbox in sandbox flink; do
        "$streamform" sandbox down --quiet --wipe --dir "$work/$sandbox" || true
    done
    rm -rf "$work"
    exit "$code"
}

# Writes a project of topics with three keys each, ten lines a topic, as people write them.
project() { # folder prefix count
    mkdir -p "$1"
    cat >"$1/main.hcl" <<HCL
variable "bootstrap" {
  type    = string
  default = "$bootstrap"
}

provider "kafka" { bootstrap_servers = var.bootstrap }

environment "bench" {}

variable "retention" {
  type    = number
  default = $retention
}
HCL
    python3 - "$2" "$3" >"$1/topics.hcl" <<'PYTHON'
import sys

prefix, count = sys.argv[1], int(sys.argv[2])
for index in range(count):
    print(f'''topic "t{index:05}" {{
  name               = "{prefix}{index:05}"
  partitions         = 1
  replication_factor = 1
  config = {{
    "cleanup.policy"    = "delete"
    "max.message.bytes" = 1000000
    "retention.ms"      = var.retention
  }}
}}''')
PYTHON
}

# Writes a project of 500 connectors that are stopped, and makes them.
connectors() { # folder url
    mkdir -p "$1"
    cat >"$1/main.hcl" <<HCL
provider "connect" { url = "$2" }
environment "bench" {}
connector "c" {
  for_each  = toset([for n in range(500) : "c\${n}"])
  name      = "bench.\${each.key}"
  class     = "FileStreamSource"
  tasks_max = 1
  state     = "stopped"
  config = {
    "file"            = "/tmp/none"
    "topic"           = "lines"
    "value.converter" = "org.apache.kafka.connect.storage.StringConverter"
  }
}
HCL
    "$streamform" apply --quiet --chdir "$1" --env bench --auto-approve >/dev/null
}

# Ours and the one bare request, in turns.
connector_plans() { # folder url
    for _ in 1 2 3 4 5 6 7; do
        measure "$work/connectors.ours" "$streamform" plan --quiet --chdir "$1" --env bench --detailed-exitcode
        measure "$work/connectors.floor" curl -fsS -o "$work/connectors.json" "$2/connectors?expand=info&expand=status"
    done
}

# Writes a project of 200 jobs that generate a number a second and drop it, and starts them. A cluster under such a
# load starts some of them twice, which Streamform takes for a failure: the next run is for those.
jobs() { # folder
    mkdir -p "$1"
    cat >"$1/main.hcl" <<HCL
provider "flink" {
  url             = "$(value_of flink url flink)"
  sql_gateway_url = "$(value_of flink sql_gateway_url flink)"
}
environment "bench" {}
job "j" {
  for_each = toset([for n in range(200) : "j\${n}"])
  name     = "bench.\${each.key}"
  flink_sql {
    statements = [
      "CREATE TABLE source (v BIGINT) WITH ('connector' = 'datagen', 'rows-per-second' = '1')",
      "CREATE TABLE sink (v BIGINT) WITH ('connector' = 'blackhole')",
      "INSERT INTO sink SELECT v FROM source",
    ]
    parallelism = 1
    settings    = { "execution.checkpointing.interval" = "1h" }
  }
  healthy { checkpoints = 0 }
}
HCL
    for _ in 1 2 3; do
        if "$streamform" apply --quiet --chdir "$1" --env bench --auto-approve >"$work/jobs.log" 2>&1; then return; fi
    done
    cat "$work/jobs.log" >&2
    return 1
}

# Ours and the one bare request, in turns. Flink answers with what it knew up to 300 ms ago
# (web.refresh-interval): who asks sooner gets an answer that was made for somebody else.
job_plans() { # folder
    local url
    url=$(value_of flink url flink)
    for _ in 1 2 3 4 5 6 7 8 9; do
        sleep 0.5
        measure "$work/jobs.ours" "$streamform" plan --quiet --chdir "$1" --env bench --detailed-exitcode
        sleep 0.5
        measure "$work/jobs.floor" curl -fsS -o "$work/jobs.json" "$url/jobs/overview"
    done
}

value_of() { # server, name of a value, sandbox
    python3 -c 'import json, sys; print(json.load(sys.stdin)[sys.argv[1]][sys.argv[2]])' "$1" "$2" <"$work/$3.json"
}

# Runs a command, and adds a line to a file: milliseconds, peak memory in MB, milliseconds of the processor.
# A program that is smaller than Python seems as large as Python, which starts it.
measure() { # file command…
    python3 - "$@" <<'PYTHON'
import os, subprocess, sys, time

started = time.monotonic()
child = subprocess.Popen(sys.argv[2:], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL)
output = child.stdout.read()
_, status, used = os.wait4(child.pid, 0)
wall = time.monotonic() - started
child.returncode = os.waitstatus_to_exitcode(status)
if child.returncode != 0:
    sys.stderr.buffer.write(output[-4000:])
    sys.exit(f"`{' '.join(sys.argv[2:])}` ended with exit code {child.returncode}")
with open(sys.argv[1], "a") as log:
    print(f"{wall * 1000:.1f} {used.ru_maxrss / 1024:.1f} {(used.ru_utime + used.ru_stime) * 1000:.1f}", file=log)
PYTHON
}

median() { # file column
    cut -d ' ' -f "$2" "$1" | sort -g | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'
}

heading() {
    printf '%-36s %12s %12s %7s   %s\n' "$@"
}

row() { # what, our file, the floor's
    local ours theirs
    ours=$(median "$2" 1)
    theirs=$(median "$3" 1)
    heading "$1" "$ours ms" "$theirs ms" "$(awk "BEGIN { printf \"%.2f\", $ours / $theirs }")" "$(median "$2" 2) MB"
}

# Through the proxy, directly, and how many round trips the difference is.
far_row() { # what, name
    local far near
    far=$(median "$work/$2.far" 1)
    near=$(median "$work/$2.near" 1)
    heading "$1" "$far ms" "$near ms" "+$(awk "BEGIN { printf \"%.1f\", ($far - $near) / $delay }")" \
        "round trips more than directly"
}

# Ours and the floor's in turns, so that both see the same machine.
plans() { # name folder prefix count
    for _ in 1 2 3 4 5; do
        measure "$work/$1.ours" "$streamform" plan --quiet --chdir "$2" --env bench --detailed-exitcode
        measure "$work/$1.floor" "$floor" "$bootstrap" plan "$3" "$4"
    done
}

# Starts the proxy, whose address is then in `far`.
begin_far() {
    coproc PROXY { exec "$proxy" "$bootstrap" "$delay" 2>/dev/null; }
    read -r far <&"${PROXY[0]}"
}

end_far() {
    exec {PROXY[1]}>&- # It ends with its input.
    wait "$PROXY_PID"
}

# The same through the proxy, in turns with the direct way.
far_plans() { # name folder
    local far
    begin_far
    for _ in 1 2 3 4 5; do
        measure "$work/$1.near" "$streamform" plan --quiet --chdir "$2" --env bench --detailed-exitcode
        measure "$work/$1.far" "$streamform" plan --quiet --chdir "$2" --env bench --detailed-exitcode \
            --var "bootstrap=$far"
    done
    end_far
}

creations() {
    for turn in 1 2 3; do
        project "$work/create$turn" "ours$turn." 1000
        measure "$work/create.ours" "$streamform" apply --quiet --chdir "$work/create$turn" --env bench --auto-approve
        measure "$work/create.floor" "$floor" "$bootstrap" create "floor$turn." 1000
    done
}

alterations() {
    local value
    for turn in 1 2 3 4 5 6 7; do
        value=$((retention + turn))
        measure "$work/alter.ours" "$streamform" apply --quiet --chdir "$work/create1" --env bench --auto-approve \
            --var "retention=$value"
        measure "$work/alter.floor" "$floor" "$bootstrap" alter floor1. 1000 "$value"
    done
}

# Writes a project of 100 topics with ten partitions each, and of 1,000 groups, each of which reads one.
groups() { # folder
    mkdir -p "$1"
    python3 - "$bootstrap" >"$1/main.hcl" <<'PYTHON'
import sys

print(f'variable "bootstrap" {{\n  type    = string\n  default = "{sys.argv[1]}"\n}}')
print('provider "kafka" { bootstrap_servers = var.bootstrap }\nenvironment "bench" {}')
for index in range(100):
    print(f'topic "t{index:02}" {{\n  name = "read.{index:02}"\n  partitions = 10\n}}')
for index in range(1000):
    print(f'''consumer_group "g{index:05}" {{
  name    = "group.{index:05}"
  reads   = [topic.t{index % 100:02}]
  max_lag = 1000
}}''')
PYTHON
}

lags() { # folder
    "$streamform" apply --quiet --chdir "$1" --env bench --auto-approve >/dev/null
    "$floor" "$bootstrap" commit group. 1000 read.
    for _ in 1 2 3 4 5 6 7; do
        measure "$work/lag.ours" "$streamform" status --quiet --chdir "$1" --env bench --json
        measure "$work/lag.floor" "$floor" "$bootstrap" lag group. 1000 read.
    done
}

# The same from further away, where round trips count and not only the processors.
far_lags() { # folder
    local far
    begin_far
    for _ in 1 2 3 4 5 6 7; do
        measure "$work/farlag.ours" "$streamform" status --quiet --chdir "$1" --env bench --json --var "bootstrap=$far"
        measure "$work/farlag.floor" "$floor" "$far" lag group. 1000 read.
    done
    end_far
}

# The same lags by Kafka's own tool, `kafka-consumer-groups --describe --all-groups`, with the broker's Java and jars.
peers() {
    local pid command
    pid=$(python3 -c 'import json, sys; print(json.load(sys.stdin)["brokers"][0]["pid"])' <"$work/sandbox.json")
    mapfile -d '' -t command <"/proc/$pid/cmdline"
    for _ in 1 2 3; do
        measure "$work/lag.peer" "${command[0]}" -cp "$(class_path "${command[@]}")" \
            org.apache.kafka.tools.consumer.group.ConsumerGroupCommand \
            --bootstrap-server "$bootstrap" --describe --all-groups --timeout 60000
    done
}

class_path() { # a command of java
    while [ "$1" != -cp ]; do shift; done
    echo "$2"
}

validations() { # folder
    for _ in 1 2 3 4 5; do
        measure "$work/validate" "$streamform" validate --quiet --chdir "$1"
        measure "$work/version" "$streamform" version
    done
}

# Writes a git repository of Avro schemas, each with one field more than its commit has.
schemas() { # folder count
    git init -q "$1"
    write_schemas "$1" "$2" 12
    git -C "$1" add .
    git -C "$1" -c user.name=bench -c user.email=bench@localhost commit -q -m old
    write_schemas "$1" "$2" 13
}

write_schemas() { # folder count fields
    python3 - "$@" <<'PYTHON'
import json, sys

folder, count, fields = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
for index in range(count):
    field = lambda at: {"name": f"f{at}", "type": ["null", "string"], "default": None}
    record = {"type": "record", "name": f"R{index}", "fields": [field(at) for at in range(fields)]}
    with open(f"{folder}/{index:04}.avsc", "w") as file:
        json.dump(record, file)
PYTHON
}

# Writes a project of Avro subjects, each with a file and a level, and the newest of the five versions that
# `registry` knows; and takes them over into its state.
subjects() { # folder url prefix count
    python3 - "$@" <<'PYTHON'
import json, os, sys

folder, url, prefix, count = sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4])
os.makedirs(f"{folder}/schemas")
field = lambda at: {"name": f"f{at}", "type": ["null", "string"], "default": None}
record = {"type": "record", "name": "R", "fields": [field(at) for at in range(12)]}
with open(f"{folder}/main.hcl", "w") as main, open(f"{folder}/imports.hcl", "w") as imports:
    print(f'provider "schema_registry" {{ url = "{url}" }}\nenvironment "bench" {{}}', file=main)
    for index in range(count):
        with open(f"{folder}/schemas/{index:04}.avsc", "w") as file:
            json.dump(record, file, indent=2)
        print(f'''schema "s{index:04}" {{
  subject       = "{prefix}{index:04}"
  format        = "avro"
  definition    = file("schemas/{index:04}.avsc")
  compatibility = "FULL"
}}''', file=main)
        print(f'''import {{
  to = schema.s{index:04}
  id = "{prefix}{index:04}"
}}''', file=imports)
PYTHON
    "$streamform" apply --quiet --chdir "$1" --env bench --auto-approve >/dev/null
    rm "$1/imports.hcl"
}

# Ours and the bare requests in turns.
registry_plans() { # name folder url prefix count
    for _ in 1 2 3 4 5 6 7; do
        measure "$work/$1.ours" "$streamform" plan --quiet --chdir "$2" --env bench --detailed-exitcode
        measure "$work/$1.floor" "$registry" plan "$3" "$4" "$5"
    done
}

# On a registry that answers at once: it ends with the script.
quick_registry() {
    local url
    coproc SERVER { exec "$registry" serve 2>/dev/null; }
    read -r url <&"${SERVER[0]}"
    subjects "$work/quick" "$url" quick. 2000
    registry_plans quick "$work/quick" "$url" quick. 2000
    kill "$SERVER_PID"
    wait "$SERVER_PID" || true
}

real_registry() { # url
    "$registry" fill "$1" bench. 2000
    subjects "$work/real" "$1" bench. 2000
    registry_plans real "$work/real" "$1" bench. 2000
}

checks() { # folder
    for _ in 1 2 3 4 5; do
        measure "$work/check" "$streamform" schema check --compatibility FULL --base HEAD "$1"/*.avsc
    done
}

cargo build --release --locked --bin streamform --example floor --example proxy --example registry
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
with_registry=
if has_registry_java; then with_registry=--registry; fi
"$streamform" sandbox up --dir "$work/sandbox" --heap 2g $with_registry --connect --json >"$work/sandbox.json"
bootstrap=$(sed -n 's/^  "bootstrap": "\(.*\)",$/\1/p' "$work/sandbox.json")

# A broker that has just started is slow: the first topics and reads are not measured.
"$floor" "$bootstrap" create warm. 1000
for _ in 1 2 3 4 5; do "$floor" "$bootstrap" plan warm. 1000; done

echo "creating 1,000 topics" >&2
creations
echo "planning 1,000 topics" >&2
plans plan1000 "$work/create2" ours2. 1000
far_plans far1000 "$work/create2"
echo "altering 1,000 topics" >&2
alterations
echo "looking at 1,000 groups" >&2
groups "$work/groups"
lags "$work/groups"
far_lags "$work/groups"
peers
echo "planning 500 connectors" >&2
connect=$(value_of connect url sandbox)
connectors "$work/connectors" "$connect"
connector_plans "$work/connectors" "$connect"
echo "validating 10,000 topics" >&2
project "$work/large" large. 10000
validations "$work/large"
echo "checking 2,000 schemas" >&2
schemas "$work/schemas" 2000
checks "$work/schemas"
echo "planning 2,000 subjects" >&2
quick_registry
if [ -n "$with_registry" ]; then
    real_registry "$(value_of registry url sandbox)"
fi
if [ "${QUICK:-}" != 1 ]; then
    echo "creating and planning 10,000 topics" >&2
    "$streamform" apply --quiet --chdir "$work/large" --env bench --auto-approve >/dev/null
    plans plan10000 "$work/large" large. 10000
    far_plans far10000 "$work/large"
fi

echo "planning 200 jobs" >&2
"$streamform" sandbox down --quiet --wipe --dir "$work/sandbox"
"$streamform" sandbox up --dir "$work/flink" --flink --flink-slots 200 --json >"$work/flink.json"
jobs "$work/jobs"
job_plans "$work/jobs"

heading "(medians)" streamform floor ratio "peak memory"
row "plan, nothing to do, 1,000" "$work/plan1000.ours" "$work/plan1000.floor"
if [ -e "$work/plan10000.ours" ]; then
    row "plan, nothing to do, 10,000" "$work/plan10000.ours" "$work/plan10000.floor"
fi
far_row "plan over $delay ms more, 1,000" far1000
if [ -e "$work/far10000.far" ]; then
    far_row "plan over $delay ms more, 10,000" far10000
fi
row "create 1,000" "$work/create.ours" "$work/create.floor"
row "alter 1,000" "$work/alter.ours" "$work/alter.floor"
row "status, 1,000 groups x 10" "$work/lag.ours" "$work/lag.floor"
row "the same, both over $delay ms more" "$work/farlag.ours" "$work/farlag.floor"
row "the same, and Kafka's own tool" "$work/lag.ours" "$work/lag.peer"
row "plan, nothing to do, 2,000 subjects" "$work/quick.ours" "$work/quick.floor"
if [ -e "$work/real.ours" ]; then
    row "the same on a real registry" "$work/real.ours" "$work/real.floor"
fi
row "plan, nothing to do, 500 connectors" "$work/connectors.ours" "$work/connectors.floor"
row "plan, nothing to do, 200 jobs" "$work/jobs.ours" "$work/jobs.floor"
heading "validate 10,000 (processor)" "$(median "$work/validate" 3) ms" - - "$(median "$work/validate" 2) MB"
heading "check 2,000 schemas (processor)" "$(median "$work/check" 3) ms" - - "$(median "$work/check" 2) MB"
heading "version" "$(median "$work/version" 1) ms" - - ""
echo "load of the machine: $(cut -d ' ' -f 1-3 /proc/loadavg), processors: $(nproc)"
