"""Signals end every command with a status of its own, and leave nothing half-written or running."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from spatialkit.files import info, read, write

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
# Commands that take seconds, in a folder with the songs.
COMMANDS = {
    "upmix": "upmix a.wav -o out/new.wav -O layout=22.2",
    "batch": "upmix a.wav b.wav -o out/ --jobs 2 -O layout=22.2",
    "serial batch": "upmix a.wav b.wav -o out/ -O layout=22.2",
    "render": "render room.wav -o out/new.wav --to 22.2",
    "decode": "decode scene.wav -o out/new.wav --layout 22.2",
    "encode": "encode a.wav -o out/new.wav --azimuth 0,90",
    "downmix": "downmix room.wav -o out/new.flac",
    "evaluate": "evaluate a.wav b.wav",
    "train": "train style-vae --stems procedural --out out/run --minutes 10",
}
WHOLE_GROUP = pytest.mark.parametrize("group", [False, True], ids=["leader", "group"])


@pytest.fixture(scope="module")
def songs(tmp_path_factory):
    """Folder with songs that take seconds to process."""
    folder = tmp_path_factory.mktemp("songs")
    rng = np.random.default_rng(0)
    for name, format, channels in (("a", None, 2), ("scene", "ambix1", 4), ("room", "5.1", 6)):
        noise = rng.uniform(-0.1, 0.1, (channels, 4_000_000)).astype(np.float32)
        write(folder / f"{name}.wav", noise, 48000, format=format)
    os.link(folder / "a.wav", folder / "b.wav")
    return folder


@pytest.fixture
def folder(songs, tmp_path):
    """Folder with links to the songs, and a folder for outputs."""
    for path in songs.iterdir():
        (tmp_path / path.name).symlink_to(path)
    (tmp_path / "out").mkdir()
    return tmp_path


def restore_signals():
    """Undo what a background job of a shell inherits."""
    for number in SIGNALS:
        signal.signal(number, signal.SIG_DFL)


def start(folder, command, **options):
    """Start a command in a group of its own, and wait until it handles signals."""
    process = subprocess.Popen(
        [sys.executable, "-m", "spatialkit", *COMMANDS[command].split()],
        cwd=folder,
        start_new_session=True,
        preexec_fn=restore_signals,
        **{"stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE, "text": True, **options},
    )
    wait_until(lambda: handles_signals(process.pid))
    assert process.poll() is None
    return process


def handles_signals(pid):
    (caught,) = (
        line.split()[1]
        for line in Path(f"/proc/{pid}/status").read_text().splitlines()
        if line.startswith("SigCgt")
    )
    return bool(int(caught, 16) >> (signal.SIGTERM - 1) & 1)


def wait_until(condition):
    deadline = time.monotonic() + 60.0
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def is_writing(folder):
    return any(folder.rglob(".spatialkit-*"))


def end(process, number, group):
    """Send a signal, and return the status of the process and what it printed."""
    (os.killpg if group else os.kill)(process.pid, number)
    _, errors = process.communicate(timeout=60)
    wait_until(lambda: not has_members(process.pid))
    return process.returncode, errors.strip()


def has_members(group):
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


def outputs(folder):
    return [path for path in (folder / "out").rglob("*") if path.suffix != ".jsonl"]


def require_nothing(folder, command):
    made = outputs(folder)
    if command == "train":  # the run directory may exist, without a step
        made = [path for path in made if path.name not in ("run", ".lock", "config.json")]
    assert made == []


def require_whole(folder, command):
    """Nothing, or a file that was complete when the signal arrived."""
    whole = [path for path in outputs(folder) if path.name == "new.wav"]
    for path in whole:
        assert read(path).samples.shape[1] == info(path).samples > 0
        path.unlink()
    require_nothing(folder, command)


@WHOLE_GROUP
@pytest.mark.parametrize("number", SIGNALS)
@pytest.mark.parametrize("command", ["upmix", "batch", "serial batch"])
def test_a_signal_ends_an_upmix_that_writes(folder, command, number, group):
    process = start(folder, command)
    wait_until(lambda: is_writing(folder))
    assert end(process, number, group) == (128 + number, "interrupted")
    require_nothing(folder, command)


@WHOLE_GROUP
@pytest.mark.parametrize("command", ["render", "decode", "encode", "downmix"])
def test_a_signal_ends_a_conversion_that_writes(folder, command, group):
    process = start(folder, command)
    wait_until(lambda: is_writing(folder))
    assert end(process, signal.SIGTERM, group) == (128 + signal.SIGTERM, "interrupted")
    require_nothing(folder, command)


@pytest.mark.parametrize("worker", [False, True])
def test_an_interruption_in_a_callback_of_compiled_code_is_repeated(worker):
    """Compiled code continues after such an error, which Python only prints."""
    script = (
        "import ctypes, signal, sys, time\n"
        "from spatialkit import interrupts\n"
        "def command():\n"
        "    try:\n"
        "        ctypes.CFUNCTYPE(None)(lambda: signal.raise_signal(signal.SIGUSR1))()\n"
        "        time.sleep(60)\n"
        "    except KeyboardInterrupt:\n"
        "        return interrupts.report()\n"
        "sys.exit(interrupts.exit_status(command))"
    )
    if worker:
        script = script.replace("interrupts.exit_status(command)", "command()")
        script = script.replace(
            "def command", "interrupts.ignore_signals(signal.SIGUSR1)\ndef command"
        )
    else:
        script = script.replace("SIGUSR1", "SIGTERM")
    done = subprocess.run(
        [sys.executable, "-c", script],
        preexec_fn=restore_signals,
        timeout=20,
        capture_output=True,
        text=True,
    )
    number = signal.SIGUSR1 if worker else signal.SIGTERM
    assert (done.returncode, done.stderr) == (128 + number, "interrupted\n")


@pytest.mark.parametrize("number", SIGNALS)
def test_an_interruption_of_evaluated_text_has_the_same_status(tmp_path, number):
    """After that, ``python -m`` ends by SIGINT, see `spatialkit.interrupts`."""
    code = f"import signal; signal.raise_signal({int(number)})"
    script = (
        "import signal, sys\n"
        "from spatialkit import interrupts\n"
        "def command():\n"
        "    try:\n"
        f"        exec({code!r})\n"
        "    except KeyboardInterrupt:\n"
        "        return interrupts.report()\n"
        "sys.exit(interrupts.exit_status(command))"
    )
    (tmp_path / "program.py").write_text(script)
    line = [sys.executable, "-m", "program"]
    done = subprocess.run(line, cwd=tmp_path, preexec_fn=restore_signals)
    assert done.returncode == 128 + number


@pytest.mark.parametrize(("moment", "number"), [(0.0, 2), (0.0, 15), (0.02, 1), (0.05, 2)])
def test_a_signal_during_the_imports_prints_no_traceback(folder, moment, number):
    process = start(folder, "evaluate")
    time.sleep(moment)
    assert end(process, number, False) == (128 + number, "interrupted")


def test_no_large_module_is_imported_before_signals_are_handled():
    loaded = subprocess.run(
        [sys.executable, "-X", "importtime", "-c", "import spatialkit"],
        capture_output=True,
        text=True,
        check=True,
    ).stderr
    names = [line.rpartition("|")[2].strip() for line in loaded.splitlines()]
    assert not {"numpy", "click"} & set(names[: names.index("spatialkit.interrupts")])


def test_a_second_exception_of_an_interruption_prints_nothing_more():
    code = """if True:
        from spatialkit import interrupts
        def command():
            interrupts.report()
            raise KeyboardInterrupt
        raise SystemExit(interrupts.exit_status(command))
    """
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (130, "interrupted\n")


@pytest.mark.slow
@WHOLE_GROUP
@pytest.mark.parametrize("moment", [0.05, 0.1, 0.2, 0.5, 1.0, 2.0])
@pytest.mark.parametrize("number", SIGNALS)
@pytest.mark.parametrize("command", COMMANDS)
def test_a_signal_at_any_moment_ends_a_command(folder, command, number, moment, group):
    process = start(folder, command)
    time.sleep(moment)
    if process.poll() is None:
        status, errors = end(process, number, group)
    else:
        status, errors = 0, process.communicate()[1]
    if errors:
        assert (status, errors) == (128 + number, "interrupted")
        require_whole(folder, command)
    else:  # it was complete, and Python was about to end
        assert status in (0, -number)
        assert command in ("downmix", "evaluate", "encode", "render", "decode")


def test_a_second_signal_does_not_interrupt_the_end(folder):
    """`timeout` sends a signal to the process and to its group."""
    process = start(folder, "batch")
    wait_until(lambda: is_writing(folder))
    for _ in range(3):
        os.killpg(process.pid, signal.SIGTERM)
        time.sleep(0.01)
    assert end(process, signal.SIGTERM, True) == (128 + signal.SIGTERM, "interrupted")
    require_nothing(folder, "batch")


@pytest.mark.parametrize("command", ["upmix", "batch"])
def test_a_closed_terminal_ends_a_command(folder, command):
    leader, terminal = os.openpty()
    process = start(folder, command, stdin=terminal, stdout=terminal, stderr=terminal)
    os.close(terminal)
    wait_until(lambda: is_writing(folder))
    os.close(leader)  # SIGHUP only reaches the group of a terminal that is its own
    os.killpg(process.pid, signal.SIGHUP)
    assert process.wait(60) == 128 + signal.SIGHUP
    wait_until(lambda: not has_members(process.pid))
    require_nothing(folder, command)


def test_another_program_that_imports_the_package_handles_its_signals(tmp_path):
    (tmp_path / "program").mkdir()
    (tmp_path / "program/__init__.py").write_text("import spatialkit")
    (tmp_path / "program/__main__.py").write_text(
        "import os, signal\n"
        "try:\n"
        "    os.kill(os.getpid(), signal.SIGINT)\n"
        "except KeyboardInterrupt:\n"
        "    print('handled')"
    )
    line = [sys.executable, "-m", "program", "-m", "spatialkit"]
    done = subprocess.run(
        line, cwd=tmp_path, preexec_fn=restore_signals, capture_output=True, text=True
    )
    assert (done.stdout, done.returncode) == ("handled\n", 0)


def test_ignored_signals_stay_ignored(folder):
    """As with nohup, and Ctrl-C in the background."""
    process = subprocess.Popen(
        [sys.executable, "-c", "import sys; sys.argv = ['spatialkit']; import spatialkit; input()"],
        stdin=subprocess.PIPE,
        preexec_fn=lambda: [signal.signal(number, signal.SIG_IGN) for number in SIGNALS],
    )
    for number in SIGNALS:
        time.sleep(0.1)
        process.send_signal(number)
    process.communicate(b"\n")
    assert process.returncode == 0


def test_workers_end_when_their_leader_is_killed(folder):
    process = start(folder, "batch")
    wait_until(lambda: is_writing(folder))
    process.kill()
    process.communicate(timeout=60)  # until the last worker closes the pipe
    assert process.returncode == -signal.SIGKILL
    wait_until(lambda: not has_members(process.pid))
    assert not list((folder / "out").glob("*.wav"))
