"""How conditions of a recording become words of a scenario, and how unknown ones are refused."""

from fractions import Fraction

PAGE_BYTES = 4096

# What CpuCosts of models/scenario.hpp has; the calibration also measures what the models leave out.
MODELLED_COSTS = ("write_syscall", "write_page", "write_buffer", "refill", "copy_per_kib",
                  "writeback_page", "writeback_buffer", "request", "context_switch",
                  "complete_page", "complete_request", "reclaim_page", "user_call")
# Of some recordings only.
MORE_MODELLED_COSTS = ("indirect_block", "extent_level", "lru_batch", "tree_level", "tree_node",
                       "new_page", "dirty_page", "page_fault", "dirty_buffer",
                       "writeback_by_bio", "writeback_by_buffers",
                       "complete_by_bio", "complete_by_buffers", "complete_buffer",
                       "slow_allocation", "update_time", "balance_dirty", "wake_flusher",
                       "timer_tick")

# vm sysctls that this scenario format has no word for, and the values for which none is needed.
# None: any value.
SYSCTLS_WITHOUT_EFFECT = {
    "overcommit_memory": (None, "page cache is not committed memory"),
    "overcommit_ratio": (None, "page cache is not committed memory"),
    "overcommit_kbytes": (None, "page cache is not committed memory"),
    "admin_reserve_kbytes": (None, "page cache is not committed memory"),
    "user_reserve_kbytes": (None, "page cache is not committed memory"),
    "panic_on_oom": (None, "nothing runs out of memory: reclaim finds clean cache"),
    "oom_kill_allocating_task": (None, "nothing runs out of memory"),
    "oom_dump_tasks": (None, "nothing runs out of memory"),
    "page-cluster": (None, "swap read-ahead; there is no swap"),
    "swappiness": (None, "there is no swap (kernel.swap is checked)"),
    "nr_pdflush_threads": (None, "read-only: the number of threads at that moment, a result"),
    "max_map_count": (None, "nothing is mapped"),
    "mmap_min_addr": (None, "nothing is mapped"),
    "legacy_va_layout": (None, "layout of user addresses"),
    "scan_unevictable_pages": (None, "an action by hand, not taken"),
    "vfs_cache_pressure": (None, "reclaim of dentries and inodes; all inodes here are open"),
    "block_dump": ({"0"}, "would log every request"),
    "drop_caches": (None, "an action by hand, done before the start if at all"),
    "percpu_pagelist_fraction": ({"0"}, "would change the per-processor free lists"),
    "zone_reclaim_mode": ({"0"}, "one node: no other node to turn to"),
    "lowmem_reserve_ratio": ({"256\t256\t32", "256\t32", "256\t32\t32", "256\t256\t32\t1"},
                             "defaults; the watermarks that reclaim uses assume them"),
}


class CannotExpress(Exception):
    """A condition that no scenario can say; the text names it."""


def take(where, fields, known, path):
    """The fields named in `known`; anything else in `fields` is refused by name."""
    if not isinstance(fields, dict):
        raise CannotExpress(f"{path.rstrip('.') or where} = {fields!r}: expected named fields")
    for key in fields:
        if key not in known:
            raise CannotExpress(f"{path}{key} = {fields[key]!r}: this field is not known")
    missing = [key for key, required in known.items() if required and key not in fields]
    if missing:
        raise CannotExpress(f"{where} has no {missing[0]!r}")
    return fields


def require(path, value, allowed, why):
    if value not in allowed:
        raise CannotExpress(f"{path} = {value!r}: {why}")


def exact(value):
    """The decimal number as written, without binary rounding."""
    return Fraction(repr(value)) if isinstance(value, float) else Fraction(value)


def duration(seconds):
    ns = exact(seconds) * 10**9
    if ns.denominator != 1:
        raise CannotExpress(f"{seconds} s is not a whole number of nanoseconds")
    for unit, scale in (("s", 10**9), ("ms", 10**6), ("us", 10**3)):
        if ns % scale == 0:
            return f"{int(ns // scale)}{unit}"
    return f"{int(ns)}ns"


def size(count):
    if exact(count).denominator != 1:
        raise CannotExpress(f"{count} is not a whole number of bytes")
    count = int(count)
    for unit, scale in (("GiB", 2**30), ("MiB", 2**20), ("KiB", 2**10)):
        if count and count % scale == 0:
            return f"{count // scale}{unit}"
    return f"{count}B"


def vm_section(sysctl, more_without_effect=None):
    without_effect = SYSCTLS_WITHOUT_EFFECT | (more_without_effect or {})
    vm = {}
    for name, value in sysctl.items():
        if name in ("dirty_expire_centisecs", "dirty_writeback_centisecs", "min_free_kbytes",
                    "watermark_scale_factor", "laptop_mode"):
            vm[name] = int(value)
        elif name in ("dirty_ratio", "dirty_background_ratio"):
            if sysctl.get(name.replace("_ratio", "_bytes"), "0") == "0":
                vm[name] = int(value)
        elif name in ("dirty_bytes", "dirty_background_bytes"):
            if value != "0":
                vm[name] = size(int(value))
        elif name in without_effect:
            allowed, why = without_effect[name]
            if allowed is not None and value not in allowed:
                raise CannotExpress(f"sysctl.{name} = {value!r}: {why}")
        else:
            raise CannotExpress(f"sysctl.{name} = {value!r}: this setting is not known")
    return vm


def cpu_costs_of(release, calibration):
    try:
        costs = calibration["kernels"][release]["cpu_costs"]
        more = {name: costs[name] for name in MORE_MODELLED_COSTS if name in costs}
        return {name: costs[name] for name in MODELLED_COSTS} | more
    except KeyError:
        raise CannotExpress(f"kernel.release = {release!r}: no CPU costs were measured for it "
                            "(run analysis/calibrate.py on its recordings)") from None
