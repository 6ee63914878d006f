"""agent.state: engine ID and boots over starts, crashes and damage."""

from __future__ import annotations

import errno
import json
import os
import stat
from pathlib import Path

import pytest

from agent import state
from agent.state import (
    MAX_BOOTS,
    EngineState,
    StateDirectory,
    StateError,
    default_directory,
    engine_id_of,
    parse_engine_id,
)

MADE = bytes.fromhex("8000000005") + bytes(range(1, 13))
OTHER = bytes.fromhex("80001f8804") + b"gateway"


def random(count: int) -> bytes:
    return bytes(range(1, count + 1))


def start(path: Path, engine_id: bytes | None = None) -> EngineState:
    with StateDirectory(path, random) as directory:
        return directory.start(engine_id)


def put(path: Path, content: str | bytes) -> Path:
    path.mkdir(exist_ok=True)
    store = path / "engine.json"
    store.write_bytes(content.encode() if isinstance(content, str) else content)
    return store


class TestStart:
    def test_us01_the_first_start_makes_an_engine_id(self, tmp_path: Path) -> None:
        assert start(tmp_path) == EngineState(MADE, 1)

    def test_us01_two_agents_do_not_get_the_same_engine_id(self, tmp_path: Path) -> None:
        ids = set()
        for name in ("a", "b"):
            with StateDirectory(tmp_path / name) as directory:
                ids.add(directory.start(None).engine_id)
        assert len(ids) == 2
        assert all(len(engine_id) == 17 and engine_id[:5] == MADE[:5] for engine_id in ids)

    def test_us02_each_start_counts_one_boot_of_the_same_engine(self, tmp_path: Path) -> None:
        assert [start(tmp_path) for _ in range(3)] == [EngineState(MADE, n) for n in (1, 2, 3)]

    def test_us01_another_engine_id_counts_from_1_and_the_old_one_goes_on(
        self, tmp_path: Path
    ) -> None:
        order = [None, OTHER, OTHER, None, OTHER]
        assert [start(tmp_path, engine_id) for engine_id in order] == [
            EngineState(MADE, 1),
            EngineState(OTHER, 1),
            EngineState(OTHER, 2),
            EngineState(MADE, 2),
            EngineState(OTHER, 3),
        ]

    def test_us01_a_given_engine_id_does_not_become_the_default(self, tmp_path: Path) -> None:
        assert start(tmp_path, OTHER) == EngineState(OTHER, 1)
        assert start(tmp_path) == EngineState(MADE, 1)

    def test_us01_boots_latch(self, tmp_path: Path) -> None:
        put(tmp_path, json.dumps({"default": OTHER.hex(), "boots": {OTHER.hex(): MAX_BOOTS - 1}}))
        assert [start(tmp_path).boots for _ in range(3)] == [2147483647] * 3

    def test_the_directory_and_the_store_are_for_their_owner_only(self, tmp_path: Path) -> None:
        path = tmp_path / "a" / "b"
        start(path)
        assert stat.S_IMODE(path.stat().st_mode) == 0o700
        assert {file.name: stat.S_IMODE(file.stat().st_mode) for file in path.iterdir()} == {
            "engine.json": 0o600,
            "lock": 0o600,
        }


class Crash(BaseException):
    """Stands for a process that is there no more."""


class TestCrash:
    def test_us01_between_write_and_rename(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        assert start(tmp_path).boots == 1

        def crash(*_: object) -> None:
            raise Crash

        with monkeypatch.context() as patched:
            patched.setattr(Path, "replace", crash)
            with pytest.raises(Crash):
                start(tmp_path)
        assert (tmp_path / "engine.new").exists()
        assert start(tmp_path) == EngineState(MADE, 2)
        assert not (tmp_path / "engine.new").exists()

    def test_us01_the_store_is_on_the_disk_before_it_has_its_name(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        done: list[str] = []
        fsync, replace = os.fsync, Path.replace

        def spy_fsync(descriptor: int) -> None:
            is_directory = stat.S_ISDIR(os.fstat(descriptor).st_mode)
            done.append("fsync of the directory" if is_directory else "fsync of the file")
            fsync(descriptor)

        def spy_replace(path: Path, target: Path) -> Path:
            done.append("rename")
            return replace(path, target)

        monkeypatch.setattr(os, "fsync", spy_fsync)
        monkeypatch.setattr(Path, "replace", spy_replace)
        start(tmp_path)
        assert done == ["fsync of the file", "rename", "fsync of the directory"]

    def test_us01_a_full_disk_is_said_and_counts_nothing(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        start(tmp_path)

        def full(_: int) -> None:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        with monkeypatch.context() as patched:
            patched.setattr(os, "fsync", full)
            with pytest.raises(StateError) as caught:
                start(tmp_path)
        assert str(caught.value) == (
            f"{tmp_path}/engine.json: No space left on device; it has to be written at each start"
        )
        assert start(tmp_path).boots == 2


GOOD = OTHER.hex()


@pytest.mark.parametrize(
    ("content", "what"),
    [
        ("", "Expecting value"),
        ("{", "Expecting property name"),
        ("\x00" * 64, "Expecting value"),
        (b"\xff\xfe\xfd", "can't decode"),
        ("[" * 100_000, "recursion"),
        ("1" * 5000, "Exceeds the limit"),
        ("null", "has not the keys that belong there"),
        ("[]", "has not the keys that belong there"),
        ("{}", "has not the keys that belong there"),
        ('{"default": null}', "has not the keys that belong there"),
        ('{"boots": {}}', "has not the keys that belong there"),
        ('{"default": null, "boots": {}, "x": 1}', "has not the keys that belong there"),
        ('{"default": null, "boots": []}', "has not the keys that belong there"),
        ('{"default": 5, "boots": {}}', "has not the keys that belong there"),
        (f'{{"default": "{GOOD}", "boots": {{}}}}', f"the default '{GOOD}' has no boots"),
        (f'{{"default": null, "boots": {{"{GOOD}": "1"}}}}', "are no number from 0"),
        (f'{{"default": null, "boots": {{"{GOOD}": 1.0}}}}', "are no number from 0"),
        (f'{{"default": null, "boots": {{"{GOOD}": true}}}}', "are no number from 0"),
        (f'{{"default": null, "boots": {{"{GOOD}": null}}}}', "are no number from 0"),
        (f'{{"default": null, "boots": {{"{GOOD}": -1}}}}', "are no number from 0"),
        (f'{{"default": null, "boots": {{"{GOOD}": 2147483648}}}}', "are no number from 0"),
        ('{"default": null, "boots": {"80xx": 1}}', "'80xx' is not in hexadecimal digits"),
        ('{"default": null, "boots": {"80": 1}}', "has 1 octets, allowed are 5 to 32"),
    ],
)
def test_us01_a_corrupt_store_is_an_error_and_never_a_first_start(
    tmp_path: Path, content: str | bytes, what: str
) -> None:
    store = put(tmp_path, content)
    before = store.read_bytes()
    for attempt in (start, engine_id_of):
        with pytest.raises(StateError) as caught:
            attempt(tmp_path)
        message = str(caught.value)
        assert message.startswith(f"{store}: ")
        assert what in message
        assert "remove it: flowmib then makes a new engine ID" in message
        assert "\n" not in message
    assert store.read_bytes() == before


class TestUnusable:
    def test_us01_a_file_where_the_directory_should_be(self, tmp_path: Path) -> None:
        path = tmp_path / "state"
        path.write_text("")
        with pytest.raises(StateError) as caught:
            start(path)
        assert str(caught.value) == (
            f"{path}: File exists; let flowmib write there, or name another state directory"
        )

    def test_us01_a_file_above_the_directory(self, tmp_path: Path) -> None:
        (tmp_path / "file").write_text("")
        with pytest.raises(StateError, match=r"/file/state: Not a directory; let flowmib write"):
            start(tmp_path / "file" / "state")
        with pytest.raises(StateError, match=r"/engine\.json: Not a directory; let flowmib read"):
            engine_id_of(tmp_path / "file" / "state")

    def test_us01_a_store_that_cannot_be_read(self, tmp_path: Path) -> None:
        (tmp_path / "engine.json").mkdir()
        with pytest.raises(StateError, match=r"/engine\.json: Is a directory; let flowmib read it"):
            start(tmp_path)

    def test_us01_a_store_that_cannot_be_written(self, tmp_path: Path) -> None:
        (tmp_path / "engine.new").mkdir()
        with pytest.raises(StateError, match=r"/engine\.new: Is a directory; it has to be written"):
            start(tmp_path)

    def test_us01_a_lock_that_cannot_be_opened(self, tmp_path: Path) -> None:
        (tmp_path / "lock").mkdir()
        with pytest.raises(StateError, match=r"/lock: Is a directory; let flowmib write there"):
            start(tmp_path)


class TestLock:
    def test_op01_a_second_instance_is_refused(self, tmp_path: Path) -> None:
        with StateDirectory(tmp_path) as first:
            first.start(None)
            with pytest.raises(StateError) as caught:
                start(tmp_path)
            assert str(caught.value) == (
                f"{tmp_path}: another flowmib uses it, process {os.getpid()}; stop that one or"
                " name another state directory"
            )
        assert start(tmp_path).boots == 2

    def test_op01_an_instance_that_failed_leaves_no_lock(self, tmp_path: Path) -> None:
        store = put(tmp_path, "")
        with pytest.raises(StateError):
            start(tmp_path)
        store.unlink()
        assert start(tmp_path).boots == 1

    def test_op01_a_refused_instance_keeps_no_descriptor(self, tmp_path: Path) -> None:
        with StateDirectory(tmp_path):
            before = len(list(Path("/proc/self/fd").iterdir()))
            with pytest.raises(StateError):
                start(tmp_path)
            assert len(list(Path("/proc/self/fd").iterdir())) == before


class TestEngineIdOf:
    def test_counts_no_boot(self, tmp_path: Path) -> None:
        path = tmp_path / "new"
        assert engine_id_of(path, random) == engine_id_of(path, random) == MADE
        assert start(path) == EngineState(MADE, 1)
        assert engine_id_of(path) == MADE
        assert start(path) == EngineState(MADE, 2)

    def test_while_the_agent_runs(self, tmp_path: Path) -> None:
        with StateDirectory(tmp_path, random) as directory:
            directory.start(None)
            assert engine_id_of(tmp_path) == MADE

    def test_leaves_what_other_engines_have(self, tmp_path: Path) -> None:
        start(tmp_path, OTHER)
        assert engine_id_of(tmp_path, random) == MADE
        assert start(tmp_path, OTHER) == EngineState(OTHER, 2)

    def test_one_that_was_made_meanwhile(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        enter = StateDirectory.__enter__

        def late(directory: StateDirectory) -> StateDirectory:
            put(tmp_path, json.dumps({"default": OTHER.hex(), "boots": {OTHER.hex(): 4}}))
            return enter(directory)

        monkeypatch.setattr(state.StateDirectory, "__enter__", late)
        assert engine_id_of(tmp_path, random) == OTHER


class TestDefaultDirectory:
    @pytest.mark.parametrize(
        ("environment", "expected"),
        [
            ({"STATE_DIRECTORY": "/var/lib/flowmib", "HOME": "/h"}, "/var/lib/flowmib"),
            ({"STATE_DIRECTORY": "/var/lib/a:/var/lib/b"}, "/var/lib/a"),
            ({"STATE_DIRECTORY": "", "HOME": "/h"}, "/h/.local/state/flowmib"),
            ({"XDG_STATE_HOME": "/x", "HOME": "/h"}, "/x/flowmib"),
            ({"XDG_STATE_HOME": "", "HOME": "/h"}, "/h/.local/state/flowmib"),
            ({"XDG_STATE_HOME": "relative", "HOME": "/h"}, "/h/.local/state/flowmib"),
            ({"STATE_DIRECTORY": "/s", "XDG_STATE_HOME": "/x"}, "/s"),
        ],
    )
    def test_from_the_environment(self, environment: dict[str, str], expected: str) -> None:
        assert default_directory(environment) == Path(expected)

    def test_nowhere(self) -> None:
        with pytest.raises(StateError, match="name a state directory"):
            default_directory({})


class TestParseEngineId:
    @pytest.mark.parametrize(
        ("text", "octets"),
        [
            ("8000000001", 5),
            ("0x80001F8804676174657761790001", 14),
            ("80" * 32, 32),
            ("0000000001", 5),
            ("fffffffffe", 5),
        ],
    )
    def test_us01_good(self, text: str, octets: int) -> None:
        engine_id = parse_engine_id(text)
        assert len(engine_id) == octets
        assert engine_id.hex() == text.removeprefix("0x").lower()

    @pytest.mark.parametrize(
        ("text", "what"),
        [
            ("", "has 0 octets"),
            ("80000000", "has 4 octets, allowed are 5 to 32"),
            ("80" * 33, "has 33 octets"),
            ("800000000", "not in hexadecimal digits"),
            ("gateway", "not in hexadecimal digits"),
            ("00" * 5, "all 00 or all FF"),
            ("00" * 32, "all 00 or all FF"),
            ("ff" * 12, "all 00 or all FF"),
            ("8000000006", "RFC 5343"),
        ],
    )
    def test_us01_bad(self, text: str, what: str) -> None:
        with pytest.raises(ValueError, match=what):
            parse_engine_id(text)
