"""The memory cgroups that the set-up of a recording made, in words of the scenario."""

from scenario_words import CannotExpress, size

SUFFIXES = {"K": 2**10, "M": 2**20, "G": 2**30}
LIMITS = ("memory.max", "memory.high")


def bytes_of(text):
    factor = SUFFIXES.get(text[-1:].upper(), 1)
    digits = text[:-1] if factor > 1 else text
    if not digits.isdigit():
        raise CannotExpress(f"setup: {text!r} is no number of bytes")
    return int(digits) * factor


def one_cgroup(name, files):
    if "/" in name:
        raise CannotExpress(f"setup: cgroup {name} lies in another one")
    words = {"name": name}
    for file, value in files.items():
        if file not in LIMITS:
            raise CannotExpress(f"setup: {file} of cgroup {name} is not modelled")
        if value != "max":
            words[file] = size(bytes_of(value))
    return words


def cgroup_section(cgroups):
    """cgroups: name -> {file: text}, the root's name is empty."""
    below = {name: files for name, files in cgroups.items() if name}
    enabled = cgroups.get("", {}).get("cgroup.subtree_control", "").split()
    if below and "+memory" not in enabled:
        raise CannotExpress(f"setup: cgroup {next(iter(below))} without the memory controller")
    return [one_cgroup(name, files) for name, files in below.items()]


def cgroup_of(job, cgroups):
    name = job["cgroup"].strip("/")
    if name not in cgroups:
        raise CannotExpress(f"spec line {job['line']!r}: cgroup={name} was not made by the set-up")
    return {"cgroup": name} if name else {}
