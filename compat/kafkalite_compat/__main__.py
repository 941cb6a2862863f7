from kafkalite_compat.cli import main

main(prog_name="kafkalite-compat")
