"""What the helpdesk contains before anybody uses it; planting it twice changes nothing."""

import json
import os
from pathlib import Path

from django.apps import apps


def plant(address: str) -> None:
    """Makes the people, the queue and the fields, and writes the ids the API does not tell to `site.json`."""
    apps.get_model("sites", "Site").objects.update_or_create(pk=1, defaults={"domain": address, "name": "Helpdesk"})
    plant_fields()
    ids = {
        "queue": plant_queue(),
        "admin": plant_user("admin", "HELPDESK_ADMIN_PASSWORD", is_superuser=True),
        "bot": plant_user("bridge-bot", "HELPDESK_BOT_PASSWORD", is_superuser=False),
    }
    path = Path(os.environ["HELPDESK_DATA_DIR"]) / "site.json"
    path.write_text(json.dumps(ids), encoding="utf-8")


def plant_user(name: str, password_variable: str, *, is_superuser: bool) -> int:
    """A staff user with the password of the environment; an unchanged password keeps its sessions."""
    defaults = {"email": f"{name}@example.com", "is_staff": True, "is_superuser": is_superuser}
    user, _ = apps.get_model("auth", "User").objects.get_or_create(username=name, defaults=defaults)
    password = os.environ[password_variable]
    if not user.check_password(password):
        user.set_password(password)
        user.save()
    return int(user.pk)


def plant_queue() -> int:
    """The queue `support`, which the public form offers as well."""
    defaults = {"title": "Support", "allow_public_submission": True}
    queue, _ = apps.get_model("helpdesk", "Queue").objects.get_or_create(slug="support", defaults=defaults)
    return int(queue.pk)


def plant_fields() -> None:
    """The customer's number, and the place where the bridge writes down its conversation."""
    plant_field("phone", "Phone (WhatsApp)", staff_only=False)
    plant_field("jelou_conversation_id", "Jelou conversation", staff_only=True)


def plant_field(name: str, label: str, *, staff_only: bool) -> None:
    """A line of text on every ticket; the public form leaves out those for staff only."""
    defaults = {"label": label, "data_type": "varchar", "max_length": 200, "staff_only": staff_only}
    apps.get_model("helpdesk", "CustomField").objects.get_or_create(name=name, defaults=defaults)
