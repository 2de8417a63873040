#!/usr/bin/python3
"""`systemctl` inside a machine of the twin: asks its init."""

import json
import socket
import sys

connection = socket.socket(socket.AF_UNIX)
connection.connect("/run/init.sock")
connection.sendall((json.dumps({"verb": "systemctl", "arguments": sys.argv[1:]}) + "\n").encode())
answer = json.loads(connection.makefile().readline())
sys.stdout.write(answer["stdout"])
sys.stderr.write(answer["stderr"])
sys.exit(answer["exitCode"])
