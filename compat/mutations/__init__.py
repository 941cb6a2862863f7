"""Does the suite notice? Faults are put into kafkalite one by one, and the suite is run on each (faults.toml, __main__.py)."""
