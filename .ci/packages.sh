# Sourced by quickstart and check: which Debian packages wbsim needs, and how they get installed.

# Building and running the program, and drawing its plots.
program_packages=(g++ cmake ninja-build libboost-dev libboost-program-options-dev
  nlohmann-json3-dev python3 python3-matplotlib)
# Building and running the tests and benchmarks as well.
test_packages=(catch2 librapidcheck-dev libbenchmark-dev clang clang-format
  xz-utils                              # recordings are packed with it
  libzstd-dev zstd                      # run --zstd, and what unpacks it
  fio blktrace sqlite3 python3-pandas)  # their programs read what we write

die() {
  printf '%s: %s\n' "${0##*/}" "$1" >&2
  exit 1
}

# no_arguments "$@": for a script that takes none.
no_arguments() {
  (($# == 0)) || {
    printf '%s: it takes no arguments; README.md says what it does\n' "${0##*/}" >&2
    exit 2
  }
}

installed() {
  [[ "$(dpkg-query -W -f='${db:Status-Status}' "$1" 2>/dev/null)" == installed ]]
}

# install_packages LOG PACKAGE...: asks apt only for what is missing, so that a complete machine
# needs neither the network nor root.
install_packages() {
  local log=$1 package
  shift
  if ! command -v dpkg-query >/dev/null; then
    echo "Not a Debian system: taking these packages, or what they are called here, as installed:"
    echo "  $*"
    return
  fi
  local missing=()
  for package in "$@"; do
    installed "$package" || missing+=("$package")
  done
  if ((${#missing[@]} == 0)); then
    echo "All ${#} packages are installed."
    return
  fi
  local as_root=()
  if ((EUID != 0)); then
    command -v sudo >/dev/null || die "packages are missing and neither root nor sudo is at hand.
As root, run:  apt-get install --no-install-recommends ${missing[*]}"
    as_root=(sudo)
  fi
  echo "Installing ${missing[*]}"
  local apt=("${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -q
    -o DPkg::Lock::Timeout=300)
  if ! { "${apt[@]}" update &&
    "${apt[@]}" install -y --no-install-recommends "${missing[@]}"; } </dev/null >"$log" 2>&1; then
    tail -n 15 "$log" >&2
    die "apt-get failed; all it said is in $log"
  fi
}

# build PRESET LOG [CMAKE_BUILD_OPTION...]: configures and builds; shows the errors if it fails.
build() {
  local preset=$1 log=$2
  shift 2
  if command -v ccache >/dev/null; then
    export CMAKE_CXX_COMPILER_LAUNCHER=ccache
  fi
  if ! { cmake --preset "$preset" && cmake --build --preset "$preset" -j "$(nproc)" "$@"; } \
    </dev/null >"$log" 2>&1; then
    { grep -E -A 3 'error:|Error|FAILED:|undefined reference' "$log" || tail -n 30 "$log"; } |
      head -n 60 >&2
    echo "The build of preset '$preset' failed; all it said is in $log" >&2
    return 1
  fi
}
