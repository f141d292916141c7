"""Model references for a Django project that shares tasks with celeriac workers.

Copy this file into the project and import it once in every process that sends or runs tasks, such as in the
``ready()`` of an ``AppConfig``::

    import celeriac_django  # noqa: F401

From then on ``task.delay(order)`` sends ``["shop.Order", 42]`` instead of failing, and a task that is called with a
model, by Django or by celeriac, gets an object that behaves as the instance. It replaces the two lambdas of kombu's
documentation for ``register_type(Model, "model", ...)`` and writes and reads the same messages.

What is different: kombu decodes a message before the task exists, so a row that is gone, or a database that is away,
makes Celery acknowledge and drop the message with nothing but a log line. Here the row is loaded when the task first
uses it. ``DoesNotExist`` and ``OperationalError`` are then raised inside the task, where ``autoretry_for``,
``on_failure`` and results work as for any other exception, and the row is read once instead of twice.

Extras of a reference that are understood: ``db``, the database alias; sent with instances that did not come from the
default database. An instance with an integer attribute ``version`` sends it as ``v``, which lets celeriac workers wait
for a replica that lags behind.
"""

from django.apps import apps
from django.db.models import Model
from django.utils.functional import SimpleLazyObject
from kombu.utils.json import register_type

__all__ = ["LazyModel", "encode"]


def encode(instance):
    """What stands behind the marker ``model``: label and key, and extras if there are any."""
    if instance.pk is None:
        raise ValueError(f"{instance._meta.label} is not saved: it has no key to send")
    extra = {}
    if instance._state.db not in (None, "default"):
        extra["db"] = instance._state.db
    if type(getattr(instance, "version", None)) is int:
        extra["v"] = instance.version
    reference = [instance._meta.label, instance.pk]
    return [*reference, extra] if extra else reference


def _key(value):
    """Composite keys travel as lists."""
    return tuple(value) if isinstance(value, list) else value


class LazyModel(SimpleLazyObject):
    """An instance that is loaded at its first use. ``isinstance``, ``repr`` and sending it on need no query."""

    def __init__(self, reference):
        label, key = reference[0], reference[1]
        extra = (reference[2] if len(reference) > 2 else None) or {}
        model = apps.get_model(label)
        manager = model._base_manager.using(extra.get("db") or "default")
        # No names that a field may have: what is found here is never asked of the instance.
        self.__dict__["_celeriac_reference"] = list(reference)
        self.__dict__["_celeriac_model"] = model
        super().__init__(lambda: manager.get(pk=_key(key)))

    @property
    def __class__(self):
        return self.__dict__["_celeriac_model"]

    def __json__(self):
        return {"__type__": "model", "__value__": self.__dict__["_celeriac_reference"]}

    def __repr__(self):
        label, key = self.__dict__["_celeriac_reference"][:2]
        return f"<{label} {key}>"


register_type(Model, "model", encode, LazyModel)
