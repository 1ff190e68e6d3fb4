"""What the pictures share: a page of panels, time axes, titles."""
from matplotlib import patheffects, pyplot, ticker
from matplotlib.lines import Line2D
from matplotlib.text import Text

import plot_style as style

KEY_HEIGHT = 0.22  # inches of a line of keys
KEY_WIDTH, KEY_LETTER = 0.55, 0.07  # inches that a key takes, and each letter of it
KEY_MARGIN = 1.6  # inches beside the keys, where the labels of axes are
MARGINS = 0.75  # inches for the title and the labels below
MAX_TITLE = 85  # characters of a title over a README wide picture
FAULT_WORDS = {"remove": "removed", "error": "errors", "hang": "hangs"}
HALO = (patheffects.withStroke(linewidth=2, foreground="white", alpha=0.8),)


class Page:
    """A figure of one column per run, with its title and one line of keys on top."""

    def __init__(self, runs, title, heights, columns=None, width=None):
        columns = columns or len(runs)
        width = width or (style.WIDTH if columns == 1 else style.COLUMN * columns)
        self.figure = pyplot.figure(figsize=(width, 1), dpi=style.DPI)
        self.figure.get_layout_engine().set(w_pad=0.08, h_pad=0.05, hspace=0.02, wspace=0.02)
        self.figure.suptitle(title, x=0.01, ha="left")
        self.heights = list(heights)
        self.grid = self.figure.add_gridspec(1 + len(heights), columns)
        self._rows_of_keys(1)

    def _rows_of_keys(self, count):
        self.grid.set_height_ratios([KEY_HEIGHT * count] + self.heights)
        self.figure.set_figheight(sum(self.heights) + KEY_HEIGHT * count + MARGINS)

    def panel(self, row, column, **arguments):
        """The panel in this row (0 is below the keys) and column."""
        return self.figure.add_subplot(self.grid[row + 1, column], **arguments)

    def keys(self, handles):
        """Says once what colours and line styles mean, instead of a legend in each panel."""
        axes = self.figure.add_subplot(self.grid[0, :])
        axes.axis("off")
        if not handles:
            return
        lines = next(lines for lines in range(1, len(handles) + 1)
                     if lines == len(handles)
                     or keys_width(handles, lines) <= self.figure.get_figwidth() - KEY_MARGIN)
        self._rows_of_keys(lines)
        legend = axes.legend(handles=handles, loc="center left", bbox_to_anchor=(0, 0.5),
                             ncol=-(-len(handles) // lines), borderaxespad=0, borderpad=0,
                             handlelength=2.4, columnspacing=1.6)
        legend.set_in_layout(False)


def keys_width(handles, lines):
    """In inches, of keys in columns of at most so many lines."""
    lengths = [len(handle.get_label()) for handle in handles]
    columns = -(-len(lengths) // lines)
    lines = -(-len(lengths) // columns)  # as legend() fills them
    return sum(KEY_WIDTH + KEY_LETTER * max(lengths[first:first + lines])
               for first in range(0, len(lengths), lines))


def settle(figure):
    """Lays the figure out and fixes it there, rounded.

    The last bits of what its solver finds differ from run to run, which would show in the names of
    an SVG's clip paths. Titles too long for their place become smaller.
    """
    figure.draw_without_rendering()
    make_room_for_keys(figure)
    figure.set_layout_engine("none")
    for axes in figure.axes:
        axes.set_position([round(value, 5) for value in axes.get_position().bounds])
        for title in axes.findobj(Text):
            if title.get_text() and title.get_text() == axes.get_title(loc="left"):
                fit(title, axes.get_window_extent().width * 1.03)
    for title in figure.texts:
        title.set_position([round(value, 5) for value in title.get_position()])
        fit(title, figure.bbox.width * 0.98)


def make_room_for_keys(figure):
    """A taller figure, where the titles of many panels left the keys less than they take."""
    legend = figure.axes[0].get_legend()
    if legend is None or figure.axes[0].axison:
        return
    row = figure.axes[0].get_window_extent().height
    missing = legend.get_window_extent().height / row - 1
    if missing > 0.1:
        panels = sum(axes.get_window_extent().height for axes in figure.axes)
        figure.set_figheight(figure.get_figheight() + missing * panels / figure.dpi)
        figure.draw_without_rendering()


def short(name, most):
    """A name of at most so many letters: long ones differ at their ends."""
    if len(name) <= most:
        return name
    tail = most // 2
    return f"{name[:most - tail - 1]}…{name[len(name) - tail:]}"


def counted(number, what):
    return f"{number:,} {what}" + ("" if number == 1 else "s")


def fit(text, width):
    """Makes a text that is too long for its place smaller."""
    taken = text.get_window_extent().width
    if taken > width:
        text.set_fontsize(round(text.get_fontsize() * width / taken - 0.05, 1))


def say(axes, text):
    """A panel that has nothing to show says so."""
    axes.set_axis_off()
    axes.text(0.5, 0.5, text, ha="center", va="center", color=style.GREY, style="italic",
              transform=axes.transAxes)


def heading(runs, what):
    title = f"{runs[0].scenario}: {what}"
    return title if len(runs) > 1 else f"{title}, {runs[0].label}"


def prefixed(runs, run, text):
    """In a comparison each column says whose it is."""
    return text[0].upper() + text[1:] if len(runs) == 1 else f"{run.label}: {text}"


def of_device(runs, run, device, text):
    """The title of a panel of one device; a comparison has the device at the axis."""
    return f"{device}: {text}" if len(runs) == 1 else f"{run.label}: {text}"


def time_axis(axes, runs, label=True):
    axes.set_xlim(0, max(run.end for run in runs) or 1)
    axes.xaxis.set_major_locator(ticker.MaxNLocator(nbins=10, steps=[1, 2, 5, 10]))
    if label:
        axes.set_xlabel("time since the jobs began (s)")
    else:
        axes.tick_params(labelbottom=False)


def writers_end(run):
    """When the last job ended, in seconds; the end of the run when the summary does not say."""
    ends = [writer.get("end_s") for writer in run.summary.get("writers", {}).values()]
    ends = [end for end in ends if end is not None]
    return min(max(ends), run.end) if ends else run.end


def mark_writers_end(axes, run, text=True):
    end = writers_end(run)
    if end >= run.end * 0.98:
        return
    axes.axvline(end, color=style.GREY, linewidth=0.8, linestyle=(0, (2, 2)), zorder=1)
    if text:
        late = end > run.end * 0.88
        axes.annotate("jobs end", (end, 0.97), xycoords=("data", "axes fraction"),
                      xytext=(-3 if late else 3, 0), ha="right" if late else "left",
                      textcoords="offset points", va="top", fontsize=8, color="#555555")


def mark_faults(axes, run, device, text=True):
    """When something was wrong with the device."""
    for kind, start, end in run.device_faults(device):
        if start <= 0 and end >= run.end:
            continue  # all the time
        end = min(end, run.end)
        axes.axvspan(start, end, color=style.VERMILLION, alpha=0.13, linewidth=0, zorder=0)
        if text:
            axes.annotate(FAULT_WORDS.get(kind, kind), ((start + end) / 2, 0.97),
                          xycoords=("data", "axes fraction"), ha="center", va="top", fontsize=8,
                          color=style.VERMILLION)


def while_writing(run, edges, rates):
    """The rates of the whole seconds before the last job ended; none when it ended in the first."""
    return rates[edges[1:] <= writers_end(run) + 1e-9]


def listed(values, unit):
    """Values of the variants in words: 49.9 and 50.1 MB/s."""
    words = [style.three_digits(value) for value in values]
    if len(words) > 2:
        words = [style.three_digits(min(values)), style.three_digits(max(values))]
        return f"{words[0]} to {words[1]} {unit}"
    return f"{' and '.join(words)} {unit}"


def variant_keys(runs):
    handles = []
    for index, run in enumerate(runs):
        colour, _, line = style.variant(index)
        handles.append(Line2D([], [], color=colour, linestyle=line, linewidth=2.2, label=run.label))
    return handles
