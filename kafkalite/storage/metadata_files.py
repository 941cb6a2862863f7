"""What a data directory says of itself: whose it is, which topics its partitions belong to, and how
it was left.

`meta.properties`, once per log directory          `partition.metadata`, once per partition

    node.id=1                                          version: 0
    directory.id=ZnSTC_aAAkDFs3F5AhDY2A                topic_id: VY6OfoUpQUuWJe-D2vVuJQ
    version=1
    cluster.id=63AOvazvTXafeMgPXfseOw

`.kafka_cleanshutdown`, there only between a clean stop and the next start:

    {"version":0,"brokerEpoch":11}

Kafka: `MetaProperties`, `PartitionMetadataFile`, `CleanShutdownFileHandler`; the bytes are those
that 4.3.0 writes.
"""

from __future__ import annotations

import json
from base64 import b64decode, urlsafe_b64encode
from pathlib import Path
from typing import NamedTuple

from kafkalite.errors import StartupError
from kafkalite.storage.checkpoints import CorruptCheckpointError
from kafkalite.storage.filesystem import FileSystem, replace_atomically, write_new
from kafkalite.types import BrokerId, Uuid

META_PROPERTIES = "meta.properties"
PARTITION_METADATA = "partition.metadata"
CLEAN_SHUTDOWN = ".kafka_cleanshutdown"

_META_PROPERTIES_VERSION = "1"
_PARTITION_METADATA_VERSION = "0"
_CLEAN_SHUTDOWN_VERSION = 0
_UUID_BYTES = 16

NO_BROKER_EPOCH = -1


class MetaProperties(NamedTuple):
    """The owner of a log directory."""

    cluster_id: str
    node_id: BrokerId
    directory_id: Uuid


def read_meta_properties(filesystem: FileSystem, path: Path) -> MetaProperties | None:
    """None when there is no such file: a new directory.

    Raises `StartupError` when it cannot be understood: serving somebody else's data would be worse
    than not starting.
    """
    if not filesystem.exists(path):
        return None
    properties = _parse_properties(filesystem.read_bytes(path).decode(errors="replace"))
    if properties.get("version") != _META_PROPERTIES_VERSION:
        raise _bad_meta_properties(path, f"version is {properties.get('version')}, not 1")
    try:
        return MetaProperties(
            properties["cluster.id"],
            BrokerId(int(properties["node.id"])),
            parse_uuid(properties["directory.id"]),
        )
    except KeyError as missing:
        raise _bad_meta_properties(path, f"{missing.args[0]} is missing") from None
    except ValueError as error:
        raise _bad_meta_properties(path, str(error)) from None


def write_meta_properties(filesystem: FileSystem, path: Path, properties: MetaProperties) -> None:
    """Replace the file, durably. Raises OSError."""
    text = (
        f"node.id={properties.node_id}\n"
        f"directory.id={format_uuid(properties.directory_id)}\n"
        f"version={_META_PROPERTIES_VERSION}\n"
        f"cluster.id={properties.cluster_id}\n"
    )
    replace_atomically(filesystem, path, text.encode())


def read_partition_metadata(filesystem: FileSystem, path: Path) -> Uuid | None:
    """The topic id of the partition; None when there is no such file. Raises
    `CorruptCheckpointError`.
    """
    if not filesystem.exists(path):
        return None
    lines = filesystem.read_bytes(path).decode(errors="replace").splitlines()
    fields = dict(line.split(": ", 1) for line in lines if ": " in line)
    if fields.get("version") != _PARTITION_METADATA_VERSION:
        raise CorruptCheckpointError(f"{path} is corrupt: its version is not 0")
    try:
        return parse_uuid(fields.get("topic_id", ""))
    except ValueError as error:
        raise CorruptCheckpointError(f"{path} is corrupt: {error}") from None


def write_partition_metadata(
    filesystem: FileSystem, path: Path, topic_id: Uuid, *, is_new: bool = False
) -> None:
    """Write the file: 43 bytes, no newline at the end. Raises OSError.

    That of a new partition is made durable by its log's first flush; the cluster's metadata knows the id, too.
    """
    text = f"version: {_PARTITION_METADATA_VERSION}\ntopic_id: {format_uuid(topic_id)}"
    if is_new:
        write_new(filesystem, path, text.encode())
    else:
        replace_atomically(filesystem, path, text.encode())


def write_clean_shutdown(
    filesystem: FileSystem, path: Path, broker_epoch: int = NO_BROKER_EPOCH
) -> None:
    """Say that everything is flushed and no recovery is needed. Raises OSError."""
    text = f'{{"version":{_CLEAN_SHUTDOWN_VERSION},"brokerEpoch":{broker_epoch}}}'
    replace_atomically(filesystem, path, text.encode())


def take_clean_shutdown(filesystem: FileSystem, path: Path) -> int | None:
    """The broker epoch of the last clean stop, -1 if unknown, and remove the marker; None after a
    kill.

    The marker goes first, durably: a broker that is killed while starting must find no promise
    left. A marker of any content counts: older Kafkas wrote an empty one.
    """
    if not filesystem.exists(path):
        return None
    content = filesystem.read_bytes(path)
    filesystem.remove(path)
    filesystem.fsync_directory(path.parent)
    try:
        return int(json.loads(content)["brokerEpoch"])
    except (ValueError, KeyError, TypeError):
        return NO_BROKER_EPOCH


def format_uuid(uuid: Uuid) -> str:
    """22 characters of base64url, as Kafka writes topic, cluster and directory ids for people."""
    return urlsafe_b64encode(uuid).rstrip(b"=").decode()


def parse_uuid(text: str) -> Uuid:
    """The reverse of `format_uuid`. Raises ValueError."""
    try:
        uuid = b64decode(text + "==", altchars=b"-_", validate=True)
    except ValueError:
        uuid = b""
    if len(uuid) != _UUID_BYTES:
        raise ValueError(f"{text!r} is not a UUID of 22 base64url characters")
    return Uuid(uuid)


def _parse_properties(text: str) -> dict[str, str]:
    """The plain part of Java's properties format, which is all that Kafka needs here."""
    properties = {}
    for line in text.splitlines():
        key, separator, value = line.partition("=")
        if separator and not line.startswith(("#", "!")):
            properties[key.strip()] = value.strip()
    return properties


def _bad_meta_properties(path: Path, reason: str) -> StartupError:
    return StartupError(
        f"{path} cannot be understood: {reason}. It says which cluster and node the directory "
        "belongs to. Restore it from a backup or, if you are sure that the data is this node's, "
        "remove it: a new one will be written"
    )
