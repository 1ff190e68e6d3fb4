#!/usr/bin/python3
"""analysis/plot.py: which pictures it makes of which directory, and how it refuses."""
import json
import os
import re
import struct
import subprocess
import sys
import tempfile
import unittest

from matplotlib.patches import Patch
from matplotlib.text import Text

ANALYSIS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "analysis")
PLOT = os.path.join(ANALYSIS, "plot.py")
sys.path.insert(0, ANALYSIS)

import plot_devices  # noqa: E402  (found through the line above)
import plot_flushers  # noqa: E402
import plot_latency  # noqa: E402
import plot_page  # noqa: E402
import plot_style  # noqa: E402
import run_files  # noqa: E402

WHY = {"schema": "wbsim-why/1", "writers": {"dd-0": {"write": {
    "calls": 20, "latency_ns": 100, "parts": [
    {"ns": 60, "throttled_by": "bdi share", "wait": "congestion_wait", "phase": ""},
    {"ns": 40, "throttled_by": "", "wait": "wait_on_page_writeback", "phase": "behind",
     "thread": "flush-8:0", "reason": "background", "ino": 12, "age_ns": 5}], "worst": []}}}}
RUN_PICTURES = ["flushers", "latency", "memory", "offset", "queue", "throughput"]
SAMPLE_COLUMNS = ["t_s", "nr_dirty", "nr_writeback", "pgpgout", "nr_dirty_threshold",
                  "nr_dirty_background_threshold", "pdflush", "flush"]
DEVICE_COLUMNS = ["rd_sectors", "wr_sectors", "in_flight", "busy_us"]


def write_csv(path, header, lines):
    with open(path, "w", encoding="utf-8") as file:
        for line in [header] + lines:
            file.write(",".join(map(str, line)) + "\n")


def make_run(path, kernel="2.6.32", flusher="bdi", devices=("d0",), seconds=4):
    """A small run directory with a little of everything: 1 MiB/s goes to each device."""
    os.makedirs(path)
    header = SAMPLE_COLUMNS + [f"{device}_{key}" for device in devices for key in DEVICE_COLUMNS]
    samples = []
    for tenth in range(seconds * 10 + 1):
        samples.append([f"{tenth / 10:.6f}", 10 * tenth, tenth % 7, 102 * tenth, 800, 400,
                        2 if flusher == "pdflush" else 0, 0 if flusher == "pdflush" else 1])
        samples[-1] += [0, tenth * 2048 / 10, tenth % 5, tenth * 25000] * len(devices)
    write_csv(f"{path}/samples.csv", header, samples)
    write_csv(f"{path}/writes.csv", ["writer", "t_s", "latency_us", "bytes"],
              [["dd-0", f"{call * 0.1:.6f}", 40 + call ** 3, 65536] for call in range(20)])
    write_csv(f"{path}/fsync.csv", ["writer", "t_s", "write_us", "fsync_us"],
              [["appender-0", 1.0, 12.5, 250000.0], ["appender-0", 2.0, 12.5, 8000.0]])
    write_csv(f"{path}/requests.csv",
              ["t_queued_s", "t_start_s", "service_us", "latency_us", "disk", "write", "sync",
               "idle_start", "sector", "sectors", "head_before", "bios", "queued", "meta_sectors",
               "reason", "thread"],
              [[0.1, 0.1 + 0.1 * index, 900, 950, device, int(index != 3), 0, 1, 5000 * index, 64,
                5000 * index - (128 if index % 2 else 129), 8, 1, 0,
                ("background", "balance_dirty", "sync", "read")[index % 4], "flush-8:0"]
               for device in devices for index in range(8)])
    write_csv(f"{path}/works.csv", ["t_start_s", "t_end_s", "thread", "work", "pages"],
              [[0.1, 0.9, "flush-8:0", "background", 100], [0.5, 0.7, "dd-0", "balance_dirty", 50],
               [1.0, 1.2, "appender-0", "sync", 3], [3.0, 3.0, "flush-8:0", "periodic", 0],
               [3.5, 3.6, "flush-8:0", "periodic", 9]])
    latency = {"min": 40000, "max": 6900000, "mean": 1e6, "stddev": 1e5, "N": 20,
               "percentile": {"50.000000": 80000, "90.000000": 5000000, "99.000000": 6900000,
                              "99.900000": 6900000, "99.990000": 6900000}}
    writer = {"start_s": 0.0, "end_s": 2.5, "throttled_ns": 5000000,
              "write": {"clat_ns": latency, "stalls_over_1ms": 9}}
    summary = {"name": "small", "kernel": kernel, "flusher": flusher, "writers": {"dd-0": writer},
               "aggregate": {"write": {"clat_ns": latency}},
               "devices": {device: {"seeks": 4} for device in devices},
               "flushers": {"max_threads": 2}, "memory": {"peak_dirty_and_writeback_pages": 406}}
    with open(f"{path}/summary.json", "w", encoding="utf-8") as file:
        json.dump(summary, file)
    with open(f"{path}/manifest.json", "w", encoding="utf-8") as file:
        json.dump({"scenario": {"devices": [{"name": name, "nr_requests": 128, "near_sectors": 128}
                                            for name in devices]}}, file)


def plot(*arguments):
    return subprocess.run([sys.executable, PLOT, *arguments], capture_output=True, text=True,
                          check=False)


def png_size(path):
    with open(path, "rb") as file:
        head = file.read(24)
    assert head[:8] == b"\x89PNG\r\n\x1a\n"
    return struct.unpack(">II", head[16:24])


class InTemporaryDirectory(unittest.TestCase):
    def setUp(self):
        holder = tempfile.TemporaryDirectory()
        self.addCleanup(holder.cleanup)
        self.here = holder.name

    def at(self, *names):
        return os.path.join(self.here, *names)


class Pictures(InTemporaryDirectory):
    def test_run_gives_six_pictures_in_both_formats(self):
        make_run(self.at("run"))
        result = plot(self.at("run"))
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        expected = sorted(f"{name}.{kind}" for name in RUN_PICTURES for kind in ("png", "svg"))
        self.assertEqual(sorted(os.listdir(self.at("run", "plots"))), expected)
        self.assertEqual(len(result.stdout.splitlines()), len(expected))
        for name in RUN_PICTURES:
            self.assertGreaterEqual(png_size(self.at("run", "plots", f"{name}.png"))[0], 1760)

    def test_the_parts_of_the_calls_where_they_were_recorded(self):
        make_run(self.at("run"))
        with open(self.at("run", "why.json"), "w", encoding="utf-8") as file:
            json.dump(WHY, file)
        result = plot(self.at("run"), "--format", "png")
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        self.assertIn("why.png", os.listdir(self.at("run", "plots")))
        with open(self.at("run", "why.json"), "w", encoding="utf-8") as file:
            json.dump({**WHY, "schema": "wbsim-why/0"}, file)
        result = plot(self.at("run"), "--format", "png")
        self.assertEqual(result.returncode, 2)
        self.assertIn("why.json: of another version of wbsim", result.stderr)

    def test_data_at_risk_is_drawn_when_it_was_counted(self):
        make_run(self.at("run"))
        with open(self.at("run", "samples.csv"), encoding="utf-8") as file:
            header, *lines = file.read().splitlines()
        with open(self.at("run", "samples.csv"), "w", encoding="utf-8") as file:
            for place in ("memory", "in_flight", "cache"):
                header += f",d0_risk_{place}_bytes"
            file.write("\n".join([header] + [line + ",1048576,4096,0" for line in lines]) + "\n")
        result = plot(self.at("run"), "--format", "png")
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        self.assertIn("at_risk.png", os.listdir(self.at("run", "plots")))

    def test_compare_gives_an_overview_too(self):
        make_run(self.at("cmp", "bdi"), devices=("d0", "d1"))
        make_run(self.at("cmp", "pdflush"), "2.6.31", "pdflush", ("d0", "d1"))
        make_run(self.at("cmp", "other.partial"))
        result = plot(self.at("cmp"), "--out", self.at("out"), "--format", "png")
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        self.assertEqual(sorted(os.listdir(self.at("out"))),
                         sorted(f"{name}.png" for name in RUN_PICTURES + ["overview"]))
        self.assertEqual(png_size(self.at("out", "overview.png"))[0], 1760)

    def test_three_variants_give_a_history(self):
        for kernel, flusher in (("2.4.17", "bdflush"), ("2.6.31", "pdflush"), ("2.6.32", "bdi")):
            make_run(self.at("cmp", kernel), kernel, flusher)
        os.remove(self.at("cmp", "2.6.32", "writes.csv"))
        result = plot(self.at("cmp"), "--out", self.at("out"), "--format", "png")
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        self.assertEqual(sorted(os.listdir(self.at("out"))),
                         sorted(f"{name}.png" for name in RUN_PICTURES + ["overview", "history"]))
        self.assertEqual(png_size(self.at("out", "history.png"))[0], 1760)

    def test_same_input_gives_the_same_bytes_and_no_date(self):
        make_run(self.at("cmp", "bdi"))
        make_run(self.at("cmp", "pdflush"), "2.6.31", "pdflush")
        for out in ("one", "two"):
            self.assertEqual(plot(self.at("cmp"), "--out", self.at(out)).returncode, 0)
        for name in sorted(os.listdir(self.at("one"))):
            with open(self.at("one", name), "rb") as one, open(self.at("two", name), "rb") as two:
                content = one.read()
                self.assertEqual(content, two.read(), name)
            self.assertNotIn(b"dc:date", content)
            self.assertNotIn(b"Software", content)

    def test_optional_files_may_be_absent(self):
        make_run(self.at("run"))
        for name in ("writes.csv", "fsync.csv", "requests.csv", "works.csv", "manifest.json"):
            os.remove(self.at("run", name))
        result = plot(self.at("run"), "--format", "svg")
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        for name, words in (("latency", "this run has no writes.csv"),
                            ("offset", "this run has no requests.csv"),
                            ("flushers", "this run has no works.csv")):
            with open(self.at("run", "plots", f"{name}.svg"), encoding="utf-8") as file:
                self.assertIn(f"<!-- {words} -->", file.read())

    def test_optional_files_may_have_no_rows(self):
        make_run(self.at("run"))
        for name in ("writes.csv", "fsync.csv", "requests.csv", "works.csv"):
            with open(self.at("run", name), encoding="utf-8") as file:
                header = file.readline()
            with open(self.at("run", name), "w", encoding="utf-8") as file:
                file.write(header)
        result = plot(self.at("run"), "--format", "svg")
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        for name, words in (("latency", "no write() calls in this run"),
                            ("offset", "no requests in this run"),
                            ("flushers", "no write-back in this run")):
            with open(self.at("run", "plots", f"{name}.svg"), encoding="utf-8") as file:
                self.assertIn(f"<!-- {words} -->", file.read())

    def test_who_only_reads_has_the_latencies_of_read(self):
        make_run(self.at("run"))
        os.rename(self.at("run", "writes.csv"), self.at("run", "reads.csv"))
        result = plot(self.at("run"), "--format", "svg")
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        with open(self.at("run", "plots", "latency.svg"), encoding="utf-8") as file:
            text = file.read()
        self.assertIn("<!-- latency of a read() -->", text)
        self.assertNotIn("write()", text)

    def test_what_went_wrong_with_a_device_and_when(self):
        make_run(self.at("run"))
        with open(self.at("run", "manifest.json"), encoding="utf-8") as file:
            manifest = json.load(file)
        manifest["scenario"]["devices"][0]["faults"] = [
            {"kind": "hang", "start": "500ms", "duration": "1s"}, {"kind": "remove", "start": "2s"},
            {"kind": "slow", "start": "0s"}]
        with open(self.at("run", "manifest.json"), "w", encoding="utf-8") as file:
            json.dump(manifest, file)
        self.assertEqual(plot(self.at("run"), "--format", "svg").returncode, 0)
        for name in ("throughput", "queue"):
            with open(self.at("run", "plots", f"{name}.svg"), encoding="utf-8") as file:
                picture = file.read()
            for words, said in (("hangs", True), ("removed", True), ("slow", False)):
                self.assertEqual(f"<!-- {words} -->" in picture, said, (name, words))
            self.assertEqual("<!-- written, or failed -->" in picture, name == "throughput")

    def test_of_very_many_devices_the_busiest_are_drawn(self):
        make_run(self.at("run"), devices=tuple(f"d{i}" for i in range(12)))
        runs, _ = run_files.load(self.at("run"))
        self.assertEqual(plot_devices.busiest(runs)[0], [f"d{i}" for i in range(8)])
        runs[0].samples["d10_wr_sectors"] = runs[0].samples["d10_wr_sectors"] * 2
        runs[0].samples["d0_rd_sectors"] = runs[0].samples["d0_wr_sectors"]
        drawn, words = plot_devices.busiest(runs)
        self.assertEqual(drawn, [f"d{i}" for i in range(7)] + ["d10"])
        self.assertEqual(words, " (the 8 busiest of 12)")
        make_run(self.at("few"), devices=("d0", "d1"))
        self.assertEqual(plot_devices.busiest(run_files.load(self.at("few"))[0]),
                         (["d0", "d1"], ""))

    def test_no_key_is_cut_off(self):
        plot_style.use()
        keys = [Patch(label="a key of a rather long name, number " + str(i)) for i in range(7)]
        for columns in (1, 2):
            page = plot_page.Page([None] * columns, "title", [1.0])
            page.keys(keys)
            plot_page.settle(page.figure)
            legend = page.figure.axes[0].get_legend().get_window_extent()
            self.assertLessEqual(legend.x1, page.figure.bbox.width)

    def test_keys_over_many_panels_have_their_room(self):
        plot_style.use()
        page = plot_page.Page([None], "title", [1.0] * 5, columns=1)
        page.keys([Patch(label="a key that takes a whole line of the picture, beyond doubt, if its "
                               f"number is {i} and it is as long as this") for i in range(9)])
        for row in range(5):
            axes = page.panel(row, 0)
            axes.set_title("a panel's title")
            axes.set_xlabel("%")
        plot_page.settle(page.figure)
        legend = page.figure.axes[0].get_legend().get_window_extent()
        self.assertLessEqual(legend.y1, page.figure.texts[0].get_window_extent().y0)
        title, = [text for text in page.figure.axes[1].findobj(Text)
                  if text.get_text() == "a panel's title"]
        self.assertGreaterEqual(legend.y0, title.get_window_extent().y1)

    def test_long_names_end_where_others_begin(self):
        heads = plot_latency.folded("a-writer-of-a-very-long-name-indeed-it-is-48", 9).split("\n")
        self.assertLessEqual(max(map(len, heads)), 9)
        self.assertTrue(heads[-1].endswith("is-48"))
        self.assertEqual(plot_latency.folded("copy-service", 9), "copy-\nservice")
        self.assertEqual(plot_page.short("d0", 12), "d0")

    def test_a_run_of_next_to_nothing(self):
        make_run(self.at("run"))
        write_csv(self.at("run", "writes.csv"), ["writer", "t_s", "latency_us", "bytes"],
                  [["dd-0", 0, 40, 65536]])
        run, = run_files.load(self.at("run"))[0]
        run.samples["flush"] = run.samples["flush"] * 0
        run.samples["nr_dirty_threshold"] = run.samples["nr_dirty_threshold"] * 100
        plot_style.use()
        threads = plot_flushers.flushers([run]).axes[-1]
        self.assertTrue(all(float(tick).is_integer() for tick in threads.get_yticks()))
        shown, = [axes for axes in plot_devices.memory([run]).axes if axes.get_title(loc="left")]
        self.assertIn("0.51 % of the dirty threshold", shown.get_title(loc="left"))
        curve = plot_latency.latency([run]).axes[1].lines[0]
        self.assertEqual((len(curve.get_xdata()), curve.get_marker()), (1, "o"))

    def test_every_reason_has_words(self):
        with open(os.path.join(ANALYSIS, "..", "models", "trace.cpp"), encoding="utf-8") as file:
            names = re.findall(r'case WriteReason::\w+:\s+return "(\w+)"', file.read())
        self.assertIn("background", names)
        self.assertEqual(set(names), set(plot_style.REASONS))

    def test_numbers_are_those_of_the_summary(self):
        make_run(self.at("run"))
        self.assertEqual(plot(self.at("run"), "--format", "svg").returncode, 0)
        for name, words in (("latency", "One write() in 1,000 takes at least 6.9 ms"),
                            ("latency", "2 fsync() calls, median 8 ms, longest 250 ms"),
                            ("memory", "Peak 1.59 MiB, 51 % of the dirty threshold"),
                            ("throughput", "d0: mean 1.05 MB/s while jobs run, "
                                           "slowest second 1.05"),
                            ("offset", "d0: 8 requests, 4 seeks"),
                            ("flushers", "Throttled writers write 31 % of the pages")):
            with open(self.at("run", "plots", f"{name}.svg"), encoding="utf-8") as file:
                self.assertIn(f"<!-- {words} -->", file.read())


class Refusals(InTemporaryDirectory):
    def refused(self, expected, *arguments, code=2):
        result = plot(*arguments)
        self.assertEqual(result.returncode, code, result.stderr)
        self.assertEqual(result.stdout, "")
        self.assertEqual(len(result.stderr.splitlines()), 1, result.stderr)
        self.assertTrue(result.stderr.startswith("plot.py: error: "), result.stderr)
        self.assertIn(expected, result.stderr)

    def test_directory_that_does_not_exist(self):
        self.refused("nowhere: no such directory", self.at("nowhere"))

    def test_file_instead_of_directory(self):
        with open(self.at("file"), "w", encoding="utf-8"):
            pass
        self.refused("file: not a directory", self.at("file"))

    def test_directory_without_a_run(self):
        os.mkdir(self.at("empty"))
        self.refused("holds no run", self.at("empty"))
        self.assertEqual(os.listdir(self.at("empty")), [])

    def test_summary_that_is_not_json(self):
        make_run(self.at("run"))
        with open(self.at("run", "summary.json"), "w", encoding="utf-8") as file:
            file.write("{")
        self.refused("summary.json: not JSON", self.at("run"))

    def test_files_of_another_shape(self):
        for name, words in (("summary.json", '{"writers": [1]}'),
                            ("summary.json", '{"devices": {"d0": 3}}'), ("summary.json", "[]"),
                            ("manifest.json", '{"scenario": {"devices": {}}}'),
                            ("manifest.json", '{"scenario": {"devices": ["d0"]}}'),
                            ("why.json", '{"schema": "wbsim-why/0", "writers": {}}'),
                            ("why.json", '{"schema": "wbsim-why/1", "writers": []}'),
                            ("why.json", '{"schema": "wbsim-why/1"}')):
            with self.subTest(f"{name} {words}"), tempfile.TemporaryDirectory() as folder:
                run = os.path.join(folder, "run")
                make_run(run)
                with open(os.path.join(run, name), "w", encoding="utf-8") as file:
                    file.write(words)
                self.refused(f"{name}: ", run)
                self.assertFalse(os.path.exists(os.path.join(run, "plots")))

    def test_table_without_a_column(self):
        make_run(self.at("run"))
        write_csv(self.at("run", "writes.csv"), ["writer", "t_s", "bytes"], [["dd-0", 0, 1]])
        self.refused("writes.csv: no column 'latency_us'", self.at("run"))

    def test_cell_that_is_not_a_number(self):
        make_run(self.at("run"))
        write_csv(self.at("run", "writes.csv"), ["writer", "t_s", "latency_us", "bytes"],
                  [["dd-0", 0, 1, 1], ["dd-0", 0, "fast", 1]])
        self.refused("writes.csv:3: column 'latency_us': 'fast' is not a number", self.at("run"))

    def test_torn_line(self):
        make_run(self.at("run"))
        with open(self.at("run", "samples.csv"), "a", encoding="utf-8") as file:
            file.write("4.1,7\n")
        self.refused("samples.csv:43: 2 fields, the header has 12", self.at("run"))

    def test_output_that_cannot_be_written(self):
        make_run(self.at("run"))
        with open(self.at("file"), "w", encoding="utf-8"):
            pass
        self.refused("cannot write", self.at("run"), "--out", self.at("file"), code=5)

    def test_nobody_reads_the_names(self):
        make_run(self.at("run"))
        read, write = os.pipe()
        os.close(read)
        with os.fdopen(write, "wb") as closed:
            result = subprocess.run([sys.executable, PLOT, self.at("run"), "--format", "png"],
                                    stdout=closed, stderr=subprocess.PIPE, text=True, check=False)
        self.assertEqual((result.returncode, result.stderr), (5, ""))

    def test_unknown_format(self):
        make_run(self.at("run"))
        result = plot(self.at("run"), "--format", "gif")
        self.assertEqual(result.returncode, 2)
        self.assertIn("'gif' is not one of png, svg", result.stderr)


class Loader(InTemporaryDirectory):
    def test_compared_runs_come_oldest_kernel_first(self):
        make_run(self.at("a"), "2.6.32", "bdi")
        make_run(self.at("b"), "2.6.9", "pdflush")
        runs, is_compare = run_files.load(self.here)
        self.assertTrue(is_compare)
        self.assertEqual([run.label for run in runs], ["pdflush (2.6.9)", "bdi (2.6.32)"])

    def test_variants_of_one_kernel_are_told_apart_by_directory(self):
        make_run(self.at("narrow"))
        make_run(self.at("wide"))
        self.assertEqual([run.label for run in run_files.load(self.here)[0]], ["narrow", "wide"])

    def test_rates_over_whole_seconds(self):
        make_run(self.at("run"))
        (run,), is_compare = run_files.load(self.at("run"))
        self.assertFalse(is_compare)
        edges, rates = run.per_second("d0_wr_sectors")
        self.assertEqual(list(edges), [0, 1, 2, 3, 4])
        for rate in rates:
            self.assertAlmostEqual(rate, 2048)
        self.assertEqual(run.devices, ["d0"])
        self.assertEqual(run.device_setting("d0", "nr_requests", 0), 128)


if __name__ == "__main__":
    unittest.main()
