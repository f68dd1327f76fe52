"""``spatialkit upmix`` on many files: no file is lost, repeated or truncated."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from spatialkit.__main__ import main
from spatialkit.commands.batches import RecordLog, read_records
from spatialkit.commands.upmix import job as upmix_job
from spatialkit.commands.upmix.files import in_shard
from spatialkit.commands.upmix.job import BatchJob, staging_folder, upmix_in_batch
from spatialkit.errors import AudioFileError
from spatialkit.files import info, read, write
from spatialkit.layouts import get_layout
from spatialkit.upmixing import Upmixer, UpmixJob, get_upmixer, registry, upmix_file

RATE = 44100
LENGTH = 150_000  # samples: two blocks and a fraction
NAMES = ("a.wav", "b.flac", "one/a.wav", "one/c d.wav", "two/three/é.ogg", "two/g.wav")
OUTPUTS = tuple(sorted(str(Path(name).with_suffix(".wav")) for name in NAMES))

# An upmixer of another package, which kills its process in the middle of a file, so many times.
DEADLY = '''
import os, signal
from dataclasses import dataclass
from pathlib import Path
from spatialkit import Upmixer, get_layout
from spatialkit.upmixing import option

@dataclass(frozen=True)
class Options:
    """Options of Deadly."""
    kills: int = option(0, "How often it kills.", minimum=0)
    slow: bool = option(False, "Whether it takes its time.")

class Deadly(Upmixer):
    """Kills its process."""
    name = "deadly"
    accepts = (1, 2)
    format = get_layout("stereo")
    options_class = Options
    memoryless = True
    marks = Path(__file__).parent / "marks"

    def __init__(self, **options):
        super().__init__(**options)
        with (self.marks / f"made-{os.getpid()}").open("a") as file:
            file.write("made\\n")

    def _upmix(self, audio, sample_rate):
        if self.options.slow:
            __import__("time").sleep(0.1)
        if 0 < audio.shape[1] < 65536:  # the last block
            for number in range(self.options.kills):
                try:
                    (self.marks / f"kill-{number}").touch(exist_ok=False)
                except FileExistsError:
                    continue
                os.kill(os.getpid(), signal.SIGKILL)
        return 0.5 * audio[[0, -1]]
'''


@pytest.fixture(scope="module")
def songs(tmp_path_factory):
    """Write six songs in subfolders of a folder, with files that are no songs."""
    rng = np.random.default_rng(20261121)
    folder = tmp_path_factory.mktemp("songs")
    for name in NAMES:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        write(path, rng.uniform(-0.2, 0.2, (2, LENGTH)).astype(np.float32), RATE)
    (folder / "cover.jpg").write_text("a picture")
    (folder / ".hidden.wav").write_text("a shadow of a file")
    return folder


@pytest.fixture
def album(songs, tmp_path, monkeypatch):
    """Copy the songs to ``album`` in a new folder, which becomes the current one."""
    monkeypatch.chdir(tmp_path)
    shutil.copytree(songs, "album")
    return tmp_path


@pytest.fixture
def deadly(tmp_path, monkeypatch):
    """Install the upmixer "deadly" and return its folder, with the marks that it leaves."""
    folder = tmp_path / "plug-in"
    installed = folder / "deadly-1.0.dist-info"
    installed.mkdir(parents=True)
    (folder / "marks").mkdir()
    (folder / "deadly.py").write_text(DEADLY)
    (installed / "METADATA").write_text("Metadata-Version: 2.1\nName: deadly\nVersion: 1.0\n")
    (installed / "entry_points.txt").write_text("[spatialkit.upmixers]\ndeadly = deadly:Deadly\n")
    monkeypatch.syspath_prepend(folder)
    monkeypatch.setenv("PYTHONPATH", str(folder))
    monkeypatch.delitem(sys.modules, "deadly", raising=False)
    return folder


def run_command(line):
    """Run a command and return its exit status."""
    return main(line.split())


def upmix(line):
    """Run ``upmix`` with a fast upmixer, where the files and records are tested."""
    return run_command(f"upmix {line} --upmixer matrix")


def found(folder):
    """Return all files in a folder, including hidden ones."""
    folder = Path(folder)
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def logged(path="out/upmix.jsonl"):
    return [json.loads(line) for line in Path(path).read_text().splitlines()]


def require_whole(folder, upmixer):
    """Assert that every output equals the upmix of its source, and that there is no other file."""
    assert [name for name in found(folder) if not name.endswith(".jsonl")] == list(OUTPUTS)
    for name in NAMES:
        source = read(Path("album", name))
        made = read(Path(folder, name).with_suffix(".wav"))
        expected = upmixer.upmix(source.samples, RATE)
        np.testing.assert_allclose(made.samples, expected, rtol=0, atol=1e-6)


def test_audio_of_every_kind_in_a_folder_is_upmixed(tmp_path, monkeypatch, capsys):
    """The contents count, not the names: this is WAV everywhere."""
    monkeypatch.chdir(tmp_path)
    Path("album").mkdir()
    write("song.wav", np.zeros((2, 100)), RATE)
    kinds = ("ape", "caf", "dff", "DSF", "dts", "mpc", "tak", "w64")
    for kind in kinds:
        Path("album", f"{kind}.{kind}").write_bytes(Path("song.wav").read_bytes())
    assert upmix("album -o out") == 0
    assert {record["name"] for record in logged()} == {f"{kind}.wav" for kind in kinds}


@pytest.mark.parametrize("jobs", [1, 2])
def test_a_folder_is_upmixed_with_its_structure_and_a_record_of_each_file(album, capsys, jobs):
    assert run_command(f"upmix album -o out --layout 7.1.4 --jobs {jobs}") == 0
    require_whole("out", get_upmixer("ambience", layout="7.1.4"))
    captured = capsys.readouterr()
    assert captured.err == ""
    assert captured.out.endswith("6 done; records: out/upmix.jsonl\n")
    assert captured.out.count("by ambience; downmix SNR") == 6
    assert max(map(len, captured.out.splitlines())) <= 80
    records = {record["name"]: record for record in logged()}
    assert sorted(records) == list(OUTPUTS)
    record = records["one/c d.wav"]
    assert record["input"] == "album/one/c d.wav"
    assert record["output"] == "out/one/c d.wav"
    assert (record["status"], record["format"], record["channels"]) == ("done", "7.1.4", 12)
    assert record["duration"] == LENGTH / RATE
    assert record["size"] == Path(record["output"]).stat().st_size
    assert 0.0 < record["seconds"] < 100.0
    assert -20.0 < record["peak_db"] < 0.0
    assert record["downmix_error_db"] > 100.0
    assert record["downmix_correction_db"] < 0.0
    assert abs(record["source"]["balance_db"]) < 0.2


@pytest.mark.parametrize("jobs", [1, 2])
def test_an_error_does_not_stop_the_batch_and_is_printed(album, capsys, jobs):
    (album / "album" / "one" / "bad.wav").write_text("no sound\n" * 20)
    assert upmix(f"album -o out --json --jobs {jobs}") == 1
    captured = capsys.readouterr()
    sentence = "album/one/bad.wav is not a supported audio file"
    assert captured.err == f"Error: {sentence}\n"
    printed = json.loads(captured.out)
    assert [record["status"] for record in printed].count("done") == 6
    (failed,) = (record for record in printed if record["status"] == "failed")
    assert (failed["name"], failed["error"]) == ("one/bad.wav", sentence)
    assert printed == sorted(logged(), key=lambda record: printed.index(record))
    require_whole("out", get_upmixer("matrix"))
    assert upmix("album -o out --resume --debug") == 1
    assert capsys.readouterr().err.startswith("Traceback")


def test_resume_skips_finished_files_and_repeats_the_rest(album, capsys):
    assert upmix("album -o out") == 0
    stamps = {name: Path("out", name).stat().st_mtime_ns for name in OUTPUTS}

    def repeated():
        changed = [name for name in OUTPUTS if Path("out", name).stat().st_mtime_ns != stamps[name]]
        stamps.update({name: Path("out", name).stat().st_mtime_ns for name in OUTPUTS})
        return changed

    assert upmix("album -o out") == 2  # without --resume nothing is touched
    assert "exists: add --force" in capsys.readouterr().err
    assert upmix("album -o out --resume") == 0
    assert capsys.readouterr().out == "0 done, 6 skipped; records: out/upmix.jsonl\n"
    assert repeated() == []
    assert len(logged()) == 6
    # Cut off, or gone.
    whole = Path("out/a.wav").read_bytes()
    Path("out/a.wav").write_bytes(whole[:-100])
    Path("out/two/g.wav").unlink()
    stamps["two/g.wav"] = 0
    assert upmix("album -o out --resume") == 0
    assert repeated() == ["a.wav", "two/g.wav"]
    assert Path("out/a.wav").read_bytes() == whole
    # Other content.
    write("album/b.flac", 0.5 * read("album/b.flac").samples, RATE, overwrite=True)
    assert upmix("album -o out --resume") == 0
    assert repeated() == ["b.wav"]
    # Other options; those of before are not taken for them, nor for each other.
    for option in ("-O ambience=-3", "-O ambience=-4", "-O ambience=-3"):
        assert upmix(f"album -o out --resume {option}") == 0
        assert repeated() == list(OUTPUTS)
    # An explicit default equals the default.
    assert upmix("album -o out --resume --force --subtype PCM_16") == 0
    assert repeated() == list(OUTPUTS)
    assert info("out/a.wav").subtype == "PCM_16"
    assert upmix("album -o out --resume") == 0
    assert repeated() == list(OUTPUTS)
    assert upmix("album -o out --resume --layout 5.1 --subtype FLOAT") == 0
    assert repeated() == []
    require_whole("out", get_upmixer("matrix"))


def test_resume_repeats_everything_for_another_version(album, capsys, monkeypatch):
    assert upmix("album -o out") == 0
    monkeypatch.setattr("spatialkit._version.__version__", "9.9")
    assert upmix("album -o out --resume") == 0
    assert capsys.readouterr().out.endswith("6 done; records: out/upmix.jsonl\n")


def test_resume_never_replaces_foreign_files(album, capsys):
    (album / "out").mkdir()
    (album / "out" / "a.wav").write_text("of somebody else")
    for _ in range(2):  # a record of the failure makes it no less somebody else's
        assert upmix("album -o out --resume") == 1
        assert capsys.readouterr().err == "Error: out/a.wav exists: add --force to replace it\n"
        assert (album / "out" / "a.wav").read_text() == "of somebody else"
    assert upmix("album -o out --resume --force") == 0
    require_whole("out", get_upmixer("matrix"))


def test_a_truncated_record_is_written_again(album, monkeypatch):
    """The staging folder is kept until the record is on the disk."""
    with monkeypatch.context() as patch:
        patch.setattr("shutil.rmtree", lambda *arguments, **options: None)
        assert upmix("album -o out") == 0
    log = Path("out/upmix.jsonl")
    lines = log.read_text().splitlines(keepends=True)
    log.write_text("".join(lines)[:-30])
    stamps = [Path("out", name).stat().st_mtime_ns for name in OUTPUTS]
    assert len(list(Path("out").rglob(".spatialkit-*"))) == 6
    assert upmix("album -o out --resume") == 0
    assert [Path("out", name).stat().st_mtime_ns for name in OUTPUTS] == stamps
    again = log.read_text().splitlines(keepends=True)
    assert again[:5] == lines[:5]
    assert len(again) == 7
    assert json.loads(again[6])["source"] == json.loads(lines[5])["source"]
    assert len(read_records([log, Path("nothing.jsonl")])) == 6
    assert not list(Path("out").rglob(".spatialkit-*"))


HOSTILE_LINES = (
    *(
        "",
        "null",
        "[]",
        "7",
        '"text"',
        "{",
        '{"name": []}',
        "[" * 100_000,
        '{"size": 1' + "0" * 5000,
    ),
    '{"status": "done", "name": ["a.wav"], "key": 1, "size": 2, "time": {}}',
    '{"status": ["done"], "name": {"a": 1}, "key": [], "size": {}}',
    '{"status": "done", "name": "a.wav", "key": {}, "size": []}',
    '{"status": "done", "reference": [], "estimate": {}, "layout": 5, "key": 1}',
)


def test_resume_ignores_lines_that_are_no_records(album):
    assert upmix("album -o out") == 0
    log = Path("out/upmix.jsonl")
    whole = log.read_text()
    log.write_text("\n".join(("{}", *HOSTILE_LINES, "")) + whole)
    stamps = [Path("out", name).stat().st_mtime_ns for name in OUTPUTS]
    assert upmix("album -o out --resume") == 0
    assert [Path("out", name).stat().st_mtime_ns for name in OUTPUTS] == stamps
    log.write_text("\n".join(("{}", *HOSTILE_LINES, "")))
    assert upmix("album -o out --resume --force") == 0
    require_whole("out", get_upmixer("matrix"))


def test_records_are_added_whole_and_in_lines(tmp_path):
    path = tmp_path / "log.jsonl"
    for numbers in (range(25), range(25, 50)):
        with RecordLog(path) as log:
            for number in numbers:
                log.add({"number": number, "level": float("-inf")})
    assert logged(path) == [{"number": number, "level": "-inf"} for number in range(50)]
    with pytest.raises(AudioFileError, match="cannot be written"):
        RecordLog(tmp_path / "nowhere" / "log.jsonl")


def test_two_batches_do_not_write_to_one_log(album, capsys):
    assert upmix("album/a.wav album/b.flac -o out") == 0
    stamps = [Path("out", name).stat().st_mtime_ns for name in ("a.wav", "b.wav")]
    staging = staging_folder(Path("out/a.wav"))  # of the other batch
    staging.mkdir()
    with RecordLog(Path("out/upmix.jsonl")):
        assert upmix("album/a.wav album/b.flac -o out --force") == 2
    error = capsys.readouterr().err
    assert error == (
        "Error: out/upmix.jsonl is in use by another process; wait until it ends, or choose "
        "another file\n"
    )
    assert [Path("out", name).stat().st_mtime_ns for name in ("a.wav", "b.wav")] == stamps
    assert staging.exists()


@pytest.mark.parametrize("parts", [1, 3, 8])
def test_shards_are_disjoint_and_complete(album, parts):
    for part in range(1, parts + 1):
        assert upmix(f"album -o out --shard {part}/{parts}") == 0
    require_whole("out", get_upmixer("matrix"))
    logs = sorted(Path("out").glob("*.jsonl"))
    assert len(logs) == parts
    assert sorted(record["name"] for log in logs for record in logged(log)) == list(OUTPUTS)
    # Records of other shards are used, whatever their number.
    for log in ("out/upmix.jsonl", "more.jsonl"):
        assert upmix(f"album -o out --resume --log {log}") == 0
        assert not Path(log).read_text()


def test_files_are_spread_over_shards():
    counts = np.zeros(10)
    for number in range(5000):
        (part,) = [n for n in range(1, 11) if in_shard(f"album/{number:04}.wav", (n, 10))]
        counts[part - 1] += 1
    # Binomial with a standard deviation of 21.
    assert np.abs(counts - 500).max() < 110


def test_the_log_is_written_to_the_given_path(album):
    assert upmix("album/a.wav album/b.flac -o out/ --log mine.jsonl") == 0
    assert found("out") == ["a.wav", "b.wav"]
    assert len(logged("mine.jsonl")) == 2
    assert upmix("album/a.wav album/b.flac -o out/ --log mine.jsonl --resume") == 0
    assert len(logged("mine.jsonl")) == 2


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("album -o out.wav", "out.wav must be a folder for the folder album"),
        ("album -o album", "OUT is the input folder album: choose another"),
        ("album/one -o same", "output same/a.wav is the input album/one/a.wav"),
        ("empty -o out", "the folder empty contains no audio file"),
        ("album album/one/a.wav -o out", "have the same output out/a.wav"),
        (
            "pairs -o out",
            "pairs/a.flac and pairs/a.wav have the same output out/a.wav; pairs/b.ogg and "
            "pairs/b.wav have the same output out/b.wav: rename one of each pair,",
        ),
        ("many -o out", "same output out/4.wav; and 2 more pairs: rename one of each pair,"),
        ("album -o out --subtype VORBIS", "unknown subtype of .wav 'VORBIS'"),
        ("nowhere/ -o empty/new/", "nowhere cannot be read"),
        ("album -o leak", "leak/one is a link to a folder outside of leak"),
        ("album -o out --shard 0/3", "--shard must be I/N with I from 1 to N"),
        ("album -o out --shard 4/3", "--shard must be I/N"),
        ("album -o out --shard 3", "--shard must be I/N"),
        ("album -o out --jobs 0", "0 is not in the range x>=1"),
        ("album/a.wav -o out.wav --resume", "require a folder as OUT"),
        ("album -o out --log nowhere/log.jsonl", "nowhere/log.jsonl cannot be written: No such"),
        ("album -o out --log album/a.wav", "album/a.wav is not a file of records"),
        (f"{300 * 'a'}.wav -o out.wav", "aaa.wav cannot be read: File name too long"),
        ("album -o out --cluster nonsense://here", "no Dask scheduler answers at nonsense"),
    ],
)
def test_errors_are_reported_before_any_work(album, capsys, line, words):
    (album / "empty").mkdir()
    (album / "elsewhere").mkdir()
    (album / "leak").mkdir()
    (album / "leak" / "one").symlink_to(album / "elsewhere")
    (album / "pairs").mkdir()
    (album / "many").mkdir()
    for name in ("a.wav", "a.flac", "b.ogg", "b.wav"):
        (album / "pairs" / name).touch()
    for number in range(7):
        for kind in ("wav", "mp3"):
            (album / "many" / f"{number}.{kind}").touch()
    (album / "same").mkdir()
    os.link(album / "album" / "one" / "a.wav", album / "same" / "a.wav")
    before = found(album)
    assert run_command(f"upmix {line}") == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("Error: ")
    assert captured.err.count("\n") == 1
    assert words in captured.err
    # Where the last thing to be found wrong was the cluster, the log had been begun.
    assert [name for name in found(album) if name != "out/upmix.jsonl"] == before


def test_silence_is_reported_although_the_upmixer_adds_noise(album, capsys, monkeypatch):
    class Hum(Upmixer):
        name = "hum"
        accepts = (2,)
        format = get_layout("quad")

        def _upmix(self, audio, sample_rate):
            return np.concatenate([audio, audio]) + np.float32(1e-7)

    monkeypatch.setitem(registry.UPMIXERS.registered, "hum", Hum)
    write("silence.wav", np.zeros((2, 100), np.float32), RATE)
    assert run_command("upmix silence.wav -o out.wav --upmixer hum") == 0
    assert "by hum; silent\n" in capsys.readouterr().out


@pytest.mark.parametrize("output", ["out.wav", "out/"])
@pytest.mark.filterwarnings("default::spatialkit.errors.SpatialkitWarning")
def test_the_downmix_snr_names_later_changes(album, capsys, output):
    write("loud.wav", 3.0 * read("album/a.wav").samples / 0.2, RATE)
    line = f"upmix loud.wav -o {output} --upmixer matrix --force"
    for subtype, words in (("PCM_24", " (before scaling and rounding)\n"), ("FLOAT", " dB\n")):
        assert run_command(f"{line} --subtype {subtype}") == 0
        assert words in capsys.readouterr().out
    # In a batch, warnings name the output, not the staging folder.
    assert (
        run_command("upmix loud.wav -o log/ --log loud.jsonl --subtype PCM_16 --upmixer matrix")
        == 0
    )
    assert "warning: samples of log/loud.wav have a peak of " in capsys.readouterr().err


def test_an_output_folder_inside_the_input_is_not_an_input(album):
    assert upmix("album -o album/surround") == 0
    assert upmix("album -o album/surround --resume") == 0
    assert found("album/surround") == [*OUTPUTS, "upmix.jsonl"]


@pytest.mark.skipif(sys.platform != "linux", reason="file systems elsewhere refuse such names")
def test_unusual_file_names_are_kept(album, capsys):
    (album / "odd").mkdir()
    stems = [
        b"-o",
        b"new\nline",
        b"\xff",
        b"..a",
        b"e\xcc\x81",
        b"\xc3\xa9",
        b"x" * 251,
        b"y" * 252,
    ]
    for stem in stems:
        name = stem + (b".wav" if stem[:1] != b"y" else b".au")
        (album / "odd" / os.fsdecode(name)).write_bytes((album / "album" / "a.wav").read_bytes())
    for jobs in (1, 2):
        assert upmix(f"odd -o out --force --jobs {jobs}") == 1
        (error,) = capsys.readouterr().err.splitlines()
        assert error == f"Error: out/{'y' * 252}.wav cannot be written: File name too long"
    made = {os.fsencode(name) for name in found("out")}
    stems = [stem for stem in stems if stem[:1] not in b".y"]
    assert made == {b"upmix.jsonl", *(stem + b".wav" for stem in stems)}


# Interruptions


def test_a_killed_worker_loses_nothing(album, deadly, capsys):
    assert run_command("upmix album -o out --jobs 2 --upmixer deadly -O kills=1") == 0
    assert (deadly / "marks" / "kill-0").exists()
    # Made once by this process, which checks its options, and once by each of three workers.
    made = [path.read_text() for path in (deadly / "marks").glob("made-*")]
    assert made == ["made\n"] * 4
    require_whole("out", get_upmixer("deadly"))
    assert sorted(record["name"] for record in logged()) == list(OUTPUTS)
    assert capsys.readouterr().out.endswith("6 done; records: out/upmix.jsonl\n")


def test_a_file_that_kills_two_workers_has_failed(album, deadly, capsys):
    line = "upmix album/a.wav album/b.flac -o out --jobs 2 --upmixer deadly -O kills=9"
    assert run_command(line) == 1
    errors = capsys.readouterr().err
    assert errors.count("the worker process ended with signal 9 in 2 attempts") == 2
    assert {line.split(":")[1] for line in errors.splitlines()} == {
        " album/a.wav",
        " album/b.flac",
    }
    assert found("out") == ["upmix.jsonl"]
    assert [record["status"] for record in logged()] == ["failed", "failed"]
    assert logged()[0]["seconds"] is None


def start(*arguments):
    return subprocess.Popen(
        [sys.executable, "-m", "spatialkit", *arguments],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )


@pytest.mark.parametrize("whole_group", [True, False])
def test_a_killed_command_is_resumed(album, deadly, whole_group):
    """Kill -9 of the command, or of it and its workers, during the upmix."""
    arguments = ["upmix", "album", "-o", "out", "--jobs", "2", "--upmixer", "deadly"]
    process = start(*arguments, "-O", "slow=yes")
    deadline = time.monotonic() + 60.0
    while not list(Path("out").rglob(".spatialkit-*/*.part")) and time.monotonic() < deadline:
        time.sleep(0.01)
    (os.killpg if whole_group else os.kill)(process.pid, signal.SIGKILL)
    process.communicate()
    for name in OUTPUTS:  # no half file
        if Path("out", name).exists():
            assert info(Path("out", name)).samples == LENGTH
    time.sleep(0.0 if whole_group else 2.0)  # orphans end after their file
    assert run_command("upmix album -o out --jobs 2 --upmixer deadly -O slow=yes --resume") == 0
    require_whole("out", get_upmixer("deadly"))
    assert sorted(record["name"] for record in logged()) == list(OUTPUTS)


def test_an_interrupted_command_leaves_no_truncated_file(album, deadly):
    process = start(
        *("upmix", "album", "-o", "out", "--jobs", "2", "--upmixer", "deadly", "-O", "slow=yes")
    )
    while not list(Path("out").rglob(".spatialkit-*/*.part")):
        time.sleep(0.01)
    os.killpg(process.pid, signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert errors.decode().strip() == "interrupted"
    for name in set(found("out")) & set(OUTPUTS):
        assert info(Path("out", name)).samples == LENGTH
    assert not list(Path("out").rglob("*.part"))
    # Upmixes that were complete but not recorded are recognized.
    assert run_command("upmix album -o out --upmixer deadly -O slow=yes --resume") == 0
    require_whole("out", get_upmixer("deadly"))
    assert sorted(record["name"] for record in logged()) == list(OUTPUTS)


def test_a_repeated_job_reuses_a_complete_upmix(album, monkeypatch):
    """If a worker is lost after the upmix, the output is neither refused nor written again."""
    (album / "out").mkdir()
    job = BatchJob(UpmixJob("album/a.wav", "out/a.wav"), "settings")
    output, staging = Path("out/a.wav"), staging_folder(Path("out/a.wav"))
    first = json.dumps(upmix_in_batch(job))
    stamp = output.stat()
    monkeypatch.setattr(upmix_job, "upmix_file", lambda job: pytest.fail("it is upmixed again"))
    assert json.dumps(upmix_in_batch(job)) == first
    assert (output.stat().st_mtime_ns, output.stat().st_ino) == (stamp.st_mtime_ns, stamp.st_ino)
    # Lost before the move.
    output.rename(staging / "a.wav")
    assert json.dumps(upmix_in_batch(job)) == first
    assert output.stat().st_ino == stamp.st_ino
    # With other settings it is another job, whose output is there.
    with pytest.raises(AudioFileError, match=r"out/a.wav exists: add --force"):
        upmix_in_batch(BatchJob(job.work, "other settings"))


def test_a_file_created_during_the_upmix_is_kept(album, monkeypatch):
    (album / "out").mkdir()
    output = Path("out/a.wav")

    def upmix_slowly(job):
        made = upmix_file(job)
        output.write_text("another's")
        return made

    monkeypatch.setattr(upmix_job, "upmix_file", upmix_slowly)
    with pytest.raises(AudioFileError, match=r"^out/a.wav exists: add --force"):
        upmix_in_batch(BatchJob(UpmixJob("album/a.wav", output), "settings"))
    assert output.read_text() == "another's"
    assert not staging_folder(output).exists()


def test_an_error_of_the_staging_folder_names_the_output(album):
    job = BatchJob(UpmixJob("album/a.wav", "nowhere/a.wav"), "settings")
    with pytest.raises(AudioFileError, match=r"^nowhere/a.wav cannot be written: No such file"):
        upmix_in_batch(job)


# A cluster


@pytest.fixture
def cluster(deadly, tmp_path):
    """Start a Dask scheduler and two workers; return its address and their processes."""
    pytest.importorskip("distributed")
    options = ["--host", "127.0.0.1", "--no-dashboard"]
    file = tmp_path / "scheduler.json"
    commands = [["scheduler", "--port", "0", "--scheduler-file", str(file), *options]]
    commands += [
        ["worker", "--scheduler-file", str(file), "--no-nanny", "--nthreads", "1", *options]
    ] * 2
    # Elsewhere than the command, so that relative paths would be noticed.
    processes = [
        subprocess.Popen(
            [sys.executable, "-m", "dask", *command],
            cwd=deadly,
            stderr=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
        )
        for command in commands
    ]
    try:
        deadline = time.monotonic() + 60.0
        while not (file.exists() and file.read_text()) and time.monotonic() < deadline:
            time.sleep(0.05)
        yield json.loads(file.read_text())["address"], processes[1:]
    finally:
        for process in processes:
            process.kill()
            process.wait()


def test_a_cluster_that_loses_a_worker_does_all_files(album, deadly, cluster):
    address, workers = cluster
    line = ["upmix", "album", "-o", "out", "--upmixer", "deadly", "-O", "kills=1"]
    process = start(*line, "--cluster", address)
    _, errors = process.communicate(timeout=100)
    assert (process.returncode, errors.decode()) == (0, "")
    assert sorted(worker.poll() is None for worker in workers) == [False, True]
    (lost,) = (worker for worker in workers if worker.poll() is not None)
    assert lost.returncode == -signal.SIGKILL
    require_whole("out", get_upmixer("deadly"))
    assert [record["status"] for record in logged()] == ["done"] * 6
    assert sorted(record["name"] for record in logged()) == list(OUTPUTS)
    for worker in workers:  # each created the upmixer at most once
        made = deadly / "marks" / f"made-{worker.pid}"
        assert not made.exists() or made.read_text() == "made\n"


def test_a_cluster_that_does_not_answer_is_reported(album, monkeypatch):
    pytest.importorskip("distributed")
    script = (
        "import sys; from spatialkit.commands import batches; batches.CLUSTER_SECONDS = 1;"
        "from spatialkit.__main__ import main;"
        "sys.exit(main('upmix album -o out --cluster tcp://127.0.0.1:9'.split()))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.returncode == 2
    assert done.stderr.startswith("Error: no Dask scheduler answers at tcp://127.0.0.1:9;")
    assert done.stderr.count("\n") == 1


def test_a_cluster_needs_dask(album, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "dask.distributed", None)
    assert run_command("upmix album -o out --cluster tcp://127.0.0.1:9") == 2
    assert capsys.readouterr().err == (
        "Error: a cluster needs spatialkit's extra `cluster` "
        "(pip install 'spatialkit-audio[cluster]')\n"
    )
