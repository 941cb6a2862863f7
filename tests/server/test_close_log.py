"""Closed connections are told in the log, but a flood of them is not."""

from __future__ import annotations

from kafkalite.broker.request import ConnectionInfo
from kafkalite.clock import ManualClock
from kafkalite.server.close_log import LINES_MAX, WINDOW_MS, CloseLog

INFO = ConnectionInfo("PLAINTEXT", "192.0.2.1", 4711, "192.0.2.2", 9092, "sarama", "1.0")


def test_line_names_the_client_its_software_and_the_reason(caplog):
    CloseLog(ManualClock()).closing(INFO, "a frame of -5 bytes")
    assert "192.0.2.1:4711 (sarama 1.0): a frame of -5 bytes" in caplog.text


def test_flood_is_cut_off_and_counted_in_the_next_line_after_it(caplog):
    clock = ManualClock()
    log = CloseLog(clock)
    for _ in range(LINES_MAX + 990):
        log.closing(INFO, "x")
    assert len(caplog.records) == LINES_MAX
    clock.advance(WINDOW_MS)
    log.closing(INFO, "y")
    assert [record.getMessage() for record in caplog.records[LINES_MAX:]] == [
        "closed 990 more connections in the meantime",
        f"closing the connection from {INFO}: y",
    ]


def test_slow_trickle_is_told_line_by_line(caplog):
    clock = ManualClock()
    log = CloseLog(clock)
    for _ in range(5 * LINES_MAX):
        log.closing(INFO, "x")
        clock.advance(WINDOW_MS // LINES_MAX)
    assert len(caplog.records) == 5 * LINES_MAX
