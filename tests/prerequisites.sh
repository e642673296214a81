# Sourced by the scripts that build Streamform: installs what a fresh Debian or Ubuntu lacks.
#
# As root missing packages are installed by apt-get; for anybody else the script says what to install
# and ends. Rust comes from rustup, since a distribution's is usually too old.

# Prints the packages whose commands or files are not there.
missing_packages() {
    command -v cargo >/dev/null || command -v curl >/dev/null || echo curl
    command -v cc >/dev/null && command -v c++ >/dev/null || echo build-essential
    command -v make >/dev/null || echo make
    command -v perl >/dev/null || echo perl
    command -v git >/dev/null || echo git
    command -v pkg-config >/dev/null || echo pkg-config
    pkg-config --exists openssl 2>/dev/null || echo libssl-dev
    pkg-config --exists zlib 2>/dev/null || echo zlib1g-dev
    command -v mvn >/dev/null || echo maven
    command -v "${JAVA_HOME:+$JAVA_HOME/bin/}java" >/dev/null || echo "$(java_package)"
}

# Prints the newest Java that the distribution has; Kafka needs 17 or newer.
java_package() {
    offered_java 25 21 17 || echo openjdk-17-jre-headless
}

# Prints the package of the first of these versions of Java that the distribution offers.
offered_java() { # version…
    local version
    for version in "$@"; do
        if apt-cache policy "openjdk-$version-jre-headless" 2>/dev/null | grep -q "Candidate: [^(]"; then
            echo "openjdk-$version-jre-headless"
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
        version=$("$java" -version 2>&1 | sed -n 's/.* version "\([0-9]*\).*/\1/p' | head -n 1)
        if [ "${version:-0}" -ge 21 ]; then return; fi
    done
    return 1
}

# Installs a Java for the schema registry beside an older one, where that can be done. Without it the
# registry is left out: it must not keep the other tests from running.
install_registry_java() {
    local package
    if has_registry_java || [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null; then return 0; fi
    if ! package=$(offered_java 25 21); then
        # Perhaps the lists of packages are not there yet.
        apt-get update -qq || return 0
        package=$(offered_java 25 21) || return 0
    fi
    echo "installing $package" >&2
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$package" >/dev/null || true
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
