"""The tracepoints of a recording: trace.txt.xz, a line `t_s comm-pid event field=value...`."""

import lzma
import re
from dataclasses import dataclass

import recording

LINE = re.compile(r"(-?[\d.]+) (\S.*?) (\w+) (.*)")
FIELD = re.compile(r"(\w+)=(\S+)")


@dataclass
class Event:
    t_s: float
    thread: str
    name: str
    text: str

    @property
    def fields(self):
        return dict(FIELD.findall(self.text))


def recorded(directory, names):
    """The events called `names`, in order; none where nothing was traced."""
    path = directory / "trace.txt.xz"
    if not path.is_file():
        return
    with recording.reading(path), lzma.open(path, "rt", encoding="utf-8") as file:
        for line in file:
            found = LINE.match(line)
            if found and found[3] in names:
                yield Event(float(found[1]), found[2], found[3], found[4])
