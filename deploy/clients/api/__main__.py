"""`python -m deploy.clients.api types | lint | day`: write the types, lint the documents, play a day."""

import subprocess
import sys

from deploy.clients.api import tools


def main(arguments: list[str]) -> int:
    missing = tools.missing_tools()
    if missing:
        print(f"缺少 missing: {', '.join(missing)}")
        return 1
    try:
        match arguments:
            case ["types"]:
                tools.RECORDED.write_text(tools.write_types() + "\n")
            case ["lint"]:
                tools.lint()
            case ["day", *credentials]:
                return subprocess.run([*tools.compile_client(), *credentials], check=False).returncode
            case _:
                print(__doc__)
                return 2
    except tools.ToolFailed as error:
        print(error)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
