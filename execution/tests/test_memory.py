"""What a process does with the room of large values when they are gone."""

import subprocess
import sys

_PROGRAM = """
import re, threading
from execution.memory import give_large_values_back
{first}
def held():
    return int(re.search(r"VmRSS:\\s+(\\d+)", open("/proc/self/status").read())[1]) * 1024
def work():
    # As values grow: freed blocks teach the C library to keep larger ones.
    for size in range(2, 24):
        kept = [b"x" * (size * 1_000_000) for _ in range(3)]
        small = [b"y" * 200_000 for _ in range(5)]
        keep.append(small[-1])
        del kept, small
keep = []
before = held()
threads = [threading.Thread(target=work) for _ in range(4)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print(held() - before - sum(map(len, keep)))
"""


def kept_after_large_values(first: str) -> int:
    """Bytes a process still holds after four threads have had and freed large values."""
    program = [sys.executable, "-c", _PROGRAM.replace("{first}", first)]
    return int(subprocess.run(program, check=True, capture_output=True, text=True).stdout)


def test_the_room_of_large_values_goes_back_to_the_system() -> None:
    kept = kept_after_large_values("assert give_large_values_back()")
    assert kept < 10_000_000
    assert kept < kept_after_large_values("")
