"""What is tried against the package's promises, counted.

    python docs/benchmarks/faults.py

Runs the tests of faults and prints a Markdown table: how much was tried, and what of it was let
through. With SKAE_EXAMPLES=2000 twenty times as many arrays are made up as in the run of all tests.
A test is one try, unless it says that it holds more.
"""

import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path
from xml.etree import ElementTree

ROOT = Path(__file__).parents[2]
PROMISES = {
    "estimators/test_odd_input.py": "odd kinds of X are refused, or results are finite",
    "estimators/test_any_numbers.py": "made-up arrays are refused, or results are finite",
    "estimators/test_bad_input.py": "wrong parameters and shapes get an error that names them",
    "estimators/test_interruption.py": "Ctrl-C leaves the best epoch so far",
    "estimators/test_checkpoint.py": "fits that died go on to the same bits",
    "estimators/test_randomness.py": "a seed gives the same bits, in threads and files as well",
    "estimators/test_ambient.py": "no global state is changed",
    "estimators/test_array_api.py": "tensors in, tensors out",
    "persistence/test_round_trip.py": "files give back what was saved, bit for bit",
    "persistence/test_faults.py": "damaged and made-up files are refused, good ones survive",
}


def run_tests(report):
    """Run the tests, which write a report."""
    paths = [str(ROOT / "tests" / name) for name in PROMISES]
    command = [sys.executable, "-m", "pytest", "-q", f"--junitxml={report}", *paths]
    subprocess.run(command, cwd=ROOT, stdout=subprocess.DEVNULL, check=False)


def main():
    """Print the table."""
    tried, failed, skipped = Counter(), Counter(), Counter()
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.xml"
        run_tests(report)
        for case in ElementTree.parse(report).iter("testcase"):
            name = case.get("classname").removeprefix("tests.").replace(".", "/") + ".py"
            tries = [p.get("value") for p in case.iter("property") if p.get("name") == "tries"]
            is_skipped = case.find("skipped") is not None
            tried[name] += 0 if is_skipped else int(tries[0]) if tries else 1
            failed[name] += case.find("failure") is not None or case.find("error") is not None
            skipped[name] += is_skipped
    print("| `tests/` | the promise | tries | tests failed | skipped |")
    print("|---|---|---|---|---|")
    for name, promise in PROMISES.items():
        print(f"| `{name}` | {promise} | {tried[name]:,} | {failed[name]} | {skipped[name]} |")
    print(f"| all | | {tried.total():,} | {failed.total()} | {skipped.total()} |")


if __name__ == "__main__":
    main()
