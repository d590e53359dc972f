"""What torchrun starts anew: a fit with a file, of which a process is killed the first time."""

import os
import pickle
import runpy
import sys
import time
from pathlib import Path

from skae.distributed import group

RANKS = runpy.run_path(str(Path(__file__).with_name("ranks.py")))


def main():
    """Fit, and keep what has come out of it."""
    folder, is_first = Path(sys.argv[1]), os.environ["TORCHELASTIC_RESTART_COUNT"] == "0"
    if not is_first:
        # the others would find the address of the one that was killed
        time.sleep(int(os.environ["RANK"]))
    with group() as place:
        rows = RANKS["kept_rows"](place.rank, RANKS["_die"] if is_first else None)
        n_updates = RANKS["count_updates"]()
        estimator = RANKS["kept_estimator"]().fit(rows)
        n_after = len(n_updates)
    with group():  # another one, in the same store
        alone = RANKS["kept_estimator"]().set_params(checkpoint=None).fit(rows)
    found = (
        RANKS["describe"](estimator),
        RANKS["describe"](alone),
        n_after,
        len(n_updates) - n_after,
    )
    (folder / f"found-{place.rank}").write_bytes(pickle.dumps(found))


if __name__ == "__main__":
    main()
