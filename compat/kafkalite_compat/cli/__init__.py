"""The command `kafkalite-compat`: main.py puts it together, the other modules are its parts."""
