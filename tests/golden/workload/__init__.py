"""The operations that the golden records were captured from.

Debezium's golden records (../records/) are what it wrote for these operations, so what is done
here, in which order, through how many clients (each has its own session ids and transaction
numbers, which the records carry) is fixed. To change it is to lose the goldens.

    python -m golden.workload PORT PHASE...      (from tests/; PORT: the primary)

A run against a replica set: `clean pre`; start the connector, wait for its snapshot; `stream`; stop
the connector; `after`; start it again. `bigtxn` may follow `stream`. `preimg` switches pre- and
post-images on (6.0 and later), between `pre` and the connector's start.
"""

from golden.workload.phases import PHASES
from golden.workload.steps import Steps

__all__ = ["PHASES", "Steps", "run"]


def run(port: int, phases: list[str], *, apply_ops: bool = True, report=None) -> None:
    """Runs phases by name. Without `apply_ops`, `stream` ends before its applyOps commands."""
    with Steps(port, apply_ops=apply_ops, report=report) as steps:
        for phase in phases:
            PHASES[phase](steps)
