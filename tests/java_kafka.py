"""Apache Kafka 4.3.0 itself, for tests and benchmarks: its jars, its tools, a one-node broker.

Needs `java` and, the first time, `mvn`. The jars land in `.cache/compat` below the
repository; set KAFKALITE_KAFKA_LIBS to use a folder of jars that is there already.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Final

from kafkalite_compat.brokers import apache_kafka
from kafkalite_compat.brokers.apache_kafka import KAFKA_VERSION
from kafkalite_compat.brokers.process import BrokerProcess

if TYPE_CHECKING:
    from collections.abc import Mapping

_ROOT: Final = Path(__file__).resolve().parents[1]
_CACHE: Final = _ROOT / ".cache" / "compat"
_STREAMS_POM: Final = _ROOT / "tests" / "java" / "streams-pom.xml"
_QUIET: Final = "-Dorg.slf4j.simpleLogger.defaultLogLevel=error"
_JVM: Final = ("-Xms1G", "-Xmx1G", "-server", "-XX:+UseG1GC", "-XX:MaxGCPauseMillis=20")


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


class KafkaProcess(BrokerProcess):
    """A running broker; a context manager that stops it."""

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
    has it is taken as it is. Raises BrokerFailed with the end of the log if it does not come up.
    """
    data_dir.mkdir(parents=True, exist_ok=True)
    properties = data_dir.with_name(f"{data_dir.name}.properties")
    at_once = {"group.initial.rebalance.delay.ms": "0"}
    settings = {**apache_kafka.one_node(port, data_dir), **at_once, **(extra_config or {})}
    apache_kafka.write_properties(properties, settings)
    if not (data_dir / "meta.properties").exists():
        apache_kafka.format_storage(kafka_libs(), properties, cluster_id)
    return run_kafka(properties, port, data_dir, start_within_s=start_within_s)


def run_kafka(
    properties: Path, port: int, data_dir: Path, *, start_within_s: float = 60
) -> KafkaProcess:
    """Start a broker as `properties` say; `port` and `data_dir` are what they say of them.

    Raises BrokerFailed with the end of the log if it does not come up.
    """
    command = apache_kafka.kafka_command(kafka_libs(), properties, _JVM)
    log = data_dir.with_name(f"{data_dir.name}.log")
    return KafkaProcess(command, port, log, start_within_s)
