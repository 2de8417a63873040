"""systemd's unit files: reading them, and the part of their meaning that the machines rely on."""

import glob
import os
import re
import shlex

FOLDERS = ("/usr/lib/systemd/system", "/lib/systemd/system", "/etc/systemd/system")
# These would need a kernel feature or a device that a machine in a namespace doesn't have.
ALWAYS_THERE = re.compile(r"\.(target|slice|socket|mount)$")

# What a machine in a namespace takes from a service, as systemd does: these two, which the kernel grants to no later program.
CONFINED_BY = ("CapabilityBoundingSet", "NoNewPrivileges")
# What only a real systemd does: file systems, devices, system calls and address families that a service lacks. Here it has
# them, so only a real machine shows that it doesn't need them (docs/unproven.md).
ONLY_SYSTEMD = (
    "AmbientCapabilities",
    "IOSchedulingClass",
    "LockPersonality",
    "OOMScoreAdjust",
    "PrivateDevices",
    "PrivateTmp",
    "ProtectClock",
    "ProtectControlGroups",
    "ProtectHome",
    "ProtectHostname",
    "ProtectKernelLogs",
    "ProtectKernelModules",
    "ProtectKernelTunables",
    "ProtectSystem",
    "RestrictAddressFamilies",
    "RestrictNamespaces",
    "RestrictRealtime",
    "RestrictSUIDSGID",
    "SystemCallArchitectures",
    "SystemCallErrorNumber",
    "SystemCallFilter",
)


class UnitFile:
    """One unit's settings, its drop-ins included. A setting may stand more than once; an empty one clears it."""

    def __init__(self, name):
        self.name = name
        self.settings = {}
        found = [f"{folder}/{name}" for folder in FOLDERS if os.path.exists(f"{folder}/{name}")]
        if not found:
            raise FileNotFoundError(f"Unit {name} could not be found.")
        drop_ins = sorted(
            (path for folder in FOLDERS for path in glob.glob(f"{folder}/{name}.d/*.conf")), key=os.path.basename
        )
        for path in [found[-1], *drop_ins]:
            self._read(path)

    def _read(self, path):
        section = ""
        with open(path, encoding="utf8") as file:
            text = file.read().replace("\\\n", " ")
        for line in map(str.strip, text.split("\n")):
            if line.startswith("["):
                section = line.strip("[]")
            elif line and line[0] not in "#;":
                key, _, value = line.partition("=")
                values = self.settings.setdefault((section, key.strip()), [])
                if value.strip():
                    values.append(self._specifiers(value.strip()))
                else:
                    values.clear()

    def _specifiers(self, text):
        prefix = self.name.rsplit(".", 1)[0]
        table = {"%p": prefix, "%n": self.name, "%N": prefix, "%H": os.uname().nodename, "%%": "%"}
        return re.sub("%[pnNH%]", lambda match: table[match.group()], text)

    def all(self, section, key):
        return self.settings.get((section, key), [])

    def one(self, section, key, default=None):
        values = self.all(section, key)
        return values[-1] if values else default

    def bounding_set(self):
        """Names of the capabilities that the service may have; None: all. An empty setting is none at all."""
        if ("Service", "CapabilityBoundingSet") not in self.settings:
            return None
        return {word for line in self.all("Service", "CapabilityBoundingSet") for word in line.split()}

    def words(self, section, key):
        """Names of units, those left out that a machine always has."""
        names = [word for line in self.all(section, key) for word in line.split()]
        return [name for name in names if not ALWAYS_THERE.search(name)]

    def environment(self):
        """Read again at each start, as systemd does: secrets come and change."""
        values = {}
        for line in self.all("Service", "Environment"):
            for word in shlex.split(line):
                name, _, value = word.partition("=")
                values[name] = value
        for path in self.all("Service", "EnvironmentFile"):
            optional, path = path.startswith("-"), path.lstrip("-")
            if not os.path.exists(path):
                if optional:
                    continue
                raise FileNotFoundError(f"{self.name}: EnvironmentFile {path} is not there")
            with open(path, encoding="utf8") as file:
                for line in map(str.strip, file):
                    if line and line[0] not in "#;":
                        name, _, value = line.partition("=")
                        values[name] = "".join(shlex.split(value)) if value[:1] in "\"'" else value
        return values


def seconds(text, default):
    """systemd's time spans: `5`, `200ms`, `1min 30s`. `infinity` is None."""
    if text is None:
        return default
    if text == "infinity":
        return None
    units = {"ms": 0.001, "s": 1, "sec": 1, "min": 60, "m": 60, "h": 3600, "": 1}
    return sum(float(number) * units[unit] for number, unit in re.findall(r"([\d.]+)\s*([a-z]*)", text))


def command(line, environment):
    """A command line as systemd reads it. @returns its words, whether failure is ignored, whether it runs as root."""
    prefixes = re.match(r"[-@+!:]*", line).group()
    words = []
    for word in shlex.split(line[len(prefixes) :]):
        if re.fullmatch(r"\$\w+", word):
            words += environment.get(word[1:], "").split()
        else:
            words.append(re.sub(r"\$\{(\w+)\}", lambda match: environment.get(match[1], ""), word))
    return words, "-" in prefixes, "+" in prefixes
