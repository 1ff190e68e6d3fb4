"""How a script of this folder ends where it cannot go on: in one line with the place and the cure.

Imported before other packages, it also says what to install where one of them is missing.
"""
import os
import pathlib
import sys

EXIT_USAGE, EXIT_OUTPUT = 2, 5
PACKAGES = ("matplotlib", "numpy", "pandas")


class Unusable(Exception):
    """An argument, or what it names, is of no use; the text says which and why."""


class _Missing:
    """The last place where modules are looked for."""

    def find_spec(self, name, *_):
        if name in PACKAGES:
            print(f"{program()}: error: {sys.executable} has no {name}: install Debian's "
                  f"python3-{name} and run it with /usr/bin/python3", file=sys.stderr)
            raise SystemExit(EXIT_USAGE)


sys.meta_path.append(_Missing())


def program():
    return os.path.basename(sys.argv[0])


def run(main, *refusals):
    """Ends the script with what main() returns; these exceptions say what is wrong in one line."""
    try:
        code = main()
    except (Unusable, *refusals) as error:
        print(f"{program()}: error: {error}", file=sys.stderr)
        code = EXIT_USAGE
    except BrokenPipeError:  # nobody reads any more: no news to anybody
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = EXIT_OUTPUT
    except OSError as error:
        print(f"{program()}: error: cannot write {error.filename or 'output'}: {error.strerror}",
              file=sys.stderr)
        code = EXIT_OUTPUT
    sys.exit(code)


def check_wbsim(path):
    if not path.is_file():
        raise Unusable(f"{path}: no such program (build it, or say --wbsim)")
    if not os.access(path, os.X_OK):
        raise Unusable(f"{path}: no program (say --wbsim)")


def check_outputs(files, folders):
    """Before a long run: that its results can be written. None stands for one that is not."""
    for path in filter(None, files):
        if path.is_dir():
            raise IsADirectoryError(0, "it is a directory", str(path))
        if not path.parent.is_dir():
            raise FileNotFoundError(0, "there is no such directory", str(path.parent))
    for path in filter(None, folders):
        existing = next(place for place in (path, *path.absolute().parents) if place.exists())
        if not pathlib.Path(existing).is_dir():
            raise NotADirectoryError(0, "it is a file", str(existing))
