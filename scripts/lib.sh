# Shared by the scripts beside it; sourced, never run. Installs what a step needs on a bare machine
# that has only Node and npm (and, for the network lab, Debian's apt).

set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
REPOSITORY=$PWD
PATH="$PWD/node_modules/.bin:$PATH:/usr/sbin:/sbin"
export PATH

say() { printf '%s\n' "== $*" >&2; }
die() { printf '%s\n' "$*" >&2; exit 1; }

# npm packages, exactly as locked; again only when the lock file has changed since.
need_packages() {
  command -v npm >/dev/null || die "npm is missing: install Node.js (apt-get install nodejs npm)"
  local stamp=node_modules/.installed-lock
  if ! cmp -s package-lock.json "$stamp"; then
    say "installing npm packages"
    npm ci --no-audit --no-fund --loglevel=error >&2
    cp package-lock.json "$stamp"
  fi
  # Where npm runs no install scripts, the two runtimes still have to unpack themselves.
  bun --version >/dev/null 2>&1 || node node_modules/bun/install.js >&2
  deno --version >/dev/null 2>&1 || node node_modules/deno/install.cjs >&2
}

# What is locked, in CycloneDX's form, by npm itself: npm 10 was the first that can.
sbom() {
  local npm=(npm)
  [ "$(npm --version | cut -d. -f1)" -ge 10 ] || npm=(npm exec --yes --package=npm@11.19.1 -- npm)
  "${npm[@]}" sbom --package-lock-only --sbom-format cyclonedx --sbom-type application
}

# Runtimes in a place of their own, where none is taken for the system's: Node (NODE), and the oldest
# Deno and Node that are to run this (FLOOR_DENO, FLOOR_NODE).
need_floor() {
  local folder=test/floor
  [ "$(uname -sm)" = "Linux x86_64" ] || die "Node and the oldest Deno are packed for x86-64 Linux only"
  if ! cmp -s $folder/package-lock.json $folder/node_modules/.installed-lock; then
    say "installing Node and the oldest Deno"
    (cd $folder && npm ci --no-audit --no-fund --loglevel=error) >&2
    cp $folder/package-lock.json $folder/node_modules/.installed-lock
  fi
  FLOOR_DENO=$REPOSITORY/$folder/node_modules/@deno/linux-x64-glibc/deno
  NODE=$REPOSITORY/$folder/node_modules/node/bin/node
  FLOOR_NODE=$REPOSITORY/$folder/node_modules/node-floor/bin/node
}

# What Node cannot read of the sources, for on_node: scripts in place of JSX.
need_scripts_for_node() {
  local files
  mapfile -t files < <(find src -name '*.tsx')
  bun build --no-bundle --root src --outdir dist/tests/jsx "${files[@]}" >/dev/null
}

# on_node NODE FILE: tests. The variable is for the processes that they start as well.
on_node() {
  NODE_OPTIONS="--import=file://$REPOSITORY/test/node/hooks.mjs --disable-warning=ExperimentalWarning" \
    "$1" --test-force-exit "$2"
}

# need_commands COMMAND=PACKAGE...: Debian packages of the commands that are not there yet.
need_commands() {
  local missing=() pair
  for pair in "$@"; do
    command -v "${pair%%=*}" >/dev/null || missing+=("${pair#*=}")
  done
  [ ${#missing[@]} -eq 0 ] && return
  command -v apt-get >/dev/null || die "missing: ${missing[*]}. Install them with your package manager."
  local root=()
  if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null || die "missing: ${missing[*]}. As root: apt-get install ${missing[*]}"
    root=(sudo)
  fi
  say "installing ${missing[*]}"
  without_services "${root[@]}" apt-get -q update >/dev/null
  # A daemon among them must not start on this machine: only its program is wanted.
  without_services "${root[@]}" env DEBIAN_FRONTEND=noninteractive \
    apt-get -q install -y --no-install-recommends "${missing[@]}" >/dev/null
}

# Runs a command while Debian's policy forbids starting services. See invoke-rc.d(8).
without_services() {
  local policy=/usr/sbin/policy-rc.d made=
  if [ ! -e "$policy" ] && [ -w /usr/sbin ]; then
    printf '#!/bin/sh\nexit 101\n' >"$policy" && chmod +x "$policy" && made=1
  fi
  local status=0
  "$@" || status=$?
  [ -z "$made" ] || rm -f "$policy"
  return "$status"
}

# What `teredo demo` runs on.
need_demo_tools() {
  need_commands ip=iproute2 nft=nftables unshare=util-linux ping=iputils-ping ethtool=ethtool
}

# What the tests run besides: real peers, judges, a C compiler for the layout test.
need_test_tools() {
  need_demo_tools
  need_commands miredo=miredo miredo-server=miredo-server chromium=chromium tshark=tshark \
    tcpdump=tcpdump gcc=gcc promtool=prometheus setpriv=util-linux chrt=util-linux sysctl=procps \
    mount=mount nc=netcat-openbsd iptables-legacy=iptables systemd-analyze=systemd curl=curl \
    script=bsdutils tmux=tmux zsh=zsh fish=fish bird=bird2 vtysh=frr bgpctl=openbgpd \
    exabgp=exabgp nginx=nginx-light caddy=caddy openssl=openssl strace=strace faketime=faketime \
    prlimit=util-linux perl=perl-base stund=stun-server
  # gcc alone can lack the C library's headers.
  [ -e /usr/include/stdio.h ] || need_commands "/usr/include/stdio.h=libc6-dev"
  # What others have found to be the numbers of the BSDs.
  [ -e /usr/share/gocode/src/golang.org/x/sys/unix ] ||
    need_commands "/usr/share/gocode/src/golang.org=golang-golang-x-sys-dev"
  compgen -G "/usr/share/cargo/registry/libc-0.*" >/dev/null ||
    need_commands "/usr/share/cargo/registry/libc=librust-libc-dev"
}

# What the tests of a release run besides.
need_release_tools() {
  need_commands readelf=binutils shellcheck=shellcheck pgrep=procps su=util-linux \
    qemu-aarch64-static=qemu-user-static aarch64-linux-gnu-gcc=gcc-aarch64-linux-gnu faketime=faketime
  need_openrc
}

# And what its programs for other machines run on: scripts/foreign fetches its own.
need_foreign() {
  local target
  for target in linux-x64-musl linux-arm64 linux-arm64-musl; do scripts/foreign "$target"; done
}

# OpenRC's files in dist/foreign/openrc: installed, it would take the place of this machine's init.
need_openrc() {
  local folder=$REPOSITORY/dist/foreign/openrc stage package
  [ ! -e "$folder" ] || return 0
  command -v apt-get >/dev/null || die "OpenRC comes by Debian's apt-get, which is missing"
  mkdir -p "$REPOSITORY/dist/foreign"
  stage=$(mktemp -d "$folder.XXXXXX")
  say "fetching OpenRC"
  (cd "$stage" && apt-get -qq -o APT::Sandbox::User=root download openrc librc1 libeinfo1)
  for package in "$stage"/*.deb; do
    dpkg-deb -x "$package" "$stage"
    rm "$package"
  done
  mv -T "$stage" "$folder"
}

# apt-get and apt-cache for arm64 packages, with lists and state of their own: the machine's stay as
# they are, and nothing is installed.
arm64_apt() { arm64_tool apt-get -qq "$@"; }
arm64_apt_cache() { arm64_tool apt-cache "$@"; }
arm64_tool() {
  local tool=$1 apt=$REPOSITORY/dist/foreign/apt
  shift
  local options=(-o APT::Architecture=arm64 -o APT::Architectures=arm64 -o "Dir::Cache=$apt/cache"
    -o "Dir::State::lists=$apt/lists" -o "Dir::State::status=$apt/status" -o APT::Sandbox::User=root)
  if [ ! -e "$apt/status" ]; then
    command -v apt-get >/dev/null || die "arm64 packages come by Debian's apt-get, which is missing"
    mkdir -p "$apt/lists/partial" "$apt/cache/archives/partial"
    apt-get -qq "${options[@]}" -o Dir::State::status=/dev/null update
    touch "$apt/status"
  fi
  "$tool" "${options[@]}" "$@"
}

# A tag names a release; between tags the commit is added. Outside git the package's version stands.
teredo_version() {
  local version commit
  version=$(node -p 'require("./package.json").version')
  commit=$(git describe --always --dirty --abbrev=10 --match 'v*' 2>/dev/null || true)
  case $commit in
    "" | "v$version") printf '%s\n' "$version" ;;
    *) printf '%s+%s\n' "$version" "${commit#v}" ;;
  esac
}

# dist/teredo, built again only when a source is newer.
need_binary() {
  if [ ! -x dist/teredo ] || [ -n "$(find src ffi package.json -newer dist/teredo -print -quit)" ]; then
    scripts/build
  fi
}
