"""A restored cluster that only this machine can reach: its settings, recovery and removal."""
import os
import pwd
import re
import shlex
import shutil
import subprocess
import time

import dr_sessions

BIN = "/usr/lib/postgresql/15/bin"
POLL_SECONDS = 0.2
TELL_SECONDS = 5
# How much of the log the polling reads: it has a line for each segment.
TAIL_BYTES = 1 << 16
STOP_SECONDS = 3600
# pg_ctl returns before PostgreSQL shows any sign of life.
BEGIN_SECONDS = 10
MEMORY_SHARE = 0.4
# A hot standby needs at least the primary's values. Larger ones do no harm.
STANDBY_FLOORS = {
    "max_connections": 500,
    "max_worker_processes": 64,
    "max_wal_senders": 64,
    "max_prepared_transactions": 0,
    "max_locks_per_transaction": 64,
}
CONTROL_NAMES = {name: f"{name} setting" for name in STANDBY_FLOORS} | {"max_prepared_transactions": "max_prepared_xacts setting", "max_locks_per_transaction": "max_locks_per_xact setting"}
TARGETS = ("recovery_target", "recovery_target_time", "recovery_target_lsn", "recovery_target_name", "recovery_target_xid")
NOT_REACHED = "recovery ended before configured recovery target was reached"
FATAL = re.compile(r"(?:FATAL|PANIC):\s+(.*)")


class NotReached(Exception):
    """The log ended before the wanted point."""


class Failed(Exception):
    """PostgreSQL's own message, in one line."""


def run_as_postgres(argv, **options):
    account = {"user": "postgres", "group": "postgres", "extra_groups": []} if os.geteuid() == 0 else {}
    environment = {**os.environ, "LC_ALL": "C", "HOME": "/tmp", **options.pop("env", {})}
    return subprocess.run(argv, text=True, cwd="/", env=environment, **account, **options)


def control(directory):
    """pg_controldata's lines, name → value."""
    done = run_as_postgres([f"{BIN}/pg_controldata", "-D", directory], stdout=subprocess.PIPE, check=True)
    return dict(re.split(r":\s+", line, maxsplit=1) for line in done.stdout.splitlines() if re.search(r":\s+", line))


class Scratch:
    """
    @param directory the data directory
    @param folder beside it, for the log and the access rules
    @param sockets folder of the socket
    """

    def __init__(self, directory, folder, port, sockets):
        self.directory, self.folder, self.port, self.sockets = directory, folder, port, sockets
        self.log = f"{folder}/postgres.log"
        self.recovery = {}

    def recover(self, restore_command, target, timeline, action):
        """
        Sets the recovery options of the next start: on the command line, so that none of them stays in the data directory. In
        the middle of its recovery a server refuses to start without them.
        """
        self.recovery = {
            "restore_command": restore_command,
            "recovery_target_timeline": str(timeline),
            "recovery_target_inclusive": "on",
            # Overrides the backup's settings. Empty ones first: PostgreSQL counts one after the target as a second target.
            **{name: "" for name in TARGETS if name not in target},
            **target,
            "recovery_target_action": action,
            # It follows no other server.
            "primary_conninfo": "",
            "primary_slot_name": "",
        }
        write_as_postgres(f"{self.directory}/recovery.signal", "")

    def start(self, watch):
        """
        Starts PostgreSQL for this machine's user postgres alone, and returns at once.

        @param watch whether it must answer queries during recovery, as for a pause at the target
        """
        run_as_postgres(["mkdir", "--mode=0700", "--parents", self.sockets], check=True)
        hba = f"local all postgres peer\nlocal all +{dr_sessions.GROUP} scram-sha-256\n"
        write_as_postgres(f"{self.folder}/hba.conf", hba)
        settings = {
            "listen_addresses": "",
            "port": str(self.port),
            "unix_socket_directories": self.sockets,
            "hba_file": f"{self.folder}/hba.conf",
            "ssl": "off",
            "archive_mode": "off",
            "synchronous_standby_names": "",
            "autovacuum": "off",
            "logging_collector": "off",
            "log_destination": "stderr",
            "log_line_prefix": "%m [%p] ",
            "lc_messages": "C",
            # The code below reads times from the log, so it needs one time zone.
            "log_timezone": "UTC",
            "timezone": "UTC",
            "log_startup_progress_interval": "2s",
            # Frees the room of replayed WAL soon.
            "max_wal_size": "1GB",
            "hot_standby": "on" if watch else "off",
            **(self._standby_settings() if watch else {}),
            **self._memory(),
        }
        # pg_ctl passes them to a shell.
        options = shlex.join(word for name, value in {**settings, **self.recovery}.items() for word in ("-c", f"{name}={value}"))
        done = run_as_postgres(
            [f"{BIN}/pg_ctl", "-s", "-W", "-D", self.directory, "-l", self.log, "-o", options, "start"], check=False
        )
        if done.returncode != 0:
            raise Failed(f"pg_ctl start failed with exit code {done.returncode}: {self.last_words()}")

    def _standby_settings(self):
        known = control(self.directory)
        return {name: str(max(floor, int(known[CONTROL_NAMES[name]]))) for name, floor in STANDBY_FLOORS.items()}

    def _memory(self):
        """Keeps the original setting unless this machine has too little memory for it."""
        asked = [f"{BIN}/postgres", "-D", self.directory, "-C", "shared_buffers"]
        pages = run_as_postgres(asked, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False).stdout.strip()
        total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
        if pages.isdigit() and int(pages) * 8192 < total * MEMORY_SHARE:
            return {}
        return {"shared_buffers": f"{total // 4 >> 20}MB"}

    def follow(self, paused, tell):
        """
        Waits for the end of recovery: promoted, or paused at the target.

        @param tell receives a line about the progress every few seconds
        @raises NotReached, Failed
        """
        reported, begun = 0.0, time.monotonic()
        while True:
            state = self.state()
            # `ready` for queries, which a hot standby is early.
            if state == "ready" and (not paused or self._at_target()):
                return
            if state is None and (self.read_log(TAIL_BYTES) or time.monotonic() - begun > BEGIN_SECONDS):
                # It may have written its process id since.
                time.sleep(POLL_SECONDS)
                if self.state() is None:
                    self._ended()
            if time.monotonic() - reported > TELL_SECONDS:
                reported = time.monotonic()
                progress = re.findall(r'(?:current LSN: |restored log file ")([^"\s]+)', self.read_log(TAIL_BYTES))
                tell(f"replaying: {progress[-1]}" if progress else "replaying")
            time.sleep(POLL_SECONDS)

    def _at_target(self):
        log = self.read_log(TAIL_BYTES)
        if "insufficient parameter settings" in log:
            # The primary's settings were raised after the backup, beyond our floors.
            raise Failed(f"a hot standby needs larger settings: {re.findall(r'DETAIL:  (.*)', log)[-1]} Use --action promote")
        return "pausing at the end of recovery" in log or self.sql("SELECT pg_is_in_recovery()") == "f"

    def state(self):
        """The postmaster's state: `starting`, `standby`, `ready`, `stopping`; None when it doesn't run."""
        try:
            with open(f"{self.directory}/postmaster.pid", encoding="utf8") as file:
                lines = file.read().splitlines()
            # After a boot the file may name any other process. PostgreSQL's working directory is its data directory.
            if not os.path.samefile(f"/proc/{abs(int(lines[0]))}/cwd", self.directory):
                return None
        except PermissionError:
            # Without the right to check, trusts the file.
            pass
        except (FileNotFoundError, IndexError, ProcessLookupError):
            return None
        return lines[7].strip() if len(lines) > 7 else "starting"

    def _ended(self):
        log = self.read_log()
        if NOT_REACHED in log:
            raise NotReached(self.last_commit_words(log))
        raise Failed(self.last_words())

    def last_words(self):
        found = FATAL.findall(self.read_log())
        # dr-get-wal reports it by its exit code.
        if away := re.search(r'could not restore file "(\w+).*command not executable', " ".join(found)):
            return f"the vault did not answer requests for {away[1]} for a minute; the incomplete restore is removed"
        return next(
            (words for words in found if "database system is" not in words), "PostgreSQL ended, and its log gives no reason"
        )

    def read_log(self, tail=None):
        try:
            # A link in user postgres' folder could point to what only root may read.
            with open(os.open(self.log, os.O_RDONLY | os.O_NOFOLLOW), "rb") as file:
                if tail is not None:
                    file.seek(max(0, os.fstat(file.fileno()).st_size - tail))
                return file.read().decode(errors="replace")
        except FileNotFoundError:
            return ""

    def last_commit_words(self, log):
        found = re.findall(r"last completed transaction was at log time (.+)", log)
        return f"the last commit in the archive is from {found[-1]}" if found else "the archive contains no commit after the backup"

    def recovered(self):
        """The facts of the finished recovery, from the log."""
        log = self.read_log()
        last = lambda pattern: next(reversed(re.findall(pattern, log)), None)  # noqa: E731
        return {
            "from": next(iter(re.findall(r"redo starts at ([0-9A-F]+/[0-9A-F]+)", log)), None),
            "to": last(r"redo done at ([0-9A-F]+/[0-9A-F]+)"),
            "lastCommit": iso(last(r"last completed transaction was at log time (.+)")),
            "timeline": int(last(r"selected new timeline ID: (\d+)") or 0) or None,
            "segments": len(set(re.findall(r'restored log file "([0-9A-F]{24})"', log))),
        }

    @property
    def base(self):
        return f"host={self.sockets} port={self.port} user=postgres"

    def sql(self, query):
        """One value, as psql prints it, from database postgres. @raises Failed"""
        argv = dr_sessions.psql(BIN, dr_sessions.at(self.base, "postgres"), f"--command={query}")
        done = run_as_postgres(argv, env=dr_sessions.environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
        if done.returncode != 0:
            raise Failed(" ".join(done.stderr.split()))
        return done.stdout.rstrip("\n")

    def stop(self, mode="fast"):
        if self.state() is None:
            return
        done = run_as_postgres(
            [f"{BIN}/pg_ctl", "-s", "-w", "-t", str(STOP_SECONDS), "-D", self.directory, "-m", mode, "stop"], check=False
        )
        if done.returncode != 0 and self.state() is not None:
            raise Failed(f"PostgreSQL of {self.directory} does not stop")

    def remove(self):
        """Ends PostgreSQL at once, and removes everything."""
        self.stop("immediate")
        for folder in (self.directory, self.folder):
            shutil.rmtree(folder, ignore_errors=True)


def iso(words):
    """Converts a time that PostgreSQL logged in UTC."""
    found = re.match(r"(\S+) (\S+?)\+00", words or "")
    return f"{found[1]}T{found[2]}Z" if found else None


def own(*paths):
    """Never what a link points to."""
    if os.geteuid() == 0:
        account = pwd.getpwnam("postgres")
        for path in paths:
            os.chown(path, account.pw_uid, account.pw_gid, follow_symlinks=False)


def write_as_postgres(path, text):
    """Writes a file in a folder of user postgres, who could have put a link to a file or folder of root there."""
    run_as_postgres(["tee", path], input=text, stdout=subprocess.DEVNULL, check=True)
