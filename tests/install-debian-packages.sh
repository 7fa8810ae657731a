#!/bin/sh
# Install what tests/debian-packages.txt names and this machine has not, where apt and root (or sudo without a
# password) are there. Elsewhere say so and go on: the tests that need a package skip and say which.
set -eu
cd "$(dirname "$0")"

missing=""
for package in $(cat debian-packages.txt); do
    dpkg-query --show --showformat='${db:Status-Status}\n' "$package" 2>/dev/null | grep -qx installed || missing="$missing $package"
done
[ -n "$missing" ] || exit 0

if ! command -v apt-get >/dev/null; then
    echo "No apt-get here; tests that need one of these will skip:$missing"
    exit 0
elif [ "$(id -u)" = 0 ]; then
    sudo=""
elif sudo -n true 2>/dev/null; then
    sudo="sudo -n"
else
    echo "Not root, and sudo asks for a password; tests that need one of these will skip:$missing"
    exit 0
fi

echo "Installing Debian packages:$missing"
$sudo apt-get update --quiet=2
$sudo env DEBIAN_FRONTEND=noninteractive \
    apt-get install --quiet=2 --yes --no-install-recommends -o Dpkg::Use-Pty=0 $missing </dev/null >/dev/null
