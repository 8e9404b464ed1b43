"""Build the sample clients of partners, and say which ones cannot be built here."""

import sys

from deploy.clients.samples import SAMPLES, BuildFailed


def main() -> int:
    failed = False
    for sample in SAMPLES:
        missing = sample.missing_tools()
        if missing:
            print(f"{sample.language}: 未构建，缺少 not built, missing: {', '.join(missing)}")
            continue
        try:
            command = sample.build()
        except BuildFailed as error:
            failed = True
            print(f"{sample.language}: 构建失败 failed\n{error}")
        else:
            print(f"{sample.language}: {' '.join(command)[:200]}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
