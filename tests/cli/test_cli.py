"""The command: options, messages, exit codes, and what it does before a broker runs."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import pytest
from click.testing import CliRunner

from kafkalite import __version__
from kafkalite.cli.main import cli
from kafkalite.cli.serve import announce
from kafkalite.config import BrokerConfig
from kafkalite.errors import StartupError


@pytest.fixture(autouse=True)
def no_kafka_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [*os.environ]:
        if name.startswith("KAFKA_") or name == "CLUSTER_ID":
            monkeypatch.delenv(name)


class FakeServer:
    """Stands where `kafkalite.server.run` is; remembers what it was given."""

    def __init__(self) -> None:
        self.configs: list[BrokerConfig] = []
        self.backends: list[str] = []
        self.error: Exception | None = None

    def serve(self, config: BrokerConfig, *, backend: str, on_ready: Callable[[str], None]) -> None:
        self.configs.append(config)
        self.backends.append(backend)
        if self.error is not None:
            raise self.error
        on_ready("127.0.0.1:9092")


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeServer]:
    fake, module = FakeServer(), ModuleType("kafkalite.server.run")
    module.serve = fake.serve  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "kafkalite.server.run", module)
    return fake


def run(*arguments: str, code: int = 0) -> str:
    """Standard output of the command."""
    result = CliRunner().invoke(cli, arguments, catch_exceptions=False)
    assert result.exit_code == code, result.output
    return result.stdout


def kafkalite(*arguments: str) -> subprocess.CompletedProcess[str]:
    """The command as a process."""
    command = [sys.executable, "-m", "kafkalite", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)


def test_version() -> None:
    assert run("--version") == f"kafkalite, version {__version__}\n"


def test_help_names_the_commands_without_importing_them() -> None:
    code = (
        "import sys; from kafkalite.cli.main import cli\n"
        "try: cli(['--help'])\n"
        "except SystemExit: pass\n"
        "sys.exit('kafkalite.cli.serve' in sys.modules or 'anyio' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0
    assert "serve" in done.stdout
    assert "config" in done.stdout


def test_start_of_the_command_imports_no_event_loop_and_no_rich() -> None:
    code = (
        "import sys, kafkalite.cli.main, kafkalite.cli.config, kafkalite.cli.serve;"
        "sys.exit(any(name in sys.modules for name in ('anyio', 'asyncio', 'rich', 'json')))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_unknown_command_is_wrong_usage() -> None:
    run("serv", code=2)


def test_serve_takes_port_host_and_data(server: FakeServer) -> None:
    run("serve", "--port", "1234", "--host", "::1", "--data", "here", "--backend", "trio")
    (config,) = server.configs
    assert [str(listener) for listener in config.listeners] == ["PLAINTEXT://[::1]:1234"]
    assert config.log_dirs == ("here",)
    assert server.backends == ["trio"]


def test_serve_without_options_is_the_default_broker(server: FakeServer) -> None:
    run("serve")
    (config,) = server.configs
    assert [str(listener) for listener in config.listeners] == ["PLAINTEXT://127.0.0.1:9092"]
    assert config.log_dirs == ("./kafkalite-data",)


def test_host_alone_keeps_the_port_and_port_alone_the_host(server: FakeServer) -> None:
    run("serve", "--host", "0.0.0.0")
    run("serve", "--port", "0")
    assert [str(config.listeners[0]) for config in server.configs] == [
        "PLAINTEXT://0.0.0.0:9092",
        "PLAINTEXT://127.0.0.1:0",
    ]


def test_listeners_and_port_together_are_wrong_usage(server: FakeServer) -> None:
    run("serve", "--listeners", "PLAINTEXT://:1", "--port", "2", code=2)
    assert server.configs == []


def test_set_needs_key_and_value() -> None:
    run("serve", "--set", "num.partitions", code=2)
    run("serve", "--set", "=3", code=2)


def test_set_takes_values_with_equals_signs(server: FakeServer) -> None:
    run("serve", "--set", "log.dirs=a=b")
    assert server.configs[0].log_dirs == ("a=b",)


def test_options_win_over_environment_over_file(
    server: FakeServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "server.properties"
    file.write_text("num.partitions=1\nnode.id=1\nfetch.max.bytes=2000\n")
    monkeypatch.setenv("KAFKA_NUM_PARTITIONS", "2")
    monkeypatch.setenv("KAFKA_NODE_ID", "2")
    run("serve", "--config", str(file), "--set", "num.partitions=3")
    config = server.configs[0]
    assert (config.num_partitions, config.node_id, config.fetch_max_bytes) == (3, 2, 2000)


def test_ready_is_a_first_line_with_the_address_and_a_snippet_to_paste(
    capsys: pytest.CaptureFixture[str],
) -> None:
    announce("here")("127.0.0.1:1")
    first, *snippet = capsys.readouterr().out.splitlines()
    assert first == f"kafkalite {__version__} is ready at 127.0.0.1:1, data in here"
    assert any('bootstrap_servers="127.0.0.1:1"' in line for line in snippet)
    code = "\n".join(line.strip() for line in snippet).replace("pip", "# pip")
    compile(code, "snippet", "exec")


def test_what_keeps_the_broker_from_starting_is_one_message_and_code_1() -> None:
    done = kafkalite("serve", "--set", "num.partition=3", "--set", "log.segment.bytes=12")
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr == (
        "kafkalite: the configuration cannot be used:\n"
        "  log.segment.bytes=12: must be at least 1048576 bytes\n"
        "  num.partition: there is no such config (did you mean num.partitions?)\n"
    )


def test_startup_error_reaches_the_person(server: FakeServer) -> None:
    server.error = StartupError("port 9092 is in use")
    with pytest.raises(StartupError):
        run("serve")


def test_file_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    done = kafkalite("config", "--config", str(tmp_path / "nothing"))
    assert (done.returncode, done.stderr) == (1, f"kafkalite: cannot read {tmp_path / 'nothing'}: No such file or directory\n")  # fmt: skip
    broken = tmp_path / "broken"
    broken.write_text("a=\\u12")
    assert (
        f"{broken} is not a properties file" in kafkalite("config", "--config", str(broken)).stderr
    )
    broken.write_bytes(b"\xff")
    assert (
        f"{broken} is not a properties file" in kafkalite("config", "--config", str(broken)).stderr
    )


def test_notes_go_to_standard_error(server: FakeServer) -> None:
    result = CliRunner().invoke(cli, ["serve", "--set", "num.io.threads=2"])
    assert result.stderr == "kafkalite: accepted without effect: num.io.threads\n"
    assert "is ready at" in result.stdout


def test_config_shows_what_is_set_and_where_defaults_are_not_kafkas() -> None:
    lines = run(
        "config", "--set", "num.partitions=3", "--set", "ssl.key.password=hush"
    ).splitlines()
    assert "num.partitions=3  # static_broker" in lines
    assert "ssl.key.password=(secret)  # static_broker" in lines
    assert "group.initial.rebalance.delay.ms=0  # default" in lines
    assert not any(line.startswith("fetch.max.bytes") for line in lines)


def test_config_all_shows_every_broker_key() -> None:
    assert len(run("config", "--all").splitlines()) == 340
