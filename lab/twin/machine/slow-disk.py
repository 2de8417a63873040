"""Makes a file system hang at intervals: its only arguments are its mount point, and of how many milliseconds it hangs how many.

A process of the host in the machine's mount namespace: a file system that stays frozen can't even be unmounted, so
neither the machine's death nor that of the twin must take this one along. It goes on until its standard input
ends, as it does when the twin is gone however it died, and leaves the file system thawed. Says `hangs` when it
first does.
"""

import fcntl
import os
import select
import signal
import sys

FIFREEZE, FITHAW = 0xC0045877, 0xC0045878


def told_to_stop(millis):
    """Waits that long for the end of the standard input, which stays empty."""
    return bool(select.select([0], [], [], millis / 1000)[0])


def main():
    path, hang, every = sys.argv[1], float(sys.argv[2]), float(sys.argv[3])
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    volume = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    first = True
    while True:
        fcntl.ioctl(volume, FIFREEZE, 0)
        try:
            if first:
                print("hangs", flush=True)
                first = False
            stop = told_to_stop(hang)
        finally:
            fcntl.ioctl(volume, FITHAW, 0)
        if stop or told_to_stop(every - hang):
            return


main()
