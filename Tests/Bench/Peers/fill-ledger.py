# fill-ledger.py LEDGER COUNT: makes so many rows more like the newest one there, by the steps that the ledger allows.
import random
import sqlite3
import sys

alphabet = "0123456789abcdefghjkmnpqrstvwxyz"
path, count = sys.argv[1], int(sys.argv[2])
database = sqlite3.connect(path, isolation_level=None)
database.row_factory = sqlite3.Row
model = dict(database.execute("SELECT * FROM runs WHERE gone IS NOT NULL ORDER BY id DESC LIMIT 1").fetchone())
steps = [dict(row) for row in database.execute(
    'SELECT * FROM transitions WHERE run = ? ORDER BY at, "from" IS NOT NULL, "to" IN (?, ?) DESC',
    (model["id"], "starting", "running"))]


def identifier(milliseconds):
    value = milliseconds << 80 | random.getrandbits(80)
    return "".join(alphabet[value >> shift & 31] for shift in range(125, -1, -5))


def insert(table, row):
    names = ", ".join(f'"{name}"' for name in row)
    database.execute(f"INSERT INTO {table} ({names}) VALUES ({', '.join('?' * len(row))})", tuple(row.values()))


database.execute("BEGIN")
for number in range(count):
    # Older than the newest, 100 ms apart: some hours of work.
    name = identifier(model["created"] - 100 * (count - number))
    insert("runs", model | {"id": name, "status": steps[0]["to"], "reason": None, "key": None})
    insert("transitions", steps[0] | {"run": name})
    for step in steps[1:]:
        database.execute("UPDATE runs SET status = ?, reason = ? WHERE id = ?", (step["to"], step["reason"], name))
        insert("transitions", step | {"run": name})
database.execute("COMMIT")
database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
print(database.execute("SELECT count(*) FROM runs").fetchone()[0])
