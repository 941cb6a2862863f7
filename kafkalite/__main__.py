"""`python -m kafkalite` is the `kafkalite` command."""

from kafkalite.cli.main import main

if __name__ == "__main__":
    main(prog_name="kafkalite")
