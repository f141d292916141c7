"""A Django project at the same broker: the tasks of interop_app, and some that take and send rows."""

import os
import sys
from pathlib import Path

import django
from django.conf import settings

interop = Path(__file__).parents[1]
sys.path[:0] = [str(interop / "django"), str(interop.parents[1] / "python")]
settings.configure(
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": os.environ["INTEROP_DATABASE"]}},
    INSTALLED_APPS=["shop"],
    DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
    USE_TZ=True,
)
django.setup()

import celeriac_django  # noqa: E402, F401
from interop_app import app  # noqa: E402
from shop.models import Order  # noqa: E402


@app.task(name="dj.read")
def read(orders):
    return [[order._meta.label, isinstance(order, Order), order.pk, order.reference] for order in orders]


@app.task(name="dj.write")
def write(order, reference):
    order.reference = reference
    order.version += 1
    order.save()


@app.task(name="dj.send")
def send(pk, task, queue):
    """Calls a task of the other side with a row."""
    return app.send_task(task, [Order.objects.get(pk=pk)], queue=queue).id


@app.task(name="dj.forward")
def forward(order, task, queue):
    """Sends on a row that was sent here, without loading it."""
    return app.send_task(task, [order], queue=queue).id
