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
    local version
    for version in 25 21 17; do
        if apt-cache policy "openjdk-$version-jre-headless" 2>/dev/null | grep -q "Candidate: [^(]"; then
            echo "openjdk-$version-jre-headless"
            return
        fi
    done
    echo openjdk-17-jre-headless
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
