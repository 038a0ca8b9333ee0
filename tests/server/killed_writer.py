"""A program that writes to a store and is killed with -9 in the middle, again and again.

    python killed_writer.py STORE ROUNDS SEED

Each round writes three rows a transaction, and tells of each transaction when it has been committed. Exits with a
message where one that was told of is not there afterwards, or a part of one is.
"""

from __future__ import annotations

import os
import random
import select
import signal
import sys
import time

import sqlalchemy

from mobiledeploy.server.ledger import open_ledger
from mobiledeploy.server.tables import reports

_PARTS = 3
_FIRST_SECONDS = 30.0
_ROW = {"digest": "d", "standing": "real", "imported": False, "document": "x" * 3000, "about": "{}", "received": "now"}


def write(store: str, round_: int, told: int) -> None:
    ledger = open_ledger(store)
    number = 0
    while True:
        with ledger.writing() as connection:
            for part in range(_PARTS):
                row = _ROW | {"job": f"{round_}-{number}-{part}", "id": f"r-{round_}-{number}-{part}"}
                connection.execute(sqlalchemy.insert(reports).values(**row))
        os.write(told, b".")
        number += 1


def one_round(store: str, round_: int, chance: random.Random) -> int:
    """How many transactions were told of."""
    read_end, write_end = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(read_end)
        write(store, round_, write_end)
    os.close(write_end)
    select.select([read_end], [], [], _FIRST_SECONDS)  # it writes
    time.sleep(chance.random() * 0.03)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    told = len(os.read(read_end, 1 << 16))
    os.close(read_end)
    if told == 0:
        sys.exit(f"round {round_}: it was killed before it wrote")
    return told


def check(store: str, round_: int, told: int) -> None:
    ledger = open_ledger(store)
    with ledger.reading() as connection:
        found = connection.execute(sqlalchemy.select(reports.c.job).where(reports.c.job.like(f"{round_}-%"))).scalars()
        parts = [job.split("-") for job in found]
        if (
            connection.dialect.name == "sqlite"
            and connection.exec_driver_sql("PRAGMA integrity_check").scalar() != "ok"
        ):
            sys.exit("the file is damaged")
    ledger.close()
    numbers = {int(number) for _, number, _ in parts}
    if len(parts) != _PARTS * len(numbers):
        sys.exit(f"round {round_}: a part of a transaction is there")
    if not told <= len(numbers) <= told + 1:
        sys.exit(f"round {round_}: {told} transactions were told of, {len(numbers)} are there")


def main() -> None:
    store, rounds, seed = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    chance, told = random.Random(seed), 0
    open_ledger(store).close()
    for round_ in range(rounds):
        one = one_round(store, round_, chance)
        check(store, round_, one)
        told += one
    print(f"{told} transactions in {rounds} rounds")


if __name__ == "__main__":
    main()
