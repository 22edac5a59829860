#!/bin/sh
# Set this project up and test it in a folder with Debian's testing branch, which has newer Pythons.
#
#   tests/setup/debian_testing.sh FOLDER python3.14 lint units lessons
#
# Root alone can. The folder (1 GB) is made by debootstrap the first time. What is mounted in it is
# seen by this run alone. Exit 77: it cannot be had here; a line says why.
set -eu
folder=$1 python=$2
shift 2
clone=$(cd "$(dirname "$0")/../.." && pwd)

if [ "${INSIDE:-}" != 1 ]; then
    [ "$(id -u)" = 0 ] || { echo "only root can make it"; exit 77; }
    command -v debootstrap >/dev/null || { echo "no debootstrap (Debian: apt install it)"; exit 77; }
    if [ ! -e "$folder/made" ]; then
        mkdir -p "$folder"
        debootstrap --variant=minbase --include=ca-certificates,git,make,python3,python3-venv \
            testing "$folder" >"$folder.log" 2>&1 || { tail -n 3 "$folder.log"; exit 77; }
        touch "$folder/made"
    fi
    exec env INSIDE=1 unshare --mount --pid --fork "$0" "$folder" "$python" "$@"
fi

mount --make-rprivate /
mount --bind "$folder" "$folder" # unshare in it wants its root to be a mount
mount -t proc proc "$folder/proc"
mount --rbind /dev "$folder/dev"
mount -t tmpfs tmpfs "$folder/dev/shm"
cp /etc/resolv.conf /etc/hosts "$folder/etc/"
cp /etc/ssl/certs/ca-certificates.crt "$folder/etc/ssl/certs/"
inside() { chroot "$folder" /usr/bin/env -i HOME=/root PATH=/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8 "$@"; }
if ! [ -x "$folder/usr/bin/$python" ]; then
    inside sh -c "apt-get -q update && apt-get -qy install --no-install-recommends $python-venv" \
        >"$folder.log" 2>&1 || { echo "no $python in it"; exit 77; }
fi
project=$folder/$python
rm -rf "$project"
mkdir "$project"
(cd "$clone" && git ls-files -z | xargs -0 cp --parents -t "$project")
inside sh -c "cd /$python && git init -q && git add -A"
inside env PYTHON="$python" make --no-print-directory -C "/$python" test PARTS="$*"
