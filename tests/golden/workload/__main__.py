"""Command line: see the package's documentation."""

import json
import os
import sys

from golden.workload import PHASES, run


def main() -> None:
    if len(sys.argv) < 3 or set(sys.argv[2:]) - set(PHASES):
        sys.exit(f"usage: python -m golden.workload PORT {{{'|'.join(PHASES)}}}...")

    def report(label: str, result: object, error: str | None) -> None:
        print(json.dumps({"op": label, "res": result, "err": error}), flush=True)

    run(int(sys.argv[1]), sys.argv[2:], apply_ops=not os.environ.get("NOAPPLYOPS"), report=report)


main()
