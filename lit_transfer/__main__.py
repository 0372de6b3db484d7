"""`python -m lit_transfer` is the same program as `lightning` and `lit-transfer`."""

from lit_transfer.cli.main import main

if __name__ == "__main__":
    main()
