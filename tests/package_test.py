#!/usr/bin/python3
"""The Debian package: what is in it, and that it installs and runs in a clean system."""

import os
import pathlib
import shutil
import subprocess
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parent.parent
PROGRAM = pathlib.Path(os.environ.get("WBSIM", ROOT / "build" / "release" / "wbsim"))


def output(*command, **options):
    run = subprocess.run(command, capture_output=True, text=True, check=False, timeout=900,
                         **options)
    if run.returncode:
        raise AssertionError(f"{command}: {run.stdout}{run.stderr}")
    return run.stdout


@unittest.skipUnless(shutil.which("dpkg-shlibdeps"), "dpkg-dev is not installed")
class Package(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        holder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(holder.cleanup)
        cls.folder = pathlib.Path(holder.name)
        output("cpack", "-G", "DEB", "-B", cls.folder, cwd=PROGRAM.parent)
        cls.package, = cls.folder.glob("wbsim_*.deb")

    def test_contents(self):
        listing = output("dpkg-deb", "-c", self.package)
        for path in ("./usr/bin/wbsim", "./usr/share/man/man1/wbsim.1",
                     "./usr/share/bash-completion/completions/wbsim",
                     "./usr/share/wbsim/scenarios/one-writer.json",
                     "./usr/share/wbsim/analysis/plot.py", "./usr/share/doc/wbsim/copyright"):
            self.assertIn(path + "\n", listing + "\n")

    def test_dependencies_are_found_not_guessed(self):
        depends = output("dpkg-deb", "-f", self.package, "Depends")
        for library in ("libc6", "libstdc++6", "libboost-program-options"):
            self.assertIn(library, depends)

    @unittest.skipUnless(shutil.which("debootstrap") and os.geteuid() == 0,
                         "a clean system needs debootstrap and root")
    def test_installs_and_runs_in_a_clean_chroot(self):
        system = self.folder / "system"
        output("debootstrap", "--variant=minbase", "bookworm", system)
        shutil.copy(self.package, system / "wbsim.deb")
        output("chroot", system, "apt-get", "install", "-y", "--no-install-recommends",
               "./wbsim.deb", env={"DEBIAN_FRONTEND": "noninteractive", "PATH": os.environ["PATH"]})
        self.assertRegex(output("chroot", system, "wbsim", "--version"), r"^wbsim \d")
        scenarios = "/usr/share/wbsim/scenarios"
        self.assertIn("MB/s", output("chroot", system, "wbsim", "run",
                                     scenarios + "/one-writer.json"))
        output("chroot", system, "apt-get", "remove", "-y", "wbsim")
        self.assertFalse((system / "usr/share/wbsim").exists())


if __name__ == "__main__":
    unittest.main()
