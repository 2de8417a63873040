"""Services as systemd would keep them: dependencies, restarts, bound units, what is killed when."""

import asyncio
import ctypes
import glob
import os
import pwd
import grp
import re
import resource
import shlex
import signal
import socket
import subprocess
import time

from units import UnitFile, command, seconds

CGROUPS = "/run/cgroup"
PR_CAPBSET_DROP, PR_SET_NO_NEW_PRIVS = 24, 38
libc = ctypes.CDLL(None, use_errno=True)
# By number.
CAPABILITIES = (
    "CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID KILL SETGID SETUID SETPCAP LINUX_IMMUTABLE NET_BIND_SERVICE "
    "NET_BROADCAST NET_ADMIN NET_RAW IPC_LOCK IPC_OWNER SYS_MODULE SYS_RAWIO SYS_CHROOT SYS_PTRACE SYS_PACCT SYS_ADMIN "
    "SYS_BOOT SYS_NICE SYS_RESOURCE SYS_TIME SYS_TTY_CONFIG MKNOD LEASE AUDIT_WRITE AUDIT_CONTROL SETFCAP MAC_OVERRIDE "
    "MAC_ADMIN SYSLOG WAKE_ALARM BLOCK_SUSPEND AUDIT_READ PERFMON BPF CHECKPOINT_RESTORE"
).split()


def confine(bounding_set, no_new_privileges):
    """For this process and those that it starts, before it gives its user up."""
    for number, name in enumerate(CAPABILITIES):
        # An older kernel doesn't know the last ones, and grants them to no process.
        if bounding_set is not None and f"CAP_{name}" not in bounding_set:
            libc.prctl(PR_CAPBSET_DROP, number, 0, 0, 0)
    if no_new_privileges:
        libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)


def default_environment():
    """What every service is started with: DefaultEnvironment in the manager's own configuration."""
    values = {}
    for path in sorted(glob.glob("/etc/systemd/system.conf.d/*.conf")):
        with open(path, encoding="utf8") as file:
            for line in file:
                key, _, value = line.strip().partition("=")
                if key == "DefaultEnvironment":
                    values.update(word.split("=", 1) for word in shlex.split(value))
    return values


class Manager:
    def __init__(self, reaper):
        self.reaper = reaper
        self.environment = default_environment()
        self.units = {}
        self.enabled = set()

    def unit(self, name):
        name = name if "." in name else f"{name}.service"
        if name not in self.units:
            self.units[name] = (Timer if name.endswith(".timer") else Service)(self, UnitFile(name))
        return self.units[name]

    def dependents(self, name, keys):
        """Units known here that name this one."""
        return [unit for unit in self.units.values() if any(name in unit.file.words("Unit", key) for key in keys)]

    async def systemctl(self, arguments):
        words = [word for word in arguments if not word.startswith("-")]
        flags = {word for word in arguments if word.startswith("-")}
        verb, names = words[0], words[1:]
        if verb == "daemon-reload":
            for unit in self.units.values():
                unit.file = UnitFile(unit.file.name)
            return done()
        if verb in ("enable", "disable"):
            units = [self.unit(name) for name in names]
            if "--now" not in flags:
                return done()
            verb = "start" if verb == "enable" else "stop"
        units = [self.unit(name) for name in names]
        if verb in ("is-active", "status", "is-failed"):
            states = [unit.state for unit in units]
            wanted = "failed" if verb == "is-failed" else "active"
            return done("\n".join(states) + "\n", 0 if wanted in states else 3)
        if verb == "show":
            return done("".join(f"MainPID={unit.pid or 0}\nActiveState={unit.state}\nNRestarts={unit.restarts}\n" for unit in units))
        if verb == "kill":
            name = next((flag.partition("=")[2] for flag in flags if flag.startswith(("--signal=", "-s="))), "SIGTERM")
            for unit in units:
                unit.signal(getattr(signal, name if name.startswith("SIG") else f"SIG{name}"), everybody=True)
            return done()
        if verb == "reset-failed":
            for unit in units:
                unit.starts.clear()
            return done()
        if verb not in ("start", "stop", "restart", "reload", "try-restart", "reload-or-restart"):
            return done(code=1, error=f"systemctl {verb}: not known on this machine\n")
        # All at once, as systemd does: their order is what After says.
        jobs = [asyncio.create_task(getattr(unit, verb.replace("-", "_"))()) for unit in units]
        if "--no-block" in flags:
            for job in jobs:
                asyncio.create_task(quiet(job))
            return done()
        await asyncio.gather(*jobs)
        return done()


async def quiet(job):
    """A job without a waiting caller: its failure is in the unit's state and log."""
    try:
        await job
    except StartError:
        pass


def done(output="", code=0, error=""):
    return {"exitCode": code, "stdout": output, "stderr": error}


class StartError(Exception):
    pass


class Service:
    def __init__(self, manager, file):
        self.manager, self.file = manager, file
        self.state, self.process, self.restarts = "inactive", None, 0
        self.starts = []
        self.stopping = False
        self.lock = asyncio.Lock()
        self.job = self.watcher = None

    # ── what systemctl does

    @property
    def pid(self):
        return self.process.pid if self.process and not self.process.ended.done() else None

    async def start(self):
        """Joins a start that is under way."""
        if self.job is None or self.job.done():
            self.job = asyncio.create_task(self._start_in_order())
        await asyncio.shield(self.job)

    async def _start_in_order(self):
        for key, must in (("Requires", True), ("BindsTo", True), ("Wants", False)):
            for name in self.file.words("Unit", key):
                try:
                    dependency = self.manager.unit(name)
                except FileNotFoundError:
                    if must:
                        raise StartError(f"{self.file.name} needs {name}, which is not there") from None
                    continue
                job = dependency.start()
                if name in self.file.words("Unit", "After"):
                    await (job if must else quiet(job))
                else:
                    asyncio.create_task(quiet(job))
        for name in self.file.words("Unit", "After"):
            other = self.manager.units.get(name)
            if other and other.job and not other.job.done():
                await asyncio.wait({other.job})
        async with self.lock:
            if self.state == "active":
                return
            self.stopping = False
            await self._start()

    async def stop(self):
        for unit in self.manager.dependents(self.file.name, ("Requires", "BindsTo")):
            if unit.state in ("active", "activating"):
                await unit.stop()
        self.stopping = True
        if self.pid:
            self.log("stopping")
            self.state = "deactivating"
            for line in self.file.all("Service", "ExecStop"):
                await self._run(line)
            number = getattr(signal, self.file.one("Service", "KillSignal", "SIGTERM"))
            self.signal(number, everybody=self.file.one("Service", "KillMode", "control-group") == "control-group")
            limit = seconds(self.file.one("Service", "TimeoutStopSec"), 90)
            try:
                await asyncio.wait_for(asyncio.shield(self.process.ended), limit)
            except asyncio.TimeoutError:
                self.log(f"did not stop within {limit:g} s: killed")
                self._kill_all()
                await self.process.ended
        if self.watcher and self.watcher is not asyncio.current_task():
            await self.watcher
        self._sweep()
        self.state = "inactive"

    async def restart(self):
        bound = [
            unit
            for unit in self.manager.dependents(self.file.name, ("Requires", "BindsTo"))
            if unit.state == "active"
        ]
        await self.stop()
        await self.start()
        for unit in bound:
            await unit.start()

    async def try_restart(self):
        if self.state == "active":
            await self.restart()

    async def reload(self):
        for line in self.file.all("Service", "ExecReload"):
            if await self._run(line, {"MAINPID": str(self.pid or "")}) != 0:
                raise StartError(f"reload of {self.file.name} failed: {line}")

    async def reload_or_restart(self):
        await (self.reload() if self.state == "active" and self.file.all("Service", "ExecReload") else self.restart())

    def signal(self, number, everybody=False):
        pids = self._pids() if everybody else [self.pid] if self.pid else []
        for pid in pids:
            try:
                os.kill(pid, number)
            except ProcessLookupError:
                pass

    # ── one life of the service

    async def _start(self):
        if not all(self._holds(path) for path in self.file.all("Unit", "ConditionPathExists")):
            # No failure, and nothing to try again: the caller that changes the condition starts it.
            self.log("not started: its condition does not hold")
            self.state = "inactive"
            return
        self.state = "activating"
        kind = self.file.one("Service", "Type", "simple")
        try:
            environment = self._environment()
            for line in self.file.all("Service", "ExecStartPre"):
                if await self._run(line) != 0:
                    raise StartError(f"{self.file.name}: {line} failed")
            if kind == "oneshot":
                for line in self.file.all("Service", "ExecStart"):
                    if await self._run(line) != 0:
                        raise StartError(f"{self.file.name}: {line} failed")
                stays = self.file.one("Service", "RemainAfterExit") in ("yes", "true", "1")
                self.state = "active" if stays else "inactive"
                return
            told = self._listen(environment) if kind == "notify" else None
            self.process = await self._spawn(self.file.one("Service", "ExecStart"), environment)
            self.log(f"started, process {self.process.pid}")
            self.watcher = asyncio.create_task(self._watch(self.process))
            if told:
                await asyncio.wait({told, self.process.ended}, timeout=90, return_when=asyncio.FIRST_COMPLETED)
                if not told.done():
                    raise StartError(f"{self.file.name} did not get ready")
            if self.state == "activating":
                self.state = "active"
        except (StartError, OSError, KeyError, subprocess.SubprocessError) as error:
            self.log(f"failed: {error}")
            self.state = "failed"
            if kind == "oneshot":
                raise StartError(str(error)) from error
            if self.process is None or self.process.ended.done():
                asyncio.create_task(self._after(1))
            raise StartError(str(error)) from error

    @staticmethod
    def _holds(path):
        return os.path.exists(path.lstrip("!")) != path.startswith("!")

    async def _watch(self, process):
        code = await process.ended
        self.log(f"main process {process.pid} ended with {code}")
        if self.file.one("Service", "KillMode", "control-group") != "process":
            self._kill_all()
        if self.stopping:
            return
        await self._after(code)

    async def _after(self, code):
        """Restart, or end and take along what is bound to this."""
        if self.stopping or self.state == "deactivating":
            return
        self.state = "activating" if self._wanted_again(code) else "failed" if code else "inactive"
        if self.state == "activating" and self._too_often():
            self.log("started too often: given up")
            self.state = "failed"
        if self.state == "activating":
            await asyncio.sleep(seconds(self.file.one("Service", "RestartSec"), 0.1))
            if self.stopping:
                return
            self.restarts += 1
            async with self.lock:
                try:
                    await self._start()
                except StartError:
                    pass
            return
        for unit in self.manager.dependents(self.file.name, ("BindsTo",)):
            if unit.state in ("active", "activating"):
                unit.log(f"stopped: {self.file.name}, which it is bound to, is gone")
                await unit.stop()

    def _wanted_again(self, code):
        policy = self.file.one("Service", "Restart", "no")
        by_signal = code > 128
        clean = code == 0 or code - 128 in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGPIPE)
        clean = clean or str(code) in self.file.one("Service", "SuccessExitStatus", "").split()
        return {
            "always": True,
            "on-failure": not clean,
            "on-abnormal": by_signal and not clean,
            "on-abort": by_signal and not clean,
            "on-success": clean,
        }.get(policy, False)

    def _too_often(self):
        now = time.monotonic()
        window = seconds(self.file.one("Unit", "StartLimitIntervalSec"), 10)
        self.starts = [start for start in self.starts if now - start < window] + [now]
        return bool(window) and len(self.starts) > int(self.file.one("Unit", "StartLimitBurst", "5"))

    # ── processes

    def _environment(self):
        return {
            "PATH": os.environ["PATH"],
            "LANG": "C.UTF-8",
            "INVOCATION_ID": "twin",
            **self.manager.environment,
            **self.file.environment(),
        }

    async def _run(self, line, more=None):
        environment = {**self._environment(), **(more or {})}
        words, ignored, _ = command(line, environment)
        process = await self._spawn(line, environment)
        limit = seconds(self.file.one("Service", "TimeoutStartSec"), 90)
        try:
            code = await asyncio.wait_for(asyncio.shield(process.ended), limit)
        except asyncio.TimeoutError:
            os.kill(process.pid, signal.SIGKILL)
            code = 124
        if code:
            self.log(f"{words[0]} ended with {code}")
        return 0 if ignored else code

    async def _spawn(self, line, environment):
        words, _, as_root = command(line, environment)
        user = "root" if as_root else self.file.one("Service", "User", "root")
        account = pwd.getpwnam(user)
        group = self.file.one("Service", "Group")
        gid = grp.getgrnam(group).gr_gid if group else account.pw_gid
        more = [grp.getgrnam(name).gr_gid for name in " ".join(self.file.all("Service", "SupplementaryGroups")).split()]
        for kind, base in (("RuntimeDirectory", "/run"), ("CacheDirectory", "/var/cache"), ("StateDirectory", "/var/lib"), ("LogsDirectory", "/var/log")):
            for name in " ".join(self.file.all("Service", kind)).split():
                os.makedirs(f"{base}/{name}", mode=int(self.file.one("Service", f"{kind}Mode", "755"), 8), exist_ok=True)
                os.chown(f"{base}/{name}", account.pw_uid, gid)
        files = self.file.one("Service", "LimitNOFILE")
        tasks = self._cgroup()
        environment = {"HOME": account.pw_dir, "USER": user, "LOGNAME": user, **environment}

        groups = [*os.getgrouplist(user, gid), *more]
        nice = self.file.one("Service", "Nice", "0")
        bounding_set = None if as_root else self.file.bounding_set()
        no_new_privileges = not as_root and self.file.one("Service", "NoNewPrivileges") in ("yes", "true", "1")
        umask = self.file.one("Service", "UMask")

        def prepare():
            # In this order: all but the last need root.
            with open(tasks, "w", encoding="utf8") as file:
                file.write("0")
            if files:
                # A host that gives away fewer gives what it has; systemd would fail here, a container often can't.
                limit = min(int(files.split(":")[0]), resource.getrlimit(resource.RLIMIT_NOFILE)[1])
                resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))
            # Of the session too, where the kernel shares the processor between sessions: EC2's machines have that off.
            os.setpriority(os.PRIO_PROCESS, 0, int(nice))
            try:
                with open("/proc/self/autogroup", "w", encoding="utf8") as file:
                    file.write(nice)
            except FileNotFoundError:
                pass
            if umask:
                os.umask(int(umask, 8))
            confine(bounding_set, no_new_privileges)
            os.setgroups(groups)
            os.setgid(gid)
            os.setuid(account.pw_uid)

        with open(self._log_file(), "ab") as log:
            return await self.manager.reaper.start(
                words,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=environment,
                cwd=self.file.one("Service", "WorkingDirectory", "/").lstrip("-"),
                start_new_session=True,
                preexec_fn=prepare,
            )

    def _cgroup(self):
        folder = f"{CGROUPS}/{self.file.name}"
        os.makedirs(folder, exist_ok=True)
        return f"{folder}/cgroup.procs"

    def _pids(self):
        try:
            with open(self._cgroup(), encoding="utf8") as file:
                return [int(line) for line in file]
        except FileNotFoundError:
            return []

    def _kill_all(self):
        try:
            with open(f"{CGROUPS}/{self.file.name}/cgroup.kill", "w", encoding="utf8") as file:
                file.write("1")
        except FileNotFoundError:
            for pid in self._pids():
                os.kill(pid, signal.SIGKILL)

    def _sweep(self):
        if self.file.one("Service", "KillMode", "control-group") not in ("process", "none"):
            self._kill_all()

    def _listen(self, environment):
        """systemd's readiness protocol: the service writes READY=1 to a socket."""
        path = f"/run/notify-{self.file.name}"
        if os.path.exists(path):
            os.unlink(path)
        box = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        box.bind(path)
        os.chmod(path, 0o666)
        environment["NOTIFY_SOCKET"] = path
        loop = asyncio.get_running_loop()
        told = loop.create_future()

        def read():
            if b"READY=1" in box.recv(4096) and not told.done():
                told.set_result(True)

        loop.add_reader(box, read)
        return told

    def _log_file(self):
        return f"/run/twin/logs/{re.sub(r'[.]service$', '', self.file.name)}.log"

    def log(self, text):
        with open(self._log_file(), "a", encoding="utf8") as file:
            file.write(f"[init {time.monotonic():.3f}] {text}\n")


class Timer:
    """OnBootSec and OnUnitActiveSec: enough for what runs at intervals."""

    restarts, pid, job = 0, None, None

    def __init__(self, manager, file):
        self.manager, self.file, self.state, self.task = manager, file, "inactive", None
        self.starts = []

    async def start(self):
        if self.task is None:
            self.state = "active"
            self.task = asyncio.create_task(self._tick())

    async def stop(self):
        if self.task:
            self.task.cancel()
        self.task, self.state = None, "inactive"

    async def restart(self):
        await self.stop()
        await self.start()

    try_restart = reload = reload_or_restart = restart

    async def _tick(self):
        name = self.file.one("Timer", "Unit", self.file.name.replace(".timer", ".service"))
        first = self.file.one("Timer", "OnBootSec") or self.file.one("Timer", "OnActiveSec")
        every = self.file.one("Timer", "OnUnitActiveSec") or self.file.one("Timer", "OnUnitInactiveSec")
        await asyncio.sleep(seconds(first, 0))
        while True:
            unit = self.manager.unit(name)
            await quiet(unit.start())
            if every is None:
                return
            await asyncio.sleep(seconds(every, 60))

    def signal(self, *_args, **_kwargs):
        pass

    def log(self, text):
        pass
