"""The helpdesk's database, migrated once per set of versions and copied from then on."""

import os
import shutil
from importlib.metadata import version
from pathlib import Path

from django.core.management import call_command
from django.db import connection
from django.db.migrations.executor import MigrationExecutor


def database() -> Path:
    """Where the data folder keeps its database."""
    return Path(os.environ["HELPDESK_DATA_DIR"]) / "helpdesk.sqlite3"


def template() -> Path | None:
    """The migrated and empty database of these versions, or None when no folder for it was named."""
    folder = os.environ.get("HELPDESK_TEMPLATE_DIR")
    if not folder:
        return None
    return Path(folder) / f"helpdesk-{version('django-helpdesk')}-django-{version('django')}.sqlite3"


def copy_template() -> None:
    """Starts an empty data folder from the template, which spares it the migrations."""
    source = template()
    if source is None or not source.exists() or database().exists():
        return
    part = database().with_suffix(".part")
    shutil.copyfile(source, part)
    part.replace(database())


def migrate() -> None:
    """Applies the migrations the database lacks; a database that was empty becomes the template."""
    executor = MigrationExecutor(connection)
    if not executor.migration_plan(executor.loader.graph.leaf_nodes()):
        return
    new = not executor.loader.applied_migrations
    call_command("migrate", verbosity=0, interactive=False)
    if new:
        save_template()


def save_template() -> None:
    """Keeps a copy of the database as it is now; another process never sees half of it."""
    target = template()
    if target is None or target.exists():
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(f"{target.name}.{os.getpid()}")
    with connection.cursor() as cursor:
        cursor.execute("VACUUM INTO %s", [str(part)])
    part.replace(target)
