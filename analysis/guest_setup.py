"""What the `setup` lines of conditions.json did to the guest before the jobs started: the shell
commands of a recording, understood one by one. A command that is not known is refused."""

import re
import shlex
from dataclasses import dataclass, field

from scenario_words import CannotExpress

SVCDISK = ("bps", "overhead_ns", "latency_ns", "qd", "size_mb", "store_phys", "max_kb", "wc",
           "flush_ns")
# Attributes that conditions.json shows as they were after the set-up, under `queue`.
QUEUE_ATTRIBUTES = ("scheduler", "nr_requests", "max_sectors_kb", "wbt_lat_usec", "read_ahead_kb",
                    "nomerges", "rq_affinity")
BDI_ATTRIBUTES = ("min_ratio", "max_ratio", "strict_limit", "read_ahead_kb")
NULL_BLK = ("irqmode", "completion_nsec", "hw_queue_depth", "size", "blocksize", "power", "mbps",
            "submit_queues", "queue_mode", "memory_backed")


@dataclass
class Mount:
    kind: str
    device: str
    directory: str


@dataclass
class Guest:
    disks: dict = field(default_factory=dict)  # name -> {"driver", parameters}
    mounts: list = field(default_factory=list)
    vm: dict = field(default_factory=dict)  # sysctl -> text
    bdi: dict = field(default_factory=dict)  # disk or major:minor -> {attribute: text}
    cgroup_root: str = "/sys/fs/cgroup"
    cgroups: dict = field(default_factory=dict)  # name, empty for the root -> {file: text}

    def limited_in_bytes(self):
        return int(self.vm.get("dirty_bytes", "0")) > 0


def add_svcdisks(guest, words, command):
    given = dict(word.partition("=")[::2] for word in words)
    count = int(given.pop("ndev", "1"))
    columns = {}
    for key, value in given.items():
        if key not in SVCDISK:
            raise CannotExpress(f"setup {command!r}: {key} is not known")
        columns[key] = [int(part) for part in value.split(",")]
        if len(columns[key]) != count:
            raise CannotExpress(f"setup {command!r}: {key} has not {count} values")
    for number in range(count):
        guest.disks[f"svc{number}"] = {
            "driver": "svcdisk", **{key: values[number] for key, values in columns.items()}}


def insmod(guest, words, command):
    module = words[0].rpartition("/")[2]
    if module == "svcdisk.ko":
        add_svcdisks(guest, words[1:], command)
    elif module == "null_blk.ko":
        if words[1:] != ["nr_devices=0"]:
            raise CannotExpress(f"setup {command!r}: only null_blk devices made by configfs")
    elif module not in ("configfs.ko",):
        raise CannotExpress(f"setup {command!r}: module {module} is not known")


def mount(guest, words, command):
    options = {"-t": None, "-o": ""}
    plain = []
    rest = list(words)
    while rest:
        word = rest.pop(0)
        if word in options and rest:
            options[word] = rest.pop(0)
        else:
            plain.append(word)
    kind = options["-t"]
    if kind == "cgroup2" and plain:
        guest.cgroup_root = plain[-1].rstrip("/")
    if kind in ("configfs", "cgroup2", "tracefs", "debugfs", "sysfs", "proc"):
        return
    if kind not in ("ext2", "ext4") or options["-o"] not in ("", "noatime") or len(plain) != 2:
        raise CannotExpress(f"setup {command!r}: this mount is not known")
    guest.mounts.append(Mount(kind, plain[0], plain[1]))


def set_null_blk(guest, name, attribute, value, command):
    if attribute not in NULL_BLK:
        raise CannotExpress(f"setup {command!r}: {attribute} of null_blk is not known")
    guest.disks.setdefault(name, {"driver": "null_blk"})[attribute] = int(value)


def set_file(guest, path, value, command):
    """echo VALUE > PATH"""
    if found := re.fullmatch(r"/sys/block/(\w+)/queue/(\w+)", path):
        if found[2] not in QUEUE_ATTRIBUTES:
            raise CannotExpress(f"setup {command!r}: queue attribute {found[2]} is not known")
    elif found := re.fullmatch(r"/sys/(?:class/bdi|block)/([\w:]+)/(?:bdi/)?(\w+)", path):
        if found[2] not in BDI_ATTRIBUTES:
            raise CannotExpress(f"setup {command!r}: {found[2]} of a bdi is not known")
        guest.bdi.setdefault(found[1], {})[found[2]] = value
    elif found := re.fullmatch(r"/proc/sys/vm/(\w+)", path):
        guest.vm[found[1]] = value
    elif found := re.fullmatch(r"/sys/kernel/config/nullb/(\w+)/(\w+)", path):
        set_null_blk(guest, found[1], found[2], value, command)
    elif path.startswith(guest.cgroup_root + "/"):
        name, _, file = path.removeprefix(guest.cgroup_root).rpartition("/")
        guest.cgroups.setdefault(name.strip("/"), {})[file] = value
    elif not path.startswith(("/sys/kernel/tracing/", "/sys/kernel/debug/tracing/")):
        raise CannotExpress(f"setup {command!r}: {path} is not known")


def run(guest, command, variables):
    command = re.sub(r"\$\{?(\w+)\}?", lambda m: variables.get(m[1], m[0]), command.strip())
    # The number of a disk stands for the disk.
    command = re.sub(r"(?:\$\(|`)cat /sys/block/(\w+)/dev[)`]", r"\1", command)
    if not command or command.startswith("#"):
        return
    if assigned := re.fullmatch(r"(\w+)=(\S+)", command):
        variables[assigned[1]] = assigned[2]
        return
    if echoed := re.fullmatch(r"echo\s+(.*?)\s*>\s*(\S+)", command):
        set_file(guest, echoed[2], " ".join(shlex.split(echoed[1])), command)
        return
    name, *words = shlex.split(command)
    if name == "insmod" and words:
        insmod(guest, words, command)
    elif name == "mount":
        mount(guest, words, command)
    elif name == "sysctl" and words[:1] == ["-w"] and len(words) == 2:
        key, _, value = words[1].partition("=")
        set_file(guest, "/proc/sys/" + key.replace(".", "/"), value, command)
    elif name == "mkdir":  # of configfs: the files in it say the rest
        for path in words:
            if path.startswith(guest.cgroup_root + "/"):
                guest.cgroups.setdefault(path.removeprefix(guest.cgroup_root).strip("/"), {})
    else:
        raise CannotExpress(f"setup {command!r} is not known")


def parse(lines):
    guest, variables = Guest(), {}
    for line in lines:
        for command in re.split(r";|&&", line):
            run(guest, command, variables)
    return guest
