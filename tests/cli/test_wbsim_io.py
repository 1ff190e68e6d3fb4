#!/usr/bin/python3
"""analysis/wbsim_io.py and plot_throttle.py: our traces and those of real tools become the same
frames, and the same pictures."""

import json
import shutil
import subprocess
import sys
import unittest

from test_trace import BUSY
from wbsim_cli import ROOT, CliTest

sys.path.insert(0, str(ROOT / "analysis"))

try:
    import wbsim_io
except ModuleNotFoundError:
    wbsim_io = None

from run_files import BadInput  # noqa: E402  (found through the path above)

NEEDS_PANDAS = unittest.skipUnless(wbsim_io, "pandas is not installed: Debian's python3-pandas")

# The same two events as four tools print them.
FTRACE = """# tracer: nop
#
              dd-2001    [000] .....     8.249627: balance_dirty_pages: bdi 8:0: limit=10895 \
setpoint=22096 dirty=33318 bdi_setpoint=22078 bdi_dirty=33312 dirty_ratelimit=102400 \
task_ratelimit=209000 dirtied=64 dirtied_pause=64 paused=0 pause=0 period=0 think=0 cgroup_ino=1
   kworker/u2:1-24      [000] d..1.     8.135019: writeback_start: bdi 8:0: sb_dev 0:0 \
nr_pages=32996 sync_mode=0 kupdate=1 range_cyclic=1 background=0 reason=periodic cgroup_ino=1
"""
TRACE_CMD = """cpus=1
              dd-2001  [000]     8.249627: balance_dirty_pages:  bdi 8:0: limit=10895 \
setpoint=22096 dirty=33318 bdi_setpoint=22078 bdi_dirty=33312 dirty_ratelimit=102400 \
task_ratelimit=209000 dirtied=64 dirtied_pause=64 paused=0 pause=0 period=0 think=0 cgroup_ino=1
    kworker/u2:1-24    [000]     8.135019: writeback_start:      bdi 8:0: sb_dev 0:0 \
nr_pages=32996 sync_mode=0 kupdate=1 range_cyclic=1 background=0 reason=periodic cgroup_ino=1
"""
PERF = """dd  2001 [000]     8.249627: writeback:balance_dirty_pages: bdi 8:0: limit=10895 \
setpoint=22096 dirty=33318 bdi_setpoint=22078 bdi_dirty=33312 dirty_ratelimit=102400 \
task_ratelimit=209000 dirtied=64 dirtied_pause=64 paused=0 pause=0 period=0 think=0 cgroup_ino=1
kworker/u2:1    24 [000]     8.135019: writeback:writeback_start: bdi 8:0: sb_dev 0:0 \
nr_pages=32996 sync_mode=0 kupdate=1 range_cyclic=1 background=0 reason=periodic cgroup_ino=1
"""
RECORDED = """# events seen (kept): writeback/balance_dirty_pages 1 (1)
0.249627 dd-2001 balance_dirty_pages bdi=8:0 limit=10895 setpoint=22096 dirty=33318 \
bdi_setpoint=22078 bdi_dirty=33312 dirty_ratelimit=102400 task_ratelimit=209000 dirtied=64 \
dirtied_pause=64 paused=0 pause=0 period=0 think=0
0.135019 kworker/u2:1-24 writeback_start name=8:0 nr_pages=32996 sb_dev=0 sync_mode=0 \
for_kupdate=1 range_cyclic=1 for_background=0 reason=3
"""
BPFTRACE = """Attaching 4 probes...
Tracing writeback... Hit Ctrl-C to end.
TIME      DEVICE   PAGES    REASON           ms
03:42:50  253:1    0        periodic         0.013
03:42:55  253:1    40       background       0.105
"""


@NEEDS_PANDAS
class Reading(CliTest):
    def frames(self, text, start=8.0):
        return wbsim_io.read_trace(self.dir / self.write(text, "trace.txt"), start)

    def test_four_tools_give_the_same_frames(self):
        ours = self.frames(FTRACE)
        self.assertEqual(set(ours), {"balance_dirty_pages", "writeback_start"})
        for text, start in ((TRACE_CMD, 8.0), (PERF, 8.0), (RECORDED, 0.0)):
            others = self.frames(text, start)
            for event, frame in ours.items():
                left = frame.round(6).to_dict("records")
                right = others[event].round(6)[frame.columns].to_dict("records")
                self.assertEqual(left, right)
        self.assertEqual(ours["writeback_start"]["comm"][0], "kworker/u2:1")
        self.assertEqual(ours["writeback_start"]["kupdate"][0], 1)

    def test_our_own_trace(self):
        self.expect(0, "run", self.write(BUSY), "--out", "out", "--trace", "ftrace")
        events = wbsim_io.read_run_trace(self.dir / "out")
        issued = events["block_rq_issue"]
        self.assertEqual(set(issued["dev"]), {"8,0", "8,16"})
        self.assertTrue((issued["bytes"] == 512 * issued["nr_sector"]).all())
        self.assertTrue(0 <= issued["t_s"].min() < 1)
        self.assertEqual(len(events["block_rq_complete"]), len(issued))
        self.assertEqual(len(wbsim_io.read(self.dir / "out")["requests"]), len(issued))

    def test_packed_files(self):
        self.write(FTRACE, "trace.txt")
        for program, end in (("xz", "xz"), ("gzip", "gz"), ("zstd", "zst")):
            if shutil.which(program) is None:
                continue
            subprocess.run([program, "-kq", "trace.txt"], cwd=self.dir, check=True, timeout=60)
            self.assertEqual(len(wbsim_io.read_trace(self.dir / f"trace.txt.{end}")), 2)

    def test_what_is_no_trace(self):
        for text in ("", "# tracer: nop\n", "hello\n", FTRACE + "hello\n"):
            with self.assertRaises(BadInput):
                self.frames(text)
        with self.assertRaises(BadInput):
            wbsim_io.read_trace(self.dir / "absent")

    def test_bpftrace_and_the_same_table_from_a_trace(self):
        table = wbsim_io.read_bpftrace(self.dir / self.write(BPFTRACE, "bpf.txt"))
        self.assertEqual(table["pages"].tolist(), [0, 40])
        self.assertEqual(table["reason"].tolist(), ["periodic", "background"])
        events = self.frames(RECORDED + """0.235019 kworker/u2:1-24 writeback_written name=8:0 \
nr_pages=996 sb_dev=0 sync_mode=0 for_kupdate=1 range_cyclic=1 for_background=0 reason=3
""", 0.0)
        done = wbsim_io.works(events)
        self.assertEqual(set(table.columns) & set(done.columns), {"bdi", "pages", "reason", "ms"})
        self.assertEqual(done[["pages", "reason"]].values.tolist(), [[32000, "periodic"]])
        self.assertAlmostEqual(done["ms"][0], 100, places=3)

    def test_blkparse(self):
        if shutil.which("blkparse") is None:
            self.skipTest("blkparse is not installed: it is in Debian's blktrace")
        self.expect(0, "run", self.write(BUSY), "--out", "out", "--trace", "blktrace,ftrace")
        text = subprocess.run(["blkparse", "-i", "d0", "-D", "out/blktrace"], cwd=self.dir,
                              check=True, capture_output=True, text=True, timeout=60).stdout
        table = wbsim_io.read_blkparse(self.dir / self.write(text, "blkparse.txt"))
        issued = wbsim_io.read_run_trace(self.dir / "out")["block_rq_issue"]
        ours = issued[issued["dev"] == "8,0"]
        theirs = table[table["action"] == "D"]
        self.assertEqual(theirs["sector"].astype(int).tolist(), ours["sector"].tolist())
        self.assertEqual(theirs["comm"].tolist(), ours["comm"].tolist())


@NEEDS_PANDAS
class Fio(CliTest):
    def real_fio(self):
        """What fio itself writes for a job that touches no disk."""
        fio = shutil.which("fio")
        if fio is None:
            self.skipTest("fio is not installed")
        subprocess.run([fio, "--name=dd", "--ioengine=null", "--rw=write", "--size=4m", "--bs=64k",
                        "--output=real.json", "--output-format=json", "--write_lat_log=real",
                        "--log_offset=1"],
                       cwd=self.dir, check=True, capture_output=True, timeout=60)
        return json.loads((self.dir / "real.json").read_text("utf-8"))

    def test_our_keys_are_fios(self):
        real = self.real_fio()["jobs"][0]
        self.expect(0, "run", self.variant(), "--out", "out")
        ours = json.loads((self.dir / "out/summary.json").read_text("utf-8"))["jobs"][0]

        def missing(mine, its, at=""):
            if not isinstance(mine, dict):
                return []
            return [f"{at}/{key}" for key in mine if key not in its] + [
                found for key in mine if key in its
                for found in missing(mine[key], its[key], f"{at}/{key}")]
        # The null engine never syncs, so that fio has no percentiles of it.
        self.assertEqual([key for key in missing(ours, real)
                          if not key.startswith(("/job options", "/sync/lat_ns/percentile"))], [])

    def test_real_and_simulated_results_are_one_frame(self):
        self.real_fio()
        self.expect(0, "run", self.variant(), "--out", "out", "--trace", "fio")
        real = wbsim_io.read_fio_json(self.dir / "real.json")
        ours = wbsim_io.read_fio_json(self.dir / "out/summary.json")
        self.assertEqual(list(real.columns), list(ours.columns))
        self.assertEqual(ours["io_bytes"].tolist(), [4 << 20])
        real_log = wbsim_io.read_fio_log(self.dir / "real_clat.1.log")
        our_log = wbsim_io.read_fio_log(self.dir / "out/fio/dd_clat.1.log")
        self.assertEqual(list(real_log.columns), list(our_log.columns))
        self.assertEqual((len(our_log), our_log["offset"].tolist()),
                         (len(real_log), real_log["offset"].tolist()))
        self.assertEqual(our_log["direction"].unique().tolist(),
                         real_log["direction"].unique().tolist())


@NEEDS_PANDAS
class Figures(CliTest):
    def draw(self, *arguments, code=0):
        result = subprocess.run(
            [sys.executable, "-B", str(ROOT / "analysis/plot_throttle.py"), *arguments],
            cwd=self.dir, check=False, capture_output=True, text=True, timeout=120)
        self.assertEqual(result.returncode, code, result.stderr)
        return result

    def throttled(self, name):
        lines = [RECORDED]
        for step in range(1, 40):
            for pid in (2001, 2002):
                lines.append(f"{step / 4:.6f} dd-{pid} balance_dirty_pages bdi=8:0 limit=10895 "
                             f"setpoint=9000 dirty={8000 + 20 * step} bdi_setpoint=8900 bdi_dirty="
                             f"{7900 + 20 * step} dirty_ratelimit=51200 task_ratelimit=50000 "
                             "dirtied=64 dirtied_pause=64 paused=0 pause=20 period=24 think=4\n")
            lines.append(f"{step / 4:.6f} dd-2001 bdi_dirty_ratelimit bdi=8:0 write_bw=51200 "
                         "avg_write_bw=51000 dirty_rate=50000 dirty_ratelimit=51200 "
                         "task_ratelimit=50000 balanced_dirty_ratelimit=50100\n")
            lines.append(f"{step / 4:.6f} dd-2001 global_dirty_state nr_dirty=7000 "
                         "nr_writeback=900 background_thresh=5000 dirty_thresh=11000 "
                         "dirty_limit=10895 nr_dirtied=9 nr_written=1\n")
        return self.write("".join(lines), name)

    def test_five_figures_with_and_without_a_recording(self):
        trace = self.throttled("trace.txt")
        for more in ((), ("--real", self.throttled("real.txt"))):
            self.draw(trace, *more, "--out", "plots", "--format", "svg")
            pictures = sorted(path.name for path in (self.dir / "plots").iterdir())
            self.assertEqual(pictures, [f"throttle-{name}.svg" for name in
                                        ("bdi_dirty", "dirty", "pauses", "progress", "rates")])

    def test_a_run_of_our_own(self):
        self.expect(0, "run", self.write(BUSY), "--kernel", "6.1", "--out", "out", "--trace",
                    "ftrace")
        self.draw("out", "--real", self.throttled("real.txt"), "--format", "png")
        self.assertEqual(len(list((self.dir / "out/plots").iterdir())), 5)

    def test_the_example_compares_the_two(self):
        result = subprocess.run(
            [sys.executable, "-B", str(ROOT / "analysis/example_real_and_simulated.py"),
             self.throttled("trace.txt"), self.throttled("real.txt"), "plots"],
            cwd=self.dir, check=True, capture_output=True, text=True, timeout=120)
        words = [line.split()[1:] for line in result.stdout.splitlines()
                 if line.startswith(("simulated ", "real "))]
        self.assertEqual(words[0], words[1])
        self.assertEqual(words[0][:4], ["78", "pauses,", "1.56", "s"])
        self.assertEqual(len(list((self.dir / "plots").iterdir())), 5)

    def test_the_example_lays_a_run_over_a_recording(self):
        self.expect(0, "run", self.variant(), "--kernel", "2.6.31", "--out", "out")
        recorded = ROOT / "tests/reference/2.6.31/P6"
        result = subprocess.run(
            [sys.executable, "-B", str(ROOT / "analysis/example_real_and_simulated.py"), "out",
             str(recorded), "plots"],
            cwd=self.dir, check=True, capture_output=True, text=True, timeout=120)
        self.assertRegex(result.stdout, r"(?m)^samples +\d+ +\d+$")
        self.assertRegex(result.stdout, r"(?m)^real +\d+ writes, ")
        self.assertEqual([path.name for path in (self.dir / "plots").iterdir()],
                         ["example-dirty.png"])
        ours, real = wbsim_io.read(self.dir / "out"), wbsim_io.read(recorded)
        self.assertEqual(set(real), {"samples", "writes", "fsync", "requests"})
        for name in ("writes", "fsync"):
            self.assertLessEqual(set(real[name].columns), set(ours[name].columns))
        self.assertLessEqual({"t_s", "nr_dirty", "nr_writeback", "d0_wr_sectors", "pdflush"},
                             set(ours["samples"].columns) & set(real["samples"].columns))

    def test_a_trace_in_which_nobody_was_throttled(self):
        self.expect(0, "run", self.variant(), "--out", "out", "--trace", "ftrace")
        self.assertIn("nobody was throttled", self.draw("out", code=2).stderr)
        self.draw("absent", code=2)


if __name__ == "__main__":
    unittest.main()
