from kafkalite_compat.cli.main import main

main(prog_name="kafkalite-compat")
