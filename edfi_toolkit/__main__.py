"""`python -m edfi_toolkit` is `edfi-toolkit`."""

from edfi_toolkit.cli import main

if __name__ == "__main__":
    main()
