# What the scripts beside this one need from the machine. Sourced, not run.
# shellcheck shell=bash

# Says what goes on, apart from the output of the programs that are run.
say() {
    printf '%s: %s\n' "$(basename "$0")" "$*" >&2
}

# need_packages WHY PACKAGE...
#
# Installs the Debian packages that are missing. Where that is not possible it says which they are,
# why they are needed and how to get them, and ends the script. Systems without dpkg are trusted to
# have what it takes.
need_packages() {
    local why=$1
    shift
    if ! command -v dpkg-query >/dev/null; then
        say "this is not a Debian system, so I do not check for: $* ($why)"
        return
    fi
    local present missing=() package
    present=$(dpkg-query --show --showformat='${db:Status-Abbrev}${Package}\n' "$@" 2>/dev/null || true)
    for package in "$@"; do
        grep --quiet --line-regexp --fixed-strings "ii $package" <<<"$present" || missing+=("$package")
    done
    if [[ ${#missing[@]} -eq 0 ]]; then
        return
    fi

    local as_root=()
    if [[ $(id -u) -ne 0 ]]; then
        # Without a terminal nobody can type a password.
        if command -v sudo >/dev/null && { [[ -t 0 ]] || sudo --non-interactive true 2>/dev/null; }; then
            as_root=(sudo)
        else
            say "these Debian packages are missing: ${missing[*]} ($why)"
            say "I may not install them; as root: apt-get install ${missing[*]}"
            exit 1
        fi
    fi
    say "installing Debian packages: ${missing[*]} ($why)"
    local apt=("${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=300)
    if ! "${apt[@]}" update ||
        ! "${apt[@]}" install --yes --no-install-recommends "${missing[@]}" >/dev/null; then
        say "apt-get could not install: ${missing[*]} ($why)"
        exit 1
    fi
}

# Makes sure that cargo runs with the Rust version of rust-toolchain.toml, in the current folder.
need_rust() {
    if ! command -v cargo >/dev/null && [[ -x ${HOME:-}/.cargo/bin/cargo ]]; then
        PATH="$HOME/.cargo/bin:$PATH"
    fi
    if ! command -v cargo >/dev/null; then
        say "Rust is missing: follow https://rustup.rs, then run this again"
        exit 1
    fi
    if cargo --version >/dev/null 2>&1; then
        return
    fi
    local version
    version=$(sed -n 's/^channel = "\(.*\)"$/\1/p' rust-toolchain.toml)
    # The right compiler may be here under the name of its channel.
    if [[ $(RUSTUP_TOOLCHAIN=stable rustc --version 2>/dev/null) == "rustc $version "* ]]; then
        export RUSTUP_TOOLCHAIN=stable
        return
    fi
    say "installing Rust $version"
    if ! rustup toolchain install "$version" --profile minimal --component clippy --component rustfmt; then
        say "Rust $version could not be installed: see the message above"
        exit 1
    fi
}

# What every build needs: a C compiler for the vault and the cryptography, the headers of the library
# that the vault is sealed with, and Rust.
need_build() {
    need_packages "to build Cairn" gcc libc6-dev libssl-dev
    need_rust
}

# What an open window needs: X11 and its keyboard, and OpenGL with a software renderer.
need_window() {
    need_packages "to open its window" \
        libx11-6 libx11-xcb1 libxcursor1 libxi6 libxkbcommon-x11-0 \
        libgl1 libgl1-mesa-dri libglx-mesa0 libegl1 libegl-mesa0
}
