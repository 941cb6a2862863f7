"""A control plane over a metadata log in memory, and a broker around it that is just enough for topic handlers."""

from __future__ import annotations

import random
from types import SimpleNamespace

from kafkalite.broker.internal_topics import InternalTopics
from kafkalite.clock import ManualClock
from kafkalite.config import BrokerConfig
from kafkalite.deferred import Deferred, resolved
from kafkalite.metadata.events import RegisterBroker
from kafkalite.metadata.image import Endpoint
from kafkalite.metadata.image_delta import apply_records
from kafkalite.metadata.local_control_plane import LocalControlPlane
from kafkalite.metadata.records import decode_record, encode_record
from kafkalite.types import BrokerId, Offset, Uuid

CLUSTER_ID = "wwGPqIBYRB6tdilnOLXO-A"


class MemoryMetadataLog:
    """Like `MetadataLog`: a list of encoded batches, and how many of them survive a power cut."""

    def __init__(self):
        self.batches = []
        self.start = 0
        """Offset of the first record that is kept."""
        self.flushed = 0
        self.flushes = None
        """None: flush at once. A list: flushes under way, for the test to end."""
        self.append_error = None

    leader_epoch = 1

    def replay(self, image):
        records = [decode_record(value) for batch in self.batches for value in batch]
        return apply_records(image, records[self.start :], Offset(len(records)))

    @property
    def record_count(self):
        return sum(map(len, self.batches)) - self.start

    def forget_before(self, offset):
        self.start = offset

    def append(self, records):
        if self.append_error is not None:
            raise self.append_error
        self.batches.append([encode_record(record) for record in records])
        return Offset(sum(map(len, self.batches)))

    def flush(self):
        if self.flushes is None:
            self.flushed = len(self.batches)
            return resolved(None)
        flush = Deferred()
        self.flushes.append((flush, len(self.batches)))
        return flush

    def end_flush(self, error=None):
        flush, count = self.flushes.pop(0)
        if error is not None:
            flush.fail(error)
            return
        self.flushed = count
        flush.resolve(None)

    def lose_power(self):
        del self.batches[self.flushed :]


def registration(broker_id=1, *, rack=None, incarnation=b"i" * 16, listener="PLAINTEXT"):
    return RegisterBroker(
        broker_id=BrokerId(broker_id),
        incarnation_id=Uuid(incarnation),
        endpoints=(Endpoint(listener, f"host{broker_id}", 9090 + broker_id),),
        log_dirs=(Uuid(b"d" * 15 + bytes([broker_id])),),
        rack=rack,
    )


def open_control_plane(log=None, config=None, seed=7):
    """A control plane that has replayed its log; nobody is registered."""
    return LocalControlPlane(
        log if log is not None else MemoryMetadataLog(),
        cluster_id=CLUSTER_ID,
        config=config if config is not None else BrokerConfig(),
        random=random.Random(seed),
    )


def start_control_plane(*brokers, log=None, config=None):
    """With brokers registered, the last of them the one that asks; broker 1 alone when none is named."""
    control_plane = open_control_plane(log, config)
    for broker_id in brokers or (1,):
        control_plane.register(registration(broker_id)).result()
    return control_plane


class FakeBroker:
    """What topic handlers ask of a broker. Endpoints come from the image."""

    def __init__(self, control_plane, config=None):
        self.control_plane = control_plane
        self.config = config if config is not None else BrokerConfig()
        self.internal_topics = InternalTopics(self)
        self.clock = ManualClock()
        self.node_id = BrokerId(self.config.node_id)

    @property
    def image(self):
        return self.control_plane.image

    def endpoint(self, node_id, connection):
        broker = self.image.brokers.get(node_id)
        for endpoint in broker.endpoints if broker else ():
            if endpoint.listener == connection.listener:
                return endpoint.host, endpoint.port
        return "", -1


def ask(handler, broker, request, version, *, listener="PLAINTEXT"):
    """The answer of a handler as the client reads it: request and response go through their bytes in `version`."""
    from kafkalite_protocol.messages import request_class, response_class

    decoded = request_class(handler.API_KEY).decode(version, request.encode(version))
    context = SimpleNamespace(
        api_key=handler.API_KEY,
        api_version=version,
        broker=broker,
        connection=SimpleNamespace(listener=listener),
    )
    answer = handler.handle(context, decoded)
    if isinstance(answer, Deferred):
        answer = answer.result()
    out = bytearray()
    answer.encode_into(version, out)
    return response_class(handler.API_KEY).decode(version, bytes(out))
