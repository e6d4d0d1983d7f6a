"""Run one command and print `seconds cpu_seconds peak_kib exit_code`.

A child begins life with the memory peak of whoever spawned it, so this launcher imports next to nothing: what it
adds is below any tool's own peak. Its standard error passes through; the command's standard output is thrown away.
"""

from __future__ import annotations

import os
import sys
import time


def main() -> None:
    argv = sys.argv[1:]
    silence = [(os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0)]
    began = time.monotonic()
    child = os.posix_spawnp(argv[0], argv, os.environ, file_actions=silence)
    _, status, usage = os.wait4(child, 0)
    seconds = time.monotonic() - began
    print(seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss, os.waitstatus_to_exitcode(status))


main()
