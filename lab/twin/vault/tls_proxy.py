"""S3 as one region's machines reach it: listens inside the twin's network, and passes bytes on to a port of the host.

Arguments: the address, the port, the host's port on its loopback. Started in its own network namespace; says
`{"ready": true}` once it listens, and ends when its input does. TLS goes through as it is.
"""

import ctypes
import json
import os
import select
import socket
import sys
import threading
import time

CLONE_NEWNET = 0x40000000
CHUNK = 1 << 18


def to_host_network():
    """This thread only: a socket belongs to the namespace that its maker was in."""
    libc = ctypes.CDLL(None, use_errno=True)
    with open(f"/proc/{os.getppid()}/ns/net", encoding="utf8") as host:
        if libc.setns(host.fileno(), CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), "setns to the host's network")


def splice(inner, upstream):
    """Both ways, until either side closes, and closes the other side then."""
    other = {inner: upstream, upstream: inner}
    open_ends = {inner, upstream}
    while open_ends:
        for source in select.select(list(open_ends), [], [])[0]:
            data = source.recv(CHUNK)
            if data:
                other[source].sendall(data)
            else:
                open_ends.discard(source)
                other[source].shutdown(socket.SHUT_WR)


def serve(inner, port):
    try:
        to_host_network()
        with inner, socket.create_connection(("127.0.0.1", port)) as upstream:
            for each in (inner, upstream):
                each.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            splice(inner, upstream)
    except OSError:
        # Either side has gone: both are closed, and the other one sees it.
        pass


def listen(address, port):
    # The address comes after this has started: the network is plugged in from outside.
    for _ in range(100):
        try:
            return socket.create_server((address, port), backlog=64)
        except OSError as error:
            failure = error
            time.sleep(0.05)
    sys.exit(f"{address}:{port}: {failure}")


def accept(server, port):
    while True:
        inner, _ = server.accept()
        threading.Thread(target=serve, args=(inner, port), daemon=True).start()


def main(address, port, upstream):
    server = listen(address, int(port))
    threading.Thread(target=accept, args=(server, int(upstream)), daemon=True).start()
    print(json.dumps({"ready": True}), flush=True)
    sys.stdin.read()


main(*sys.argv[1:])
