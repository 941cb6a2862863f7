"""Apache Kafka itself, one node, from its jars on Maven Central: the measure of every other broker."""

from __future__ import annotations

import base64
import os
import shutil
import subprocess
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from kafkalite_compat.brokers import SETTINGS, BrokerFailed
from kafkalite_compat.brokers.ports import free_port
from kafkalite_compat.brokers.process import BrokerProcess

KAFKA_VERSION: Final = "4.3.0"

_POM: Final = Path(__file__).with_name("pom.xml")
_QUIET: Final = "-Dorg.slf4j.simpleLogger.defaultLogLevel="
_QUICK_RETURN: Final = {"broker.heartbeat.interval.ms": "500", "broker.session.timeout.ms": "2000"}
"""A killed broker's place stays taken for as long as its session lasts."""

_JVM: Final = ("-Xms512M", "-Xmx1G", "-server", "-XX:+UseG1GC", "-XX:MaxGCPauseMillis=20")


class ApacheKafka(BrokerProcess):
    """A Kafka broker and controller in one process, its data in `directory / "kafka"`."""

    name = "Apache Kafka"
    version = KAFKA_VERSION

    def __init__(
        self, directory: Path, cache: Path, settings: Mapping[str, str] | None = None
    ) -> None:
        libs = kafka_libs(cache)
        port = free_port()
        settings = {
            **one_node(port, directory / "kafka"),
            **_QUICK_RETURN,
            **SETTINGS,
            **(settings or {}),
        }
        properties = directory / "kafka.properties"
        write_properties(properties, settings)
        format_storage(libs, properties)
        super().__init__(kafka_command(libs, properties, _JVM), port, directory / "kafka.log")


def missing() -> str | None:
    """What this machine lacks to run Apache Kafka, or None."""
    lacking = [tool for tool in ("java", "mvn") if shutil.which(tool) is None]
    return f"{' and '.join(lacking)} not on PATH" if lacking else None


def kafka_libs(cache: Path) -> Path:
    """The folder of Kafka's jars, fetched by Maven on first use; KAFKALITE_KAFKA_LIBS names one that is there. Raises BrokerFailed."""
    if given := os.environ.get("KAFKALITE_KAFKA_LIBS"):
        return Path(given)
    libs = cache / f"kafka-{KAFKA_VERSION}" / "libs"
    fetch(_POM, libs)
    return libs


def fetch(pom: Path, libs: Path) -> None:
    """Fill the folder `libs` with the jars that `pom` names, unless it is there. Raises BrokerFailed."""
    if libs.is_dir():
        return
    if lacking := missing():
        raise BrokerFailed(f"Apache Kafka cannot be started here: {lacking}")
    fetched = libs.absolute().with_name(f"fetching-{os.getpid()}")
    _run(
        *("mvn", "-B", "-q", "-Dstyle.color=never", "-f", str(pom)),
        *("dependency:copy-dependencies", f"-DoutputDirectory={fetched}"),
    )
    if not libs.is_dir():  # another process may have been faster
        fetched.rename(libs)
    shutil.rmtree(fetched, ignore_errors=True)


def write_properties(properties: Path, settings: Mapping[str, str]) -> None:
    """A `server.properties` of these settings."""
    properties.write_text("".join(f"{key}={value}\n" for key, value in settings.items()))


def format_storage(libs: Path, properties: Path, cluster_id: str | None = None) -> None:
    """Format the log directories that `properties` name, for a cluster of that id or a random one. Raises BrokerFailed."""
    cluster_id = cluster_id or base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
    tool = ("java", "-Xmx256M", f"{_QUIET}error", "-cp", f"{libs}/*", "kafka.tools.StorageTool")
    _run(*tool, "format", f"--cluster-id={cluster_id}", "-c", str(properties))


def kafka_command(libs: Path, properties: Path, jvm: Sequence[str]) -> list[str]:
    """What starts a broker as `properties` say, with these options of the JVM."""
    return ["java", *jvm, f"{_QUIET}warn", "-cp", f"{libs}/*", "kafka.Kafka", str(properties)]


def _run(*argv: str) -> None:
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    if done.returncode:
        raise BrokerFailed(f"{argv[0]} ended with {done.returncode}:\n{done.stdout}{done.stderr}")


def one_node(port: int, data: Path) -> dict[str, str]:
    """The settings of a broker and controller in one: clients on `port`, the controller on `port + 1`."""
    return {
        "process.roles": "broker,controller",
        "node.id": "1",
        "controller.quorum.voters": f"1@127.0.0.1:{port + 1}",
        "super.users": "User:ANONYMOUS",  # the suite is nobody: with an authorizer it may still do everything
        "listeners": f"PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{port + 1}",
        "advertised.listeners": f"PLAINTEXT://127.0.0.1:{port}",
        "controller.listener.names": "CONTROLLER",
        "inter.broker.listener.name": "PLAINTEXT",
        "log.dirs": str(data),
        "offsets.topic.replication.factor": "1",
        "transaction.state.log.replication.factor": "1",
        "transaction.state.log.min.isr": "1",
        "share.coordinator.state.topic.replication.factor": "1",
        "share.coordinator.state.topic.min.isr": "1",
    }
