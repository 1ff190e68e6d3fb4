"""What a recording of 6.1 tells of memory at its start that no counter shows: how many free pages
the processor's own list held, which new pages took before nr_free_pages fell, and how much the
first reclaim freed of the kernel's own."""

import statistics

BATCH_PAGES, MOST_AT_HAND = 63, 608
BUFFER_HEADS_A_PAGE = 39
FILE_PAGES_A_SLAB, SLAB_PAGES = 14 * 64, 2  # of nodes of the tree of a file written in sequence
LEAST_NEW = 300
BIOS_A_PAGE = 16


def file_pages(series):
    return [int(inactive) + int(active) for inactive, active in
            zip(series["nr_inactive_file"], series["nr_active_file"])]


def with_kernel_memory(pages, buffers_a_page):
    """New pages of a file, their buffer heads and the nodes of its tree."""
    return (pages + -(-pages * buffers_a_page // BUFFER_HEADS_A_PAGE)
            + SLAB_PAGES * -(-pages // FILE_PAGES_A_SLAB))


def pcp_at_start(series, buffers_a_page):
    """Pages, or None where too few became new before write-back began, which takes memory for bios.
    The list holds half a batch on average afterwards. A file written at random has more nodes:
    then it is too low, and 0."""
    files, free = file_pages(series), [int(pages) for pages in series["nr_free_pages"]]
    began = next((i for i, pages in enumerate(series["nr_writeback"]) if int(pages)), len(files))
    without_falling = [with_kernel_memory(files[i] - files[0], buffers_a_page) - (free[0] - free[i])
                       for i in range(began) if files[i] - files[0] >= LEAST_NEW]
    if not without_falling:
        return None
    at_hand = round(statistics.median(without_falling)) + BATCH_PAGES // 2
    return min(max(at_hand, 0), MOST_AT_HAND)


def slab_at_start(series, buffers_a_page):
    """Pages by which free and cached memory grew in the sample in which kswapd first took some."""
    taken = [int(pages) for pages in series["pgsteal_kswapd"]]
    first = next((i for i in range(1, len(taken)) if taken[i]), None)
    if first is None:
        return 0
    files, free = file_pages(series), [int(pages) for pages in series["nr_free_pages"]]
    bios = [int(pages) * buffers_a_page // BIOS_A_PAGE for pages in series["nr_writeback"]]
    before, after = (free[i] + files[i] + bios[i] for i in (first - 1, first))
    return max(after - before, 0)
