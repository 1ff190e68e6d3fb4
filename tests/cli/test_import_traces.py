#!/usr/bin/python3
"""Recorded calls (fio I/O logs, strace, blkparse) as replays: what each line becomes, and when it
runs."""

import csv
import json
import shutil
import subprocess
import unittest

from wbsim_cli import CliTest

HEADER = "thread,start_ns,duration_ns,call,file,offset,length,flags\n"

STRACE = """\
100 1700000000.000000 openat(AT_FDCWD, "/usr/lib/libc.so", O_RDONLY) = 3 <0.000010>
100 1700000000.000100 read(3, "\\177ELF"..., 832) = 832 <0.000010>
100 1700000000.000200 close(3) = 0 <0.000010>
100 1700000000.100000 openat(AT_FDCWD, "/data/my log", O_RDWR|O_CREAT|O_TRUNC, 0644) = 3 <0.000020>
100 1700000000.200000 write(3, "a, \\")= \\"b"..., 8192) = 8192 <0.001000>
100 1700000000.300000 pwrite64(3, "x"..., 4096, 4096) = 4096 <0.000500>
100 1700000000.400000 fdatasync(3 <unfinished ...>
99 1700000000.410000 write(1, "hello", 5) = 5 <0.000001>
100 1700000000.450000 <... fdatasync resumed>) = 0 <0.050000>
100 1700000000.460000 dup2(3, 7) = 7 <0.000001>
100 1700000000.470000 lseek(7, 0, SEEK_SET) = 0 <0.000001>
100 1700000000.480000 write(3, "x"..., 100) = 100 <0.000001>
100 1700000000.490000 write(3, "x"..., 100) = -1 ENOSPC (No space left on device) <0.000001>
100 1700000000.500000 sync_file_range(3, 0, 8192, SYNC_FILE_RANGE_WAIT_BEFORE|\
SYNC_FILE_RANGE_WRITE) = 0 <0.000100>
100 1700000000.510000 clone(child_stack=NULL, flags=CLONE_CHILD_SETTID|SIGCHLD) = 101 <0.000100>
101 1700000000.520000 write(7, "y"..., 50) = 50 <0.000001>
100 1700000000.530000 --- SIGCHLD {si_signo=SIGCHLD} ---
100 1700000000.540000 close(3) = 0 <0.000001>
101 1700000000.550000 +++ exited with 0 +++
"""


class TraceTest(CliTest):
    def imported(self, form, text, *options):
        """(scenario, rows of the replay file)"""
        self.write(text, "trace")
        self.expect(0, "import", form, "trace", "--out", "made.json", "--force", *options)
        scenario = json.loads((self.dir / "made.json").read_text("utf-8"))
        with open(self.dir / "made.replay.csv", encoding="utf-8", newline="") as file:
            return scenario, list(csv.DictReader(file))

    def calls(self, form, text):
        return [(row["call"], int(row["offset"]), int(row["length"]))
                for row in self.imported(form, text)[1]]

    def refusal(self, form, text):
        self.write(text, "trace")
        error = self.expect(3, "import", form, "trace", "--out", "made.json").stderr
        self.assertEqual(self.names(), ["trace"])
        return error

    def summary(self, *options):
        return json.loads(self.expect(0, "run", "made.json", "--json", *options).stdout)


class Iolog(TraceTest):
    V2 = ("fio version 2 iolog\n/a add\n/a open\n/a write 0 4096\n/a wait 2000000 0\n"
          "/a write 4096 4096\n/a datasync 0 0\n/a close\n")
    V3 = ("fio version 3 iolog\n0 /a add\n5 /a open\n10 /a write 0 4096\n2000010 /a write 4096 "
          "4096\n"
          "2000020 /a sync 0 0\n2000030 /a close\n")

    def test_both_versions(self):
        for text, sync in ((self.V2, "fdatasync"), (self.V3, "fsync")):
            self.assertEqual(self.calls("iolog", text),
                             [("open", 0, 0), ("write", 0, 4096), ("write", 4096, 4096),
                              (sync, 0, 0), ("close", 0, 0)])

    def test_it_runs_at_its_times_or_as_fast_as_it_can(self):
        for text in (self.V2, self.V3):
            self.imported("iolog", text)
            writer = self.summary()["writers"]["iolog"]
            self.assertEqual(writer["write"]["clat_ns"]["N"], 2)
            self.assertEqual(writer["fsync"]["clat_ns"]["N"], 1)
            self.assertAlmostEqual(writer["end_s"], 2.0, delta=0.2)
            self.imported("iolog", text, "--closed-loop")
            self.assertLess(self.summary()["writers"]["iolog"]["end_s"], 0.2)

    def test_what_was_read_was_there(self):
        scenario, _ = self.imported(
            "iolog", "fio version 2 iolog\n/a add\n/a open\n/a read 0 8192\n")
        self.assertEqual(scenario["filesystems"][0]["files"], [{"name": "a", "size": "8KiB"}])

    def test_bad_lines(self):
        for line, reason in (("/a trim 0 4096", "trim: is not modelled"),
                             ("/a wriet 0 4096", 'did you mean "write"?'),
                             ("/b write 0 4096", "was not added"),
                             ("/a write x 4096", "whole numbers"),
                             ("/a write 0 0", "transfers nothing"), ("/a", "is no action")):
            with self.subTest(line):
                self.assertIn(reason, self.refusal("iolog", "fio version 2 iolog\n/a add\n" + line))
        self.assertIn("neither", self.refusal("iolog", "fio version 1 iolog\n"))
        self.assertIn("no call", self.refusal("iolog", "fio version 2 iolog\n"))


class Strace(TraceTest):
    def test_every_call(self):
        _, rows = self.imported("strace", STRACE)
        self.assertEqual(
            [(row["thread"], row["call"], int(row["offset"]), int(row["length"]), row["flags"])
             for row in rows],
            [("pid-100", "open", 0, 0, ""), ("pid-100", "write", 0, 8192, ""),
             ("pid-100", "write", 4096, 4096, ""), ("pid-100", "fdatasync", 0, 0, ""),
             ("pid-100", "write", 0, 100, ""),
             ("pid-100", "sync_file_range", 0, 8192, "wait_before+write"),
             ("pid-100", "close", 0, 0, ""), ("pid-101", "write", 100, 50, "")])

    def test_times(self):
        _, rows = self.imported("strace", STRACE)
        self.assertEqual([int(row["start_ns"]) for row in rows[:4]],
                         [0, 100_000_000, 200_000_000, 300_000_000])
        self.assertEqual(int(rows[3]["duration_ns"]), 50_000_000)

    def test_it_runs_with_its_think_times(self):
        self.imported("strace", STRACE)
        writers = self.summary()["writers"]
        self.assertEqual(writers["pid-100"]["write"]["clat_ns"]["N"], 3)
        self.assertGreater(writers["pid-100"]["end_s"], 0.3)
        self.assertAlmostEqual(writers["pid-101"]["start_s"], 0.42, delta=0.01)
        self.imported("strace", STRACE, "--closed-loop")
        self.assertLess(self.summary()["writers"]["pid-100"]["end_s"], 0.1)

    def test_appends_go_to_the_end(self):
        text = ("".join(f'1 1.{i}00000 openat(AT_FDCWD, "l", O_WRONLY|O_APPEND|O_CREAT, 0) = 4\n'
                        f'1 1.{i}50000 write(4, "x"..., 10) = 10\n' for i in range(3)))
        self.assertEqual([c for c in self.calls("strace", text) if c[0] == "write"],
                         [("write", 0, 10), ("write", 10, 10), ("write", 20, 10)])

    def test_a_child_speaks_before_fork_has_returned(self):
        text = ('1 1.000000 open("f", O_WRONLY|O_CREAT, 0) = 4\n'
                '1 1.100000 vfork( <unfinished ...>\n'
                '2 1.200000 write(4, "x"..., 10) = 10\n1 1.300000 <... vfork resumed>) = 2\n')
        self.assertIn(("write", 0, 10), self.calls("strace", text))

    def test_what_is_refused(self):
        opened = '1 1.000000 open("f", O_RDWR|O_CREAT, 0) = 4\n'
        for line, reason in (
                ("1 1.1 sendfile(4, 5, NULL, 100) = 100", "sendfile: is not modelled"),
                ("1 1.1 mmap(NULL, 4096, PROT_READ|PROT_WRITE, MAP_SHARED, 4, 0) = 0x7f00",
                 "shared mapping"),
                ("1 1.1 io_uring_setup(8, {}) = 5", "io_uring_setup"),
                ('1 1.1 open("g", O_WRONLY|O_SYNC) = 5', "O_SYNC"),
                ('write(4, "x", 1) = 1', "strace -f -ttt -T"),
                ("1 1.1 write(4", "is cut off")):
            with self.subTest(line):
                self.assertIn("line 2: ", self.refusal("strace", opened + line + "\n"))
                self.assertIn(reason, self.refusal("strace", opened + line + "\n"))

    @unittest.skipUnless(shutil.which("strace"), "strace is not installed")
    def test_a_real_recording(self):
        recorded = subprocess.run(
            ["strace", "-f", "-ttt", "-T", "-o", self.dir / "trace", "dd", "if=/dev/zero",
             f"of={self.dir}/out", "bs=64k", "count=8", "conv=fsync"], check=False,
            capture_output=True)
        if recorded.returncode:
            self.skipTest("strace may not trace here")
        self.imported("strace", (self.dir / "trace").read_text("utf-8"))
        writer, = self.summary()["writers"].values()
        self.assertEqual(writer["io_bytes"], 8 * 65536)
        self.assertEqual(writer["fsync"]["clat_ns"]["N"], 1)


class Blkparse(TraceTest):
    TEXT = ("  8,0    3        1     0.000000000   100  Q   W 2048 + 256 [dd]\n"
            "  8,0    3        2     0.000001000   100  G   W 2048 + 256 [dd]\n"
            "  8,0    3        3     0.000002000   100  D   W 2048 + 256 [dd]\n"
            "  8,16   0        1     0.500000000   200  Q  RS 0 + 8 [my prog]\n"
            "  8,0    3        4     0.600000000   100  Q FWS [dd]\n"
            "  8,0    3        5     0.700000000     0  C   W 2048 + 256 [0]\n"
            "CPU3 (8,0):\n Reads Queued:           0,        0KiB\n")

    def test_queued_requests_become_direct_transfers(self):
        scenario, rows = self.imported("blkparse", self.TEXT)
        self.assertEqual([d["name"] for d in scenario["devices"]], ["sda", "sdb"])
        self.assertEqual(
            [tuple(row[column] for column in ("thread", "start_ns", "call", "file", "offset",
                                              "length", "flags")) for row in rows],
            [("dd-100", "0", "write", "/dev/sda", "1048576", "131072", "direct"),
             ("my_prog-200", "500000000", "read", "/dev/sdb", "0", "4096", "direct")])

    def test_it_runs(self):
        self.imported("blkparse", self.TEXT)
        summary = self.summary()
        self.assertEqual(summary["devices"]["sda"]["wr_ios"], 1)
        self.assertEqual(summary["devices"]["sdb"]["rd_ios"], 1)

    def test_what_is_left_out_is_said(self):
        self.write(self.TEXT, "trace")
        self.assertIn("1 requests without data",
                      self.expect(0, "import", "blkparse", "trace", "-o", "made.json").stderr)

    def test_refusals(self):
        self.assertIn("discards", self.refusal("blkparse", "8,0 0 1 0.0 1 Q D 0 + 8 [x]\n"))
        self.assertIn("no Q and no D", self.refusal("blkparse", "nothing\n"))


class Replays(TraceTest):
    def scenario(self, replay, **keys):
        (self.dir / "calls.csv").write_text(replay, encoding="utf-8")
        return self.variant(workloads=[], replays=[{"name": "r", "file": "calls.csv", **keys}])

    def test_problems_name_the_line(self):
        for row, reason in (("1,0,0,wriet,fs0/f0,0,1,", 'did you mean "write"?'),
                            ("1,0,0,write,fs0/f0,0,1", "has 7 columns"),
                            ("1,-1,0,write,fs0/f0,0,1,", "not a whole number"),
                            ("1,0,0,write,,0,1,", "names no file"),
                            ("1,0,0,write,fs0/f0,0,512,sync", "is no flag of write"),
                            ("1,0,0,write,fs0/f0,1,512,direct", "whole sectors")):
            with self.subTest(row):
                error = self.expect(3, "run", self.scenario(HEADER + row + "\n")).stderr
                self.assertIn("/replays/0/file: calls.csv line 2: ", error)
                self.assertIn(reason, error)

    def test_what_it_names_must_be_there(self):
        row = HEADER + "1,0,0,write,{},{},512,\n"
        self.assertIn('did you mean "fs0/f0"?',
                      self.expect(3, "run", self.scenario(row.format("fs0/f1", 0))).stderr)
        self.assertIn("goes beyond the end",
                      self.expect(3, "run", self.scenario(row.format("fs0/f0", 1 << 40))).stderr)
        self.assertIn("cannot read it", self.expect(
            3, "run", self.variant(replays=[{"name": "r", "file": "absent.csv"}])).stderr)
        (self.dir / "calls.csv").write_text(row.format("/dev/d0", 1 << 44), encoding="utf-8")
        self.assertIn("what the page cache numbers of a file", self.expect(
            3, "run", self.variant(workloads=[], replays=[{"name": "r", "file": "calls.csv"}],
                                   filesystems=[],
                                   devices=[{"name": "d0", "capacity": "17TiB"}])).stderr)

    def test_threads(self):
        two = HEADER + "1,0,0,write,fs0/f0,0,512,\n2,0,0,write,fs0/f0,0,1024,\n"
        self.assertIn("several threads", self.expect(3, "run", self.scenario(two)).stderr)
        self.assertIn("no thread", self.expect(3, "run", self.scenario(two, thread="3")).stderr)
        summary = json.loads(
            self.expect(0, "run", self.scenario(two, thread="2"), "--json").stdout)
        self.assertEqual(summary["writers"]["r"]["io_bytes"], 1024)

    def test_the_manifest_knows_the_calls(self):
        hashes = []
        for length in (512, 1024):
            name = self.scenario(HEADER + f"1,0,0,write,fs0/f0,0,{length},\n")
            self.expect(0, "run", name, "--out", "out", "--force")
            manifest = json.loads((self.dir / "out" / "manifest.json").read_text("utf-8"))
            hashes.append(manifest["replays"]["r"])
        self.assertNotEqual(*hashes)



class RealRecorders(TraceTest):
    """What the programs themselves write, of a few calls made here."""

    def tool(self, name):
        program = shutil.which(name)
        if program is None:
            self.skipTest(f"{name} is not installed")
        return program

    def record(self, *command):
        done = subprocess.run(command, cwd=self.dir, check=False, capture_output=True, text=True,
                              timeout=60)
        return done.returncode == 0, done.stderr

    def test_what_fio_logs(self):
        fine, error = self.record(
            self.tool("fio"), "--name=a", f"--filename={self.dir}/data", "--size=256k", "--bs=16k",
            "--rw=randwrite", "--fsync=4", "--write_iolog=io.log", "--output=/dev/null")
        self.assertTrue(fine, error)
        _, calls = self.imported("iolog", (self.dir / "io.log").read_text("utf-8"))
        writes = [call for call in calls if call["call"] == "write"]
        self.assertEqual(sorted(int(call["offset"]) for call in writes),
                         [16384 * i for i in range(16)])
        self.assertGreaterEqual([call["call"] for call in calls].count("fsync"), 3)
        writer, = self.summary()["writers"].values()
        self.assertEqual(writer["io_bytes"], 256 << 10)

    def test_what_strace_shows(self):
        strace = self.tool("strace")
        fine, error = self.record(
            strace, "-f", "-ttt", "-T", "-o", "st.txt", "sh", "-c",
            "dd if=/dev/zero of=data bs=64k count=32 conv=fsync; echo hello >> log")
        if not fine:
            self.skipTest(f"strace may trace nothing here: {error.splitlines()[-1]}")
        scenario, calls = self.imported("strace", (self.dir / "st.txt").read_text("utf-8"))
        files = {f["name"] for fs in scenario["filesystems"] for f in fs["files"]}
        self.assertLessEqual({"data", "log"}, files)
        written = {}
        for call in calls:
            if call["call"] == "write":
                written.setdefault(call["file"], []).append(int(call["length"]))
        self.assertEqual(written["fs0/data"], [65536] * 32)
        self.assertEqual(written["fs0/log"], [6])
        self.assertIn(("fsync", "fs0/data"), {(call["call"], call["file"]) for call in calls})


if __name__ == "__main__":
    unittest.main()
