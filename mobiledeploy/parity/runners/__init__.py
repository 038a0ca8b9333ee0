"""Who executes an artifact during a parity check: one file per runner, one line each in `table`."""
