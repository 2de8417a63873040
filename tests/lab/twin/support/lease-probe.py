"""Beside the rendered rules, in a machine's namespace: a server on PostgreSQL's port, and a client elsewhere."""
import importlib.util
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time

ADDRESS, PORT = "192.0.2.1", 5432
LEASE = "/usr/local/lib/dr/lease.py"

CLIENT = """
import socket, sys
s = None
for line in sys.stdin:
    try:
        if line.strip() == 'connect':
            s = socket.socket(); s.settimeout(0.7); s.connect(('%s', %d)); print('connected', flush=True)
        elif line.strip() == 'send':
            s.sendall(b'q'); print('sent', flush=True)
        else:
            s.settimeout(0.7); print('answer' if s.recv(1) == b'a' else 'end', flush=True)
    except socket.timeout: print('silence', flush=True)
    except ConnectionError: print('reset', flush=True)
""" % (ADDRESS, PORT)


def shell(command):
    subprocess.run(command, shell=True, check=True)


away = subprocess.Popen(["unshare", "--net", "sleep", "120"])
while os.readlink(f"/proc/{away.pid}/ns/net") == os.readlink("/proc/self/ns/net"):
    time.sleep(0.02)
shell(f"ip link add s0 type veth peer name c0 && ip link set c0 netns {away.pid}")
shell(f"ip address add {ADDRESS}/24 dev s0 && ip link set s0 up")
enter = ["nsenter", f"--net=/proc/{away.pid}/ns/net"]
shell(" ".join(enter) + " sh -c 'ip address add 192.0.2.2/24 dev c0 && ip link set c0 up'")

held = threading.Event()
held.set()
ends = []


def serve(connection):
    # As PostgreSQL does.
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    try:
        while connection.recv(1):
            held.wait()
            connection.sendall(b"a")
    except OSError:
        pass
    ends.append(time.monotonic())


def listen():
    while True:
        threading.Thread(target=serve, args=listener.accept()[:1], daemon=True).start()


def idle(connection):
    while connection.recv(1):
        connection.sendall(b"a")


def listen_as_etcd():
    while True:
        threading.Thread(target=idle, args=etcd.accept()[:1], daemon=True).start()


# Patroni's side: its user, its keepalive, a second of it.
PATRONI = """
import os, pwd, socket, sys
if sys.argv[1] == 'postgres': os.setuid(pwd.getpwnam('postgres').pw_uid)
s = None
for line in sys.stdin:
    try:
        if line.strip() == 'connect':
            s = socket.socket()
            for option, value in ((socket.TCP_KEEPIDLE, 1), (socket.TCP_KEEPINTVL, 1), (socket.TCP_KEEPCNT, 3)):
                s.setsockopt(socket.IPPROTO_TCP, option, value)
            s.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            s.settimeout(2.5); s.connect(('%s', 2379)); print('connected', flush=True)
        elif line.strip() == 'send':
            s.sendall(b'q'); print('sent', flush=True)
        else:
            print('answer' if s.recv(1) == b'a' else 'end', flush=True)
    except socket.timeout: print('silence', flush=True)
    except OSError: print('reset', flush=True)
""" % (ADDRESS,)

etcd = socket.create_server(("", 2379))
threading.Thread(target=listen_as_etcd, daemon=True).start()
listener = socket.create_server(("", PORT))
threading.Thread(target=listen, daemon=True).start()
pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True, "bufsize": 1}
client = subprocess.Popen([*enter, "python3", "-c", CLIENT], **pipes)
helper = subprocess.Popen(["python3", "-I", LEASE], **pipes)


def exchange(process, line):
    process.stdin.write(line + "\n")
    return process.stdout.readline().strip()


def order(order):
    answer = json.loads(exchange(helper, json.dumps(order)))
    assert answer["ok"], answer


def lease(seconds):
    order({"open": time.monotonic_ns() + int(seconds * 1e9)})


def admit(seconds):
    order({"admit": time.monotonic_ns() + int(seconds * 1e9)})


def does(*words, who=None):
    return [exchange(who or client, word) for word in words]


seen = {}
seen["before"] = does("connect")
lease(3)
seen["open"] = does("connect", "send", "receive")
held.clear()
seen["asked"] = does("send")
time.sleep(3.2)
# Given after the lease: the kernel must not keep it for later.
held.set()
time.sleep(0.2)
seen["lapsed"] = does("receive")
lease(5)
seen["open again, old connection"] = does("receive")
seen["open again"] = does("connect", "send", "receive")
order({"close": True})
seen["closed"] = does("send", "receive") + does("connect")

patroni = subprocess.Popen(["python3", "-c", PATRONI, "postgres"], **pipes)
root = subprocess.Popen(["python3", "-c", PATRONI, "root"], **pipes)
seen["Patroni before"] = does("connect", who=patroni)
seen["root before"] = does("connect", who=root)
admit(1)
seen["Patroni admitted"] = does("connect", "send", "receive", who=patroni)
# It is over within this wait, and nothing is sent.
seen["Patroni's watch later"] = does("receive", who=patroni)
admit(5)
seen["Patroni admitted again, old connection"] = does("receive", who=patroni)
seen["Patroni admitted again"] = does("connect", "send", "receive", who=patroni)
root_before = does("connect", who=root)
order({"shutOut": True})
# Long before its keepalive.
started = time.monotonic()
seen["Patroni shut out"] = does("receive", "connect", who=patroni)
seen["shut out within"] = [str(time.monotonic() - started < 0.5)]
seen["root meanwhile"] = root_before + does("send", "receive", who=root)

spec = importlib.util.spec_from_file_location("lease", LEASE)
module = importlib.util.module_from_spec(spec)
spec.loader.exec_module(module)
kernel = module.Kernel()


def paused(seconds):
    """A batch for a lease of 2 s, this process stopped between computing and applying it."""
    batch = module.opened(time.monotonic_ns() + 2_000_000_000)
    subprocess.Popen(["sh", "-c", f"sleep {seconds}; kill -CONT {os.getpid()}"])
    before = time.monotonic()
    os.kill(os.getpid(), signal.SIGSTOP)
    assert time.monotonic() - before >= seconds * 0.9, "it was not stopped"
    kernel.commit(batch)
    return does("connect")


seen["paused shorter than the lease"] = paused(0.3)
order({"close": True})
seen["paused longer than the lease"] = paused(2.3)

lease(60)
gone = subprocess.Popen([*enter, "python3", "-c", CLIENT], **pipes)
seen["a client before it dies"] = does("connect", "send", "receive", who=gone)
before = len(ends)
order({"close": True})
gone.kill()
gone.wait()
time.sleep(0.4)
seen["its session, while closed"] = ["ended" if len(ends) > before else "open"]
lease(60)
opened = time.monotonic()
while len(ends) == before and time.monotonic() < opened + 20:
    time.sleep(0.1)
seen["its session, 20 s after opening"] = ["ended" if len(ends) > before else "open"]

print(json.dumps(seen))
for process in (helper, client, patroni, root, away):
    process.kill()
