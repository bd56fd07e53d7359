#!/usr/bin/env bash
# See to the system libraries that Qt 6 and OpenGL load by name on Linux; other systems bring their own.
set -euo pipefail
[ "$(uname -s)" = Linux ] || exit 0

# Debian package = a library it brings, by which the other distributions are asked.
window="libegl1=libEGL.so.1 libgl1=libGL.so.1 libglx-mesa0=libGLX_mesa.so.0 libopengl0=libOpenGL.so.0
  libxcb-cursor0=libxcb-cursor.so.0 libxcb-icccm4=libxcb-icccm.so.4 libxcb-image0=libxcb-image.so.0
  libxcb-keysyms1=libxcb-keysyms.so.1 libxcb-render-util0=libxcb-render-util.so.0 libxcb-shape0=libxcb-shape.so.0
  libxcb-xinerama0=libxcb-xinerama.so.0 libxcb-xkb1=libxcb-xkb.so.1 libxkbcommon-x11-0=libxkbcommon-x11.so.0
  libdbus-1-3=libdbus-1.so.3 libfontconfig1=libfontconfig.so.1"

has_apt() { command -v apt-get >/dev/null && command -v dpkg-query >/dev/null; }
installed() { [ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]; }
loadable() { PATH="$PATH:/sbin:/usr/sbin" ldconfig -p | grep -F "$1 " >/dev/null; }

missing=()
for pair in $window; do
  if has_apt; then installed "${pair%=*}" || missing+=("${pair%=*}"); else loadable "${pair#*=}" || missing+=("${pair#*=}"); fi
done
if has_apt; then
  installed libgl1-mesa-dri || missing+=(libgl1-mesa-dri)
  command -v fc-list >/dev/null && [ -n "$(fc-list | head -n 1)" ] || installed fonts-dejavu-core || missing+=(fonts-dejavu-core)
fi
if [ -z "${DISPLAY:-}${WAYLAND_DISPLAY:-}" ]; then
  command -v xvfb-run >/dev/null || missing+=(xvfb)
  command -v xauth >/dev/null || missing+=(xauth)
fi
if has_apt && ! command -v uv >/dev/null && command -v python3 >/dev/null && ! python3 -c 'import ensurepip' 2>/dev/null; then
  missing+=(python3-venv)
fi
[ ${#missing[@]} -gt 0 ] || exit 0

as_root=()
[ "$(id -u)" -eq 0 ] || as_root=(sudo -n)
if has_apt && "${as_root[@]+"${as_root[@]}"}" true 2>/dev/null; then
  echo "Installing system libraries: ${missing[*]}"
  install=("${as_root[@]+"${as_root[@]}"}" env DEBIAN_FRONTEND=noninteractive
    apt-get install -y -qq --no-install-recommends -o DPkg::Lock::Timeout=120 "${missing[@]}")
  # The list of packages may be absent (a new container) or old: fetch it only where installing fails without.
  if ! "${install[@]}" >/dev/null 2>&1; then
    "${as_root[@]+"${as_root[@]}"}" apt-get update -qq
    "${install[@]}" >/dev/null
  fi
  exit 0
fi

echo "napari-cellvino needs these system libraries: ${missing[*]}" >&2
if has_apt; then
  echo "Install them with: sudo apt-get install ${missing[*]}" >&2
else
  echo "Install the packages of your distribution that bring them, then try again." >&2
fi
exit 1
