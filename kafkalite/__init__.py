"""A Kafka broker in Python that stock Kafka clients talk to unchanged."""

__version__ = "0.1.0"
