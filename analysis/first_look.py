"""How many pages were dirty when balance_dirty_pages_ratelimited() looked at the limits and first
found too many, up to 2.6.38: the flusher it wakes issues the first write request."""

import recording
from scenario_words import PAGE_BYTES

RATELIMIT_PAGES = 1024  # of machines of 128 MiB and more


def background_pages(conditions, dirtyable):
    sysctl = conditions["sysctl"]
    background, dirty = (
        int(sysctl.get(f"{name}_bytes", 0)) // PAGE_BYTES
        or dirtyable * int(sysctl[f"{name}_ratio"]) // 100
        for name in ("dirty_background", "dirty"))
    return background if background < dirty else dirty // 2


def all_calls_told(conditions, writes):
    bulk = recording.bulk_jobs(conditions)
    written = sum(writer["bytes"] for writer in conditions["workload"]["writers"]
                  if str(writer["id"]) in bulk)
    return int(writes["bytes"].sum()) == written


def first_look(directory, conditions, dirtyable):
    """(less than, at most) so many pages. None where the first request has another reason, or
    calls that came before it may be missing."""
    if not recording.bulk_jobs(conditions):
        return None
    requests, writes = (recording.table(directory, name) for name in ("requests", "writes"))
    times = requests["t_start_s"][requests["write"] == 1]
    if not len(times) or not all_calls_told(conditions, writes):
        return None
    first_s = times.min()
    pages = writes["bytes"] // PAGE_BYTES
    begun = int(pages[writes["t_s"] <= first_s].sum())
    done = int(pages[writes["t_s"] + writes["latency_us"] / 1e6 <= first_s].sum())
    limit = background_pages(conditions, dirtyable)  # within a hundredth or two
    due = done < limit + 2 * RATELIMIT_PAGES and begun > limit - RATELIMIT_PAGES
    return (done, begun) if due and done < begun else None


def agreeing(count, look):
    """The counter at the start: `count`, or if by that nobody looked then, one by which somebody
    did in the middle of what was written meanwhile."""
    done, begun = look
    if (count + begun) // RATELIMIT_PAGES > (count + done) // RATELIMIT_PAGES:
        return count
    return count + -(count + (done + begun) // 2) % RATELIMIT_PAGES
