# Sourced by the scripts that build Streamform: installs what a fresh Debian or Ubuntu lacks.
#
# As root missing packages are installed by apt-get; for anybody else the script says what to install
# and ends. Rust comes from rustup, since a distribution's is usually too old.

# Prints the packages whose commands or files are not there.
missing_packages() {
    command -v curl >/dev/null || echo curl
    command -v cc >/dev/null && command -v c++ >/dev/null || echo build-essential
    command -v make >/dev/null || echo make
    command -v perl >/dev/null || echo perl
    command -v git >/dev/null || echo git
    command -v pkg-config >/dev/null || echo pkg-config
    pkg-config --exists openssl 2>/dev/null || echo libssl-dev
    pkg-config --exists zlib 2>/dev/null || echo zlib1g-dev
    command -v mvn >/dev/null || echo maven
    # Kafka needs Java 17 or newer; the tests' own Java programs have to be compiled.
    command -v "${JAVA_HOME:+$JAVA_HOME/bin/}java" >/dev/null && command -v javac >/dev/null ||
        echo "$(java_package)"
}

# Prints the newest Java that the distribution has, or the compiler of the one that is there.
java_package() {
    local version
    version=$(java_version "${JAVA_HOME:+$JAVA_HOME/bin/}java")
    offered_java jdk ${version:-25 21 17} || echo openjdk-17-jdk-headless
}

# Prints the feature release of a java, nothing where there is none.
java_version() { # program
    "$1" -version 2>&1 | sed -n 's/.* version "\([0-9]*\).*/\1/p' | head -n 1
}

# Prints the package of the first of these versions of Java that the distribution offers.
offered_java() { # jre or jdk, version…
    local kind=$1 version
    shift
    for version in "$@"; do
        if apt-cache policy "openjdk-$version-$kind-headless" 2>/dev/null | grep -q "Candidate: [^(]"; then
            echo "openjdk-$version-$kind-headless"
            return
        fi
    done
    return 1
}

# Returns whether there is a Java for the schema registry, 21 or newer, where the sandbox looks for one.
has_registry_java() {
    local java version
    for java in "${JAVA_HOME:+$JAVA_HOME/bin/java}" "$(command -v java)" /usr/lib/jvm/*/bin/java; do
        [ -x "$java" ] || continue
        version=$(java_version "$java")
        if [ "${version:-0}" -ge 21 ]; then return; fi
    done
    return 1
}

# Installs a Java for the schema registry beside an older one, where that can be done. Without it the
# registry is left out: it must not keep the other tests from running.
install_registry_java() {
    local package
    if has_registry_java || [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null; then return 0; fi
    if ! package=$(offered_java jre 25 21); then
        # Perhaps the lists of packages are not there yet.
        apt-get update -qq || return 0
        package=$(offered_java jre 25 21) || return 0
    fi
    echo "installing $package" >&2
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$package" >/dev/null || true
}

# Returns whether PostgreSQL's server is there, where the sandbox looks for it.
has_postgres() {
    local initdb
    for initdb in "$(command -v initdb)" /usr/lib/postgresql/*/bin/initdb; do
        if [ -x "$initdb" ]; then return; fi
    done
    return 1
}

# Installs PostgreSQL where that can be done, without the server that Debian would start. Without it a few
# tests are left out: it must not keep the others from running.
install_postgres() {
    if has_postgres || [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null; then return 0; fi
    echo "installing postgresql" >&2
    mkdir -p /etc/postgresql-common
    [ -e /etc/postgresql-common/createcluster.conf ] ||
        echo "create_main_cluster = false" >/etc/postgresql-common/createcluster.conf
    apt-get update -qq || return 0
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends postgresql >/dev/null || true
}

install_packages() {
    local packages
    packages=$(missing_packages)
    [ -n "$packages" ] || return 0
    if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null; then
        echo "missing: please install" $packages "(as root: apt-get install" $packages")" >&2
        exit 1
    fi
    echo "installing" $packages >&2
    apt-get update -qq
    # A second look: which Java there is can be told only now.
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
        $(missing_packages) ca-certificates >/dev/null
}

install_rust() {
    command -v cargo >/dev/null && return 0
    if [ "$(id -u)" -ne 0 ]; then
        echo "missing: Rust 1.90 or newer; https://rustup.rs tells how to install it" >&2
        exit 1
    fi
    echo "installing Rust by rustup" >&2
    curl --proto '=https' --tlsv1.2 -sSf https://sh.rustup.rs | sh -s -- -y -q
    . "$HOME/.cargo/env"
}

if [ -r "$HOME/.cargo/env" ]; then . "$HOME/.cargo/env"; fi
install_packages
install_rust
