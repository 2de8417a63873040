"""A wide-area link between two bridges: a TAP device on each, and every frame waits in between.

Runs in the switch's network namespace. Arguments: the two bridges, one-way delay in milliseconds, share of
frames lost. Reads JSON lines `{"delayMillis", "loss", "cut"}` from standard input to change them. What is under
way when the link is cut is lost, as on a real one. It ends when its input does.
"""

import collections
import fcntl
import json
import os
import random
import select
import struct
import subprocess
import sys
import time

TUNSETIFF, IFF_TAP, IFF_NO_PI = 0x400454CA, 0x0002, 0x1000


def tap(name, bridge):
    device = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(device, TUNSETIFF, struct.pack("16sH22x", name.encode(), IFF_TAP | IFF_NO_PI))
    for words in (["set", name, "master", bridge], ["set", name, "mtu", "1500", "up"]):
        subprocess.run(["ip", "link", *words], check=True)
    return device


def main():
    settings = {"delayMillis": float(sys.argv[3]), "loss": float(sys.argv[4]), "cut": False}
    ends = [tap(f"wire{i}", sys.argv[1 + i]) for i in (0, 1)]
    queues = [collections.deque(), collections.deque()]
    print(json.dumps({"ready": True}), flush=True)
    commands = b""
    while True:
        now = time.monotonic()
        for queue, out in zip(queues, reversed(ends)):
            while queue and queue[0][0] <= now:
                try:
                    os.write(out, queue.popleft()[1])
                except OSError:
                    pass  # The other bridge is going down.
        due = min((queue[0][0] for queue in queues if queue), default=now + 60)
        readable, _, _ = select.select([*ends, sys.stdin.fileno()], [], [], max(0, due - now))
        for i, end in enumerate(ends):
            if end not in readable:
                continue
            while True:
                try:
                    frame = os.read(end, 65536)
                except BlockingIOError:
                    break
                if not settings["cut"] and random.random() >= settings["loss"]:
                    queues[i].append((time.monotonic() + settings["delayMillis"] / 1000, frame))
        if sys.stdin.fileno() in readable:
            data = os.read(sys.stdin.fileno(), 65536)
            if not data:
                return
            *lines, commands = (commands + data).split(b"\n")
            for line in lines:
                request = json.loads(line)
                settings.update({key: request[key] for key in settings if key in request})
                if settings["cut"]:
                    for queue in queues:
                        queue.clear()
                print(json.dumps({"id": request["id"], **settings}), flush=True)


main()
