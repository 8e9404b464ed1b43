#!/bin/sh
# Makes .venv from requirements.lock with the first suitable Python. Does nothing if .venv is up to date.
# Usage: sh deploy/local/venv.sh [PYTHON]     (in the checkout; `make venv` calls it)
set -eu

fits() { "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; }
has_venv() { "$1" -c 'import ensurepip, venv' 2>/dev/null; }
say() { printf '%s\n' "$@"; }

# `tph` beside the interpreter: the checkout runs in place and is not installed.
launcher() {
    cat >.venv/bin/tph <<'END'
#!/bin/sh
root=$(CDPATH= cd -- "$(dirname -- "$0")/../.." && pwd)
PYTHONPATH=$root exec "$root/.venv/bin/python" -m deploy.tph "$@"
END
    chmod +x .venv/bin/tph
}

# The stamp is a copy of the lock, written last. An interrupted installation therefore starts again.
stamp=.venv/requirements.lock
if cmp -s requirements.lock "$stamp" && .venv/bin/python -c '' 2>/dev/null; then
    test -x .venv/bin/tph || launcher
    exit 0
fi

found='' without_venv=''
if [ -z "${1:-}" ]; then
    set -- python3.13 python3.12 python3.11 python3
fi
for candidate in "$@"; do
    if command -v "$candidate" >/dev/null 2>&1 && fits "$candidate"; then
        if has_venv "$candidate"; then
            found=$candidate
            break
        fi
        without_venv=$candidate
    fi
done

if [ -z "$found" ] && [ -n "$without_venv" ]; then
    say "$without_venv 缺少 venv 模块。Debian/Ubuntu 请安装：apt-get install python3-venv；或指定另一个 Python：make run PYTHON=/path/to/python3" \
        "$without_venv has no venv module. On Debian or Ubuntu: apt-get install python3-venv. Or name another: make run PYTHON=/path/to/python3" >&2
    exit 1
fi
if [ -z "$found" ]; then
    say "没有找到 Python 3.11 或更新版本。请先安装，或指定其路径：make run PYTHON=/path/to/python3" \
        "Python 3.11 or later is needed and was not found. Install it, or name it: make run PYTHON=/path/to/python3" >&2
    exit 1
fi

say "正在创建 .venv ($("$found" --version), 首次需下载约 200 MB) · Making .venv (the first time fetches some 200 MB)"
rm -rf .venv
"$found" -m venv .venv
.venv/bin/python -m pip install --disable-pip-version-check --no-input --require-hashes -r requirements.lock
launcher
cp requirements.lock "$stamp"
say "完成 · .venv is ready"
