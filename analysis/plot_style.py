"""How every picture of this project looks: colours, line styles, sizes, units.

The colours are Okabe and Ito's, which stay apart for colour-blind readers. Where two of them meet
in one panel their lightness differs too, and the line style or the marker says the same once more,
so that a picture survives a grey printer.
"""
import matplotlib

matplotlib.use("Agg")

from matplotlib import ticker  # noqa: E402  (the backend is chosen first)

BLACK = "#000000"
ORANGE = "#E69F00"
SKY = "#56B4E9"
GREEN = "#009E73"
YELLOW = "#F0E442"
BLUE = "#0072B2"
VERMILLION = "#D55E00"
PURPLE = "#CC79A7"
GREY = "#7F7F7F"
PALE = "#D9D9D9"

PAGE_BYTES = 4096
SECTOR_BYTES = 512
MIB = 1 << 20
GIB = 1 << 30

# A compared variant: colour of its lines, a darker one for its words, its line style.
VARIANTS = (
    (ORANGE, "#8F6200", "solid"),
    (BLUE, "#00507D", (0, (4, 1.2))),
    (BLACK, BLACK, (0, (1, 1))),
    (PURPLE, "#8A3F68", (0, (6, 1.5, 1, 1.5))),
    (GREEN, "#00644A", (0, (8, 2))),
    (VERMILLION, "#8A3D00", (0, (3, 1, 1, 1, 1, 1))),
)

# Why pages were written: colour, marker of a request, hatch of a bar, words.
REASONS = {
    "background": (BLUE, "o", "", "flusher, background"),
    "periodic": (SKY, "s", "////", "flusher, periodic"),
    "sync": (PURPLE, "D", "xxxx", "sync and fsync"),
    "balance_dirty": (ORANGE, "^", "", "throttled writer"),
    "reclaim": (GREEN, "v", "....", "page reclaim"),
    "foreign_flush": (YELLOW, "X", "----", "flusher, for another cgroup"),
    "laptop_timer": (VERMILLION, "<", "oooo", "laptop_mode's timer"),
    "metadata": (GREY, "P", "\\\\\\\\", "metadata"),
    "read": (BLACK, "x", "||||", "read"),
}
OTHER_REASON = (GREY, "*", "++++", "other")

DIRTY = SKY
WRITEBACK = BLUE

# Full width of a README column is about 880 px; pictures are made at twice that.
DPI = 200
WIDTH = 8.8
COLUMN = 6.2

RC = {
    "font.family": "DejaVu Sans",
    "font.size": 9,
    "axes.titlesize": 9.5,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.labelsize": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.8,
    "axes.axisbelow": True,
    "axes.grid": True,
    "axes.grid.axis": "y",
    "grid.color": "#E3E3E3",
    "grid.linewidth": 0.6,
    "xtick.labelsize": 8.5,
    "ytick.labelsize": 8.5,
    "xtick.color": "#333333",
    "ytick.color": "#333333",
    "legend.fontsize": 8.5,
    "legend.frameon": False,
    "figure.titlesize": 11,
    "figure.titleweight": "bold",
    "figure.constrained_layout.use": True,
    "hatch.linewidth": 0.6,
    "svg.hashsalt": "wbsim",
    "svg.fonttype": "path",
    "path.simplify": True,
    "timezone": "UTC",
}

# Nothing in a picture depends on the day or on the version of matplotlib that wrote it.
METADATA = {"png": {"Software": None}, "svg": {"Date": None, "Creator": None}}


def use():
    """Makes the style the one of all figures that follow."""
    matplotlib.rcdefaults()
    matplotlib.use("Agg")
    matplotlib.rcParams.update(RC)


def variant(index):
    """(line colour, text colour, line style) of the variant with this index."""
    return VARIANTS[index % len(VARIANTS)]


def reason(name):
    """(colour, marker, hatch, words) of a write-back reason."""
    return REASONS.get(name, OTHER_REASON[:3] + (name,))


def reasons_first(names):
    """These reasons in the order of REASONS, unknown ones after them."""
    return [name for name in REASONS if name in names] + sorted(set(names) - set(REASONS))


def duration(seconds):
    """A duration in words: 45 µs, 1.2 ms, 12.9 s."""
    if seconds == 0:
        return "0 s"
    for scale, unit in ((1.0, "s"), (1e-3, "ms"), (1e-6, "µs")):
        if seconds >= scale:
            return f"{three_digits(seconds / scale)} {unit}"
    return f"{three_digits(seconds * 1e9)} ns"


def three_digits(value):
    """A number with three digits that count, never in exponent form."""
    magnitude = abs(value)
    if magnitude >= 100 or magnitude == 0:
        return f"{value:.0f}"
    text = f"{value:.1f}" if magnitude >= 10 else f"{value:.2f}"
    return text.rstrip("0").rstrip(".")


def percent(share):
    """A share in percent: 100 %, 1 %, 0.01 %."""
    return f"{share * 100:.6f}".rstrip("0").rstrip(".") + " %"


def duration_axis(axis):
    """Ticks of a logarithmic axis of seconds as durations."""
    axis.set_major_locator(ticker.LogLocator(base=10, numticks=12))
    axis.set_major_formatter(ticker.FuncFormatter(lambda value, _: duration(value * (1 + 1e-9))))
    axis.set_minor_formatter(ticker.NullFormatter())


def share_axis(axis):
    """Ticks of a logarithmic axis of shares as percent."""
    axis.set_major_locator(ticker.LogLocator(base=10, numticks=12))
    axis.set_major_formatter(ticker.FuncFormatter(lambda value, _: percent(value)))
    axis.set_minor_formatter(ticker.NullFormatter())
