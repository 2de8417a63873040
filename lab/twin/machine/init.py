"""Init of a machine: configures its network, runs cloud-init's commands, keeps its services as their units say.

Talks JSON lines over its standard input and output with the twin (`{id, verb, …}` → `{id, …}`), and serves the
same requests to `systemctl` inside the machine. It ends, and with it every process here, when the twin does.
"""

import asyncio
import glob
import grp
import json
import os
import pwd
import signal
import socket
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from reaper import Reaper  # noqa: E402
from service import Manager  # noqa: E402

CONTROL = "/run/init.sock"


def configure_network(boot):
    """The twin puts `eth0` into this namespace; wait for it."""
    while not os.path.exists("/sys/class/net/eth0"):
        time.sleep(0.005)
    lines = "\n".join(
        ["link set lo up", f"addr add {boot['address']}/{boot['prefix']} dev eth0", "link set eth0 up"]
    )
    subprocess.run(["ip", "-batch", "-"], input=lines, text=True, check=True)


def runtime_folders():
    """What systemd-tmpfiles makes at each start: the folders in /run that packages ask for."""
    for file in sorted(glob.glob("/usr/lib/tmpfiles.d/*.conf")):
        with open(file, encoding="utf8") as lines:
            for words in (line.split() for line in lines if line[:1] in "dD"):
                kind, path, mode, user, group = [*words, *"-----"][:5]
                path = path.replace("/var/run/", "/run/", 1)
                if kind[0] not in "dD" or not path.startswith("/run/") or "%" in path:
                    continue
                os.makedirs(path, exist_ok=True)
                os.chmod(path, int(mode, 8) if mode != "-" else 0o755)
                try:
                    uid = pwd.getpwnam(user).pw_uid if user != "-" else 0
                    gid = grp.getgrnam(group).gr_gid if group != "-" else 0
                except KeyError:
                    continue
                os.chown(path, uid, gid)


class Init:
    def __init__(self, boot):
        self.boot = boot
        self.reaper = Reaper()
        self.manager = Manager(self.reaper)
        self.cloud_init = None

    async def run(self):
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGCHLD, self.reaper.reap)
        await asyncio.start_unix_server(self.serve_local, CONTROL)
        self.syslog()
        reader = asyncio.StreamReader(limit=1 << 26)
        await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
        self.cloud_init = asyncio.create_task(self.commands(self.boot["commands"]))
        self.reply({"ready": True})
        while line := await reader.readline():
            asyncio.create_task(self.serve(json.loads(line)))

    def reply(self, message):
        os.write(1, (json.dumps(message) + "\n").encode())

    async def serve(self, request):
        self.reply({"id": request["id"], **await self.answer(request)})

    async def serve_local(self, reader, writer):
        request = json.loads(await reader.readline())
        writer.write((json.dumps(await self.answer(request)) + "\n").encode())
        await writer.drain()
        writer.close()

    async def answer(self, request):
        try:
            return await getattr(self, f"do_{request['verb']}")(request)
        except Exception as error:  # Whatever it was, the one who asked must hear of it.
            return {"exitCode": 1, "stdout": "", "stderr": f"{type(error).__name__}: {error}\n"}

    async def commands(self, commands):
        for argv in commands:
            result = await self.do_run({"argv": argv, "timeoutMillis": 900_000})
            with open("/run/twin/logs/cloud-init.log", "a", encoding="utf8") as log:
                log.write(f"{argv}: {result}\n")

    async def do_run(self, request):
        """Runs one command to its end."""
        account = pwd.getpwnam(request.get("user") or "root")
        environment = {**os.environ, "HOME": account.pw_dir, "USER": account.pw_name, **request.get("env", {})}
        process = await self.reaper.start(
            request["argv"],
            stdin=subprocess.PIPE if request.get("input") else subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment,
            cwd="/",
            user=account.pw_uid,
            group=account.pw_gid,
            extra_groups=os.getgrouplist(account.pw_name, account.pw_gid),
            start_new_session=True,
        )

        def talk():
            return process.communicate_raw(request.get("input", "").encode())

        work = asyncio.get_running_loop().run_in_executor(None, talk)
        timeout = request.get("timeoutMillis", 10_000) / 1000
        try:
            stdout, stderr = await asyncio.wait_for(asyncio.shield(work), timeout)
        except asyncio.TimeoutError:
            os.killpg(process.pid, signal.SIGKILL)
            return {"exitCode": 124, "stdout": "", "stderr": f"no end within {timeout:g} s\n"}
        code = await process.ended
        return {"exitCode": code, "stdout": stdout.decode(errors="replace"), "stderr": stderr.decode(errors="replace")}

    async def do_systemctl(self, request):
        return await self.manager.systemctl(request["arguments"])

    async def do_signal(self, request):
        number = getattr(signal, request["signal"])
        unit = self.manager.unit(request["unit"])
        unit.signal(number, request.get("who") == "all")
        return {"exitCode": 0}

    async def do_booted(self, _request):
        """Settles when cloud-init's commands have ended."""
        await self.cloud_init
        return {"exitCode": 0}

    def syslog(self):
        """Collects what is sent to /dev/log."""
        box = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        box.bind("/dev/log")
        os.chmod("/dev/log", 0o666)
        log = open("/run/twin/logs/syslog.log", "ab", buffering=0)
        asyncio.get_running_loop().add_reader(box, lambda: log.write(box.recv(65536).rstrip(b"\n\0") + b"\n"))


def kernel_settings():
    """As systemd-sysctl does, those of the machine's own network. The others are the host's."""
    for path in sorted(glob.glob("/etc/sysctl.d/*.conf")):
        with open(path, encoding="utf8") as file:
            pairs = [line.partition("=") for line in file if line.startswith("net.")]
        for key, _, value in pairs:
            with open(f"/proc/sys/{key.strip().replace('.', '/')}", "w", encoding="utf8") as setting:
                setting.write(value.strip())


def main():
    boot = json.loads(sys.argv[1])
    os.makedirs("/run/twin/logs", exist_ok=True)

    runtime_folders()
    configure_network(boot)
    kernel_settings()
    asyncio.run(Init(boot).run())


main()
