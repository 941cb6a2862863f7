"""Apache Kafka 4.3.0 itself, for tests and benchmarks: its jars, its tools, a one-node broker.

Needs `java` and, the first time, `mvn`. The jars land in `.cache/compat` below the
repository; set KAFKALITE_KAFKA_LIBS to use a folder of jars that is there already.
"""

from __future__ import annotations

import os
import socket
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from kafkalite_compat.brokers import apache_kafka
from kafkalite_compat.brokers.apache_kafka import KAFKA_VERSION

if TYPE_CHECKING:
    from collections.abc import Mapping

_ROOT: Final = Path(__file__).resolve().parents[1]
_CACHE: Final = _ROOT / ".cache" / "compat"
_STREAMS_POM: Final = _ROOT / "tests" / "java" / "streams-pom.xml"
_QUIET: Final = "-Dorg.slf4j.simpleLogger.defaultLogLevel=error"


def kafka_libs() -> Path:
    """The folder of Kafka's jars, fetched by Maven on first use."""
    return apache_kafka.kafka_libs(_CACHE)


def streams_libs() -> Path:
    """The folder of the jars of Kafka Streams, likewise."""
    libs = _CACHE / f"kafka-streams-{KAFKA_VERSION}" / "libs"
    apache_kafka.fetch(_STREAMS_POM, libs)
    return libs


def class_path(*folders: Path) -> str:
    """Kafka's jars, and folders of classes of our own before them."""
    return os.pathsep.join([*map(str, folders), f"{kafka_libs()}/*"])


def run_tool(main_class: str, *args: str, check: bool = True) -> subprocess.CompletedProcess[str]:
    """Run a Java tool of Kafka to its end, e.g. `org.apache.kafka.tools.DumpLogSegments`."""
    command = ["java", "-Xmx512M", _QUIET, "-cp", class_path(), main_class, *args]
    return subprocess.run(command, check=check, capture_output=True, text=True)


@dataclass
class KafkaProcess:
    """A running broker; a context manager that stops it. `log` holds what it printed."""

    port: int
    data_dir: Path
    log: Path
    process: subprocess.Popen[bytes]

    @property
    def bootstrap(self) -> str:
        return f"127.0.0.1:{self.port}"

    def stop(self, within_s: float = 60) -> None:
        """Shut down cleanly; kill what does not go in time."""
        self.process.terminate()
        try:
            self.process.wait(within_s)
        except subprocess.TimeoutExpired:
            self.kill()

    def kill(self) -> None:
        """As `kill -9`."""
        self.process.kill()
        self.process.wait()

    def __enter__(self) -> KafkaProcess:
        return self

    def __exit__(self, *exc: object) -> None:
        self.stop()


def start_kafka(
    port: int,
    data_dir: Path,
    extra_config: Mapping[str, str] | None = None,
    *,
    cluster_id: str | None = None,
    start_within_s: float = 60,
) -> KafkaProcess:
    """Start a broker and controller in one process, on `port` (clients) and `port + 1`.

    A `data_dir` without `meta.properties` is formatted, with `cluster_id` or a random one; one that
    has it is taken as it is. Raises RuntimeError with the end of the log if it does not come up.
    """
    data_dir.mkdir(parents=True, exist_ok=True)
    properties = data_dir.with_name(f"{data_dir.name}.properties")
    properties.write_text(_server_properties(port, data_dir, extra_config or {}))
    if not (data_dir / "meta.properties").exists():
        storage_tool = "kafka.tools.StorageTool"
        cluster_id = cluster_id or run_tool(storage_tool, "random-uuid").stdout.split()[-1]
        run_tool(storage_tool, "format", "-t", cluster_id, "-c", str(properties))
    return run_kafka(properties, port, data_dir, start_within_s=start_within_s)


def run_kafka(
    properties: Path, port: int, data_dir: Path, *, start_within_s: float = 60
) -> KafkaProcess:
    """Start a broker as `properties` say; `port` and `data_dir` are what they say of them.

    Raises RuntimeError with the end of the log if it does not come up.
    """
    log = data_dir.with_name(f"{data_dir.name}.log")
    options = ["-Xms1G", "-Xmx1G", "-server", "-XX:+UseG1GC", "-XX:MaxGCPauseMillis=20"]
    quiet = _QUIET.replace("error", "warn")
    command = ["java", *options, quiet, "-cp", class_path(), "kafka.Kafka", str(properties)]
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output)
    kafka = KafkaProcess(port, data_dir, log, process)
    try:
        _wait_until_listening(kafka, start_within_s)
    except BaseException:
        kafka.kill()
        raise
    return kafka


def _server_properties(port: int, data_dir: Path, extra: Mapping[str, str]) -> str:
    settings = {
        **apache_kafka.one_node(port, data_dir),
        "group.initial.rebalance.delay.ms": "0",
        **extra,
    }
    return "".join(f"{name}={value}\n" for name, value in settings.items())


def _wait_until_listening(kafka: KafkaProcess, within_s: float) -> None:
    deadline = time.monotonic() + within_s
    while time.monotonic() < deadline and kafka.process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", kafka.port), timeout=1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    tail = kafka.log.read_text(errors="replace")[-2000:]
    raise RuntimeError(f"Apache Kafka did not come up on port {kafka.port}:\n{tail}")
