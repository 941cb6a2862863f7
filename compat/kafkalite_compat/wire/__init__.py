"""The suite's own client: what it prepares for a scenario, and how it looks at what a client under test has left behind.

Blocking, one connection per broker, on the generated messages of `kafkalite_protocol`. It speaks the highest version that both sides
know, so that it also works with brokers that nobody has tried yet.
"""
