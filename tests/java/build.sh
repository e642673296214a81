#!/usr/bin/env bash
# Builds the Java programs that tests run: one jar for each folder, or several of one program.
#
#   tests/java/build.sh OUT FLINK
#
# OUT is where the jars go (STREAMFORM_TEST_JARS); FLINK the folder of Flink's jars, which the sandbox
# fetched (`flink.lib_dir` of `streamform sandbox status --json`), or empty for no Flink jobs.
#
#   counter-v1.jar, counter-v2.jar, counter-v3.jar, counter-failing.jar
#       versions of one Flink job; counter/CounterJob.java says what they do and which arguments they take.
#
#   streams.jar
#       a Kafka Streams application; streams/Counts.java says what it does.
#
# A folder with a pom.xml gets what it depends on by Maven: NAME.jar and NAME/lib/*.jar.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
mkdir -p "$1"
out=$(cd "$1" && pwd)
flink=$2

# Compiles the sources of a folder, which needs at least Java 17.
compile() { # folder, classes, class path
    rm -rf "$2"
    mkdir -p "$2"
    javac -nowarn -proc:none --release 17 -cp "$3" -d "$2" "$here/$1"/*.java
}

# A file is replaced at once, since a server may be reading it.
pack() { # jar, classes
    jar --create --no-compress --date 2026-01-01T00:00:00Z --file "$1.new" "${@:3}" -C "$2" .
    mv "$1.new" "$1"
}

counter() {
    compile counter "$out/counter" "$flink/*"
    for version in v1 v2 v3 failing; do
        echo "$version" >"$out/counter/version"
        pack "$out/counter-$version.jar" "$out/counter" --main-class streamform.tests.CounterJob
    done
}

with_maven() { # folder
    local lib="$out/$1/lib" pom="$here/$1/pom.xml"
    # Fetched again only for another pom.
    if ! cmp -s "$pom" "$out/$1/pom.xml"; then
        rm -rf "${out:?}/$1"
        mkdir -p "$out/$1"
        mvn -q -B --strict-checksums -f "$pom" \
            org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies \
            -DincludeScope=runtime -DoutputDirectory="$lib"
        cp "$pom" "$out/$1/pom.xml"
    fi
    compile "$1" "$out/$1/classes" "$lib/*"
    pack "$out/$1.jar" "$out/$1/classes"
}

if [ -n "$flink" ]; then counter; fi
for pom in "$here"/*/pom.xml; do
    if [ -e "$pom" ]; then with_maven "$(basename "$(dirname "$pom")")"; fi
done
