"""First process of a machine: builds its root from the image's layers, then becomes its init.

Runs as process 1 of fresh pid, net, mount, ipc and uts namespaces, so all that it mounts ends with it.
Its only argument is a JSON file: `{name, layers, upper, work, root, shared, platform, cgroup, volume, boot}`.
"""

import ctypes
import json
import os
import subprocess
import sys

MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOATIME = 1, 2, 4, 1024
MS_BIND, MS_REC, MS_PRIVATE = 4096, 16384, 1 << 18
libc = ctypes.CDLL(None, use_errno=True)


def mount(source, target, kind=None, flags=0, data=None):
    encode = lambda text: text.encode() if text else None
    if libc.mount(encode(source), encode(target), encode(kind), flags, encode(data)) != 0:
        code = ctypes.get_errno()
        raise OSError(code, f"mount {source} on {target} ({kind}, {data}): {os.strerror(code)}")


def bind(source, target, directory=True):
    if directory:
        os.makedirs(target, exist_ok=True)
    elif not os.path.exists(target):
        os.close(os.open(target, os.O_CREAT, 0o644))
    mount(source, target, flags=MS_BIND | MS_REC)


def devices(dev):
    os.makedirs(dev, exist_ok=True)
    mount("tmpfs", dev, "tmpfs", MS_NOSUID, "mode=755,size=1m")
    for name in ("null", "zero", "full", "random", "urandom", "tty"):
        bind(f"/dev/{name}", f"{dev}/{name}", directory=False)
    for name, target in (("fd", "/proc/self/fd"), ("stdin", "fd/0"), ("stdout", "fd/1"), ("stderr", "fd/2")):
        os.symlink(target, f"{dev}/{name}")
    os.makedirs(f"{dev}/shm")
    mount("tmpfs", f"{dev}/shm", "tmpfs", MS_NOSUID | MS_NODEV, "mode=1777")


def attach(volume, root):
    """Mounts the data volume, formatted when it is new. The loop device frees itself with the mount."""
    blank = not os.path.exists(volume["file"])
    if blank:
        with open(volume["file"], "wb") as image:
            image.truncate(volume["mib"] << 20)
    device = subprocess.run(
        ["losetup", "--find", "--show", volume["file"]], check=True, capture_output=True, text=True
    ).stdout.strip()
    try:
        target = f"{root}/var/lib/dr"
        os.makedirs(target, exist_ok=True)
        if blank:
            inside = f"{root}/dev/volume"
            bind(device, inside, directory=False)
            subprocess.run(["chroot", root, "mkfs.xfs", "-q", "-L", "dr-data", "/dev/volume"], check=True)
            libc.umount2(inside.encode(), 2)
        # Copies of one image have one UUID; several nodes of a region may have been made from it.
        mount(device, target, "xfs", MS_NOATIME, "nouuid")
    finally:
        subprocess.run(["losetup", "--detach", device], check=True)


def main():
    with open(sys.argv[1], encoding="utf8") as file:
        spec = json.load(file)
    root = spec["root"]
    mount("none", "/", flags=MS_REC | MS_PRIVATE)
    layers = ":".join(spec["layers"])
    mount("overlay", root, "overlay", 0, f"lowerdir={layers},upperdir={spec['upper']},workdir={spec['work']}")
    os.makedirs(f"{root}/proc", exist_ok=True)
    mount("proc", f"{root}/proc", "proc", MS_NOSUID | MS_NODEV)
    os.makedirs(f"{root}/sys", exist_ok=True)
    mount("sysfs", f"{root}/sys", "sysfs", MS_RDONLY | MS_NOSUID | MS_NODEV)
    devices(f"{root}/dev")
    for path, mode in (("run", "755"), ("tmp", "1777")):
        os.makedirs(f"{root}/{path}", exist_ok=True)
        mount("tmpfs", f"{root}/{path}", "tmpfs", MS_NOSUID | MS_NODEV, f"mode={mode}")
    bind(spec["shared"], f"{root}/run/twin")
    for name in ("secrets", "parameters", "artifacts"):
        bind(f"{spec['platform']}/{name}", f"{root}/run/twin/{name}")
    bind(spec["cgroup"], f"{root}/run/cgroup")
    if spec.get("volume"):
        attach(spec["volume"], root)
    libc.sethostname(spec["name"].encode(), len(spec["name"]))
    os.chroot(root)
    os.chdir("/")
    environment = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin", "LANG": "C.UTF-8", "HOME": "/root"}
    os.execve("/usr/bin/python3", ["init", "/usr/local/lib/twin/init.py", json.dumps(spec["boot"])], environment)


main()
