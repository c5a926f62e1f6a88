"""The tables of a results database, made as dgbench makes them: for the scripts that invent results."""
import glob
import os

TIME = "2026-01-01T00:00:00Z"
FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "results")


def make_tables(db):
    """schema.sql, its migrations in order, the views."""
    migrations = sorted(glob.glob(os.path.join(FOLDER, "schema-*.sql")), key=lambda path: int(path[:-4].split("-")[-1]))
    for path in [os.path.join(FOLDER, "schema.sql"), *migrations, os.path.join(FOLDER, "views.sql")]:
        with open(path, encoding="utf-8") as file:
            db.executescript(file.read())
    db.execute(f"PRAGMA application_id = {0x64676231}")
    db.execute(f"PRAGMA user_version = {1 + len(migrations)}")


def derive(db):
    """The derived tables, once all runs are there."""
    with open(os.path.join(FOLDER, "derive.sql"), encoding="utf-8") as file:
        db.executescript(file.read())
