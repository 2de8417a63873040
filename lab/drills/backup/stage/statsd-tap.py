"""Stands in for the CloudWatch agent of one machine: prints what is sent to StatsD's port, one JSON line per datagram.

Ends when its input does.
"""

import json
import select
import socket
import sys

tap = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
tap.bind(("127.0.0.1", 8125))
while True:
    ready, _, _ = select.select([tap, sys.stdin], [], [])
    if sys.stdin in ready and not sys.stdin.buffer.read1(1024):
        break
    if tap in ready:
        print(json.dumps(tap.recv(65536).decode()), flush=True)
