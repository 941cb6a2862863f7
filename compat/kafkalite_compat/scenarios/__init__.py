"""The scenarios: each described once in the field's terms and written once, for every client and broker.

A scenario is a function of a `World` (world.py): it takes steps through the client under test, prepares and looks through the
suite's own wire client, and ends without an exception if all was as it must be.
"""
