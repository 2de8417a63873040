#!/usr/bin/python3
"""Sets the guard's leases in the kernel: one nftables batch over raw netlink per order, acknowledged.
leader/leader-decision.ts and region/region-lease.ts decide how long they last.

Reads orders as JSON lines from standard input, and answers each with one line:
  {"open": NS}            serve clients until CLOCK_MONOTONIC reads NS
  {"close": true}
  {"admit": NS}           let Patroni use etcd until then
  {"shutOut": true}       keep Patroni from etcd, and end its connections there
  {"mute": ["10.0.0.1"], "seconds": 5}   reject this node's calls to these nodes' Patroni
Answers are {"ok": true, "millis": MS} or {"ok": false, "error": TEXT}.

A lease has two bounds. The element's timeout starts when the kernel applies the batch. If this process is paused
between computing the timeout and then, the wall-clock bound in the same batch has already passed. Each covers one
failure: the wall-clock bound a pause, the timeout a step of the wall clock.
"""
import ctypes
import errno
import json
import os
import pwd
import signal
import socket
import struct
import sys
import time

TABLE, MUTE = b"dr", b"mute"
# Two leases: a port, the set that contains it with a timeout, and the set with the wall-clock interval.
CLIENTS = (5432, b"open", b"until")
ETCD = (2379, b"etcd", b"etcd_until")
NFPROTO_INET = 1
NETLINK_NETFILTER = 12
SUBSYS_NFTABLES = 10
BATCH_BEGIN, BATCH_END = 16, 17
NEWSETELEM, DELSETELEM = 12, 14
REQUEST, ACK, CREATE = 1, 4, 0x400
NLMSG_ERROR, NLMSG_DONE = 2, 3
DUMP = 0x300
NETLINK_SOCK_DIAG = 4
SOCK_DIAG_BY_FAMILY, SOCK_DESTROY = 20, 21
PATRONI_USER = "postgres"
NESTED = 0x8000
LIST_TABLE, LIST_SET, LIST_ELEMENTS = 1, 2, 3
ELEM_KEY, ELEM_FLAGS, ELEM_TIMEOUT = 1, 3, 4
DATA_VALUE = 1
INTERVAL_END = 1
# One number per message, so that an error names its message.
sequence = int(time.time()) & 0x7FFFFFFF


def attribute(kind, payload):
    return struct.pack("=HH", 4 + len(payload), kind) + payload + b"\0" * (-len(payload) % 4)


def nested(kind, *parts):
    return attribute(kind | NESTED, b"".join(parts))


def element(key, timeout_ms=None, flags=None):
    parts = [nested(ELEM_KEY, attribute(DATA_VALUE, key))]
    if flags is not None:
        parts.append(attribute(ELEM_FLAGS, struct.pack(">I", flags)))
    if timeout_ms is not None:
        parts.append(attribute(ELEM_TIMEOUT, struct.pack(">Q", timeout_ms)))
    return nested(1, *parts)


def message(kind, flags, family, payload, resource=0):
    global sequence
    sequence += 1
    body = struct.pack(">BBH", family, 0, resource) + payload
    return struct.pack("=IHHII", 16 + len(body), kind, flags, sequence, 0) + body


def set_message(kind, flags, name, elements=()):
    payload = attribute(LIST_TABLE, TABLE + b"\0") + attribute(LIST_SET, name + b"\0")
    if elements:
        payload += nested(LIST_ELEMENTS, *elements)
    return message(SUBSYS_NFTABLES << 8 | kind, REQUEST | ACK | flags, NFPROTO_INET, payload)


class Kernel:
    def __init__(self):
        self.socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_NETFILTER)
        self.socket.bind((0, 0))
        self.socket.settimeout(1)

    def commit(self, messages):
        """Commits all messages or none, and waits for the kernel's answer to each."""
        begin = message(BATCH_BEGIN, REQUEST, 0, b"", SUBSYS_NFTABLES)
        end = message(BATCH_END, REQUEST, 0, b"", SUBSYS_NFTABLES)
        waiting = {struct.unpack_from("=I", sent, 8)[0] for sent in messages}
        own = waiting | {struct.unpack_from("=I", sent, 8)[0] for sent in (begin, end)}
        self.socket.send(begin + b"".join(messages) + end)
        while waiting:
            data = self.socket.recv(65536)
            while len(data) >= 20:
                length, kind, _, number, _ = struct.unpack_from("=IHHII", data)
                # Ignores late answers to an earlier, abandoned batch.
                if kind == NLMSG_ERROR and number in own:
                    code = struct.unpack_from("=i", data, 16)[0]
                    if code:
                        raise OSError(-code, os.strerror(-code))
                    waiting.discard(number)
                data = data[length + (-length % 4):]


def flush(name):
    return set_message(DELSETELEM, 0, name)


def wall_key(nanoseconds):
    """An interval set compares its keys as big-endian numbers; rules convert `meta time` to match."""
    return struct.pack(">Q", nanoseconds)


def opened(deadline_ns, lease=CLIENTS):
    port, ports, times = lease
    # Wall clock first, then the monotonic clock: a pause between the two makes the bound earlier, never later.
    wall = time.time_ns()
    left = deadline_ns - time.monotonic_ns()
    if left < 1_000_000:
        return closed(lease)
    until = wall + left
    return closed(lease) + [
        set_message(NEWSETELEM, CREATE, ports, [element(struct.pack(">H", port), timeout_ms=left // 1_000_000)]),
        set_message(NEWSETELEM, CREATE, times, [element(wall_key(0)), element(wall_key(until), flags=INTERVAL_END)]),
    ]


def closed(lease=CLIENTS):
    _, ports, times = lease
    return [flush(ports), flush(times)]


def muted(addresses, seconds):
    elements = [element(socket.inet_aton(address), timeout_ms=int(seconds * 1000)) for address in addresses]
    return [flush(MUTE)] + ([set_message(NEWSETELEM, CREATE, MUTE, elements)] if elements else [])


def end_connections(user, port):
    """
    Aborts a user's connections to a port on any host, as the other side would. An idle watch would not notice the
    rules for a long time.
    """
    uid = pwd.getpwnam(user).pw_uid
    for family in (socket.AF_INET, socket.AF_INET6):
        for state, identity in connections(family, uid, port):
            body = struct.pack("=BBBBI", family, socket.IPPROTO_TCP, 0, 0, 1 << state) + identity
            error = diagnose(SOCK_DESTROY, REQUEST | ACK, body)[0]
            # The connection may have ended by itself.
            if error not in (0, -errno.ENOENT):
                raise OSError(-error, os.strerror(-error))


def connections(family, uid, port):
    every_state = 0xFFF
    identity = struct.pack(">HH", 0, port) + bytes(32) + struct.pack("=I", 0) + b"\xff" * 8
    body = struct.pack("=BBBBI", family, socket.IPPROTO_TCP, 0, 0, every_state) + identity
    for answer in diagnose(SOCK_DIAG_BY_FAMILY, REQUEST | DUMP, body)[1]:
        state, identity = answer[1], answer[4:52]
        owner = struct.unpack_from("=I", answer, 64)[0]
        if owner == uid and struct.unpack_from(">H", identity, 2)[0] == port:
            yield state, identity


def diagnose(kind, flags, body):
    """@returns the kernel's error code and the messages that came before it."""
    found = []
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_SOCK_DIAG) as asking:
        asking.settimeout(0.4)
        asking.send(struct.pack("=IHHII", 16 + len(body), kind, flags, 1, 0) + body)
        while True:
            data = asking.recv(65536)
            while len(data) >= 16:
                length, answer = struct.unpack_from("=IH", data)
                if answer == NLMSG_DONE:
                    return 0, found
                if answer == NLMSG_ERROR:
                    return struct.unpack_from("=i", data, 16)[0], found
                found.append(data[16:length])
                data = data[length + (-length % 4):]


def obey(kernel, order):
    if "open" in order:
        kernel.commit(opened(int(order["open"])))
    elif "close" in order:
        kernel.commit(closed())
    elif "admit" in order:
        kernel.commit(opened(int(order["admit"]), ETCD))
    elif "shutOut" in order:
        # Close first, so that Patroni can't open a new connection in between.
        kernel.commit(closed(ETCD))
        end_connections(PATRONI_USER, ETCD[0])
    elif "mute" in order:
        kernel.commit(muted(order["mute"], order.get("seconds", 5)))
    else:
        raise ValueError("unknown order")


def main():
    # A dead guard's order must not take effect after the next guard has started.
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)
    kernel = Kernel()
    for line in sys.stdin:
        started = time.monotonic()
        try:
            obey(kernel, json.loads(line))
            answer = {"ok": True, "millis": round((time.monotonic() - started) * 1000, 3)}
        except (OSError, ValueError, KeyError) as error:
            answer = {"ok": False, "error": str(error)}
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
