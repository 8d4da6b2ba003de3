"""The shop's PostgreSQL: a fresh, filled data folder for every run."""
import glob
from pathlib import Path

from demo.loop import configuration
from demo.loop.process import Placement, Process, open_for

USER = "postgres"


def program(name: str) -> str:
    """Debian keeps each version's programs in a folder of its own; the newest is taken."""
    found = glob.glob(f"/usr/lib/postgresql/*/bin/{name}")
    if not found:
        raise RuntimeError(f"PostgreSQL's {name} is missing; install the package postgresql")
    return max(found, key=lambda path: int(path.split("/")[4]))


def create(data: Path, tools: list[Path], log: Path, items: int) -> None:
    """Makes the data folder with the table `item`; takes one to two seconds."""
    open_for(USER, data)
    script = configuration.write(data.parent / "items.sql", configuration.DATABASE, items=items)
    placement = Placement(tools, user=USER)
    initdb = [program("initdb"), "-D", str(data), "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync"]
    Process("initdb", initdb, placement, log).run()
    # In single-user mode: the container's counters begin with a database that is filled already.
    single = [program("postgres"), "--single", "-D", str(data), "postgres"]
    filling = Process("postgres --single", single, placement, log, stdin=str(script))
    filling.run()
    if "ERROR" in filling.log_tail():
        raise RuntimeError(f"filling the database failed:\n{filling.log_tail()}")
    with open(data / "pg_hba.conf", "a", encoding="utf-8") as rules:
        rules.write("host all all samenet trust\n")
    with open(data / "postgresql.conf", "a", encoding="utf-8") as settings:
        settings.write("listen_addresses = '*'\nunix_socket_directories = ''\nshared_buffers = 32MB\n")
