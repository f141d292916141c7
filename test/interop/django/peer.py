"""A Django project without files of its own: python peer.py <kombu|lazy> <database> <command>; JSON in, JSON out."""

import json
import logging
import sys
from pathlib import Path

import django
from django.conf import settings

recipe, database, command = sys.argv[1:4]
here = Path(__file__).parent
sys.path[:0] = [str(here), str(here.parents[2] / "python")]
settings.configure(
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": database}},
    INSTALLED_APPS=["shop"],
    DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
    USE_TZ=True,
    DEBUG=False,
)
django.setup()

from django.apps import apps  # noqa: E402
from django.db import connection, models  # noqa: E402
from django.test.utils import CaptureQueriesContext  # noqa: E402
from kombu.serialization import dumps, loads  # noqa: E402
from kombu.utils.json import register_type  # noqa: E402
from shop.models import Ledger, Order, Seat, Token  # noqa: E402

if recipe == "lazy":
    import celeriac_django  # noqa: F401
else:
    # As kombu's user guide has it.
    register_type(
        models.Model,
        "model",
        lambda o: [o._meta.label, o.pk],
        lambda o: apps.get_model(o[0]).objects.get(pk=o[1]),
    )


def create():
    with connection.schema_editor() as editor:
        for model in (Order, Token, Seat, Ledger):
            editor.create_model(model)
    Order.objects.create(id=42, reference="A-42", version=7)
    Token.objects.create(id="0f8fad5b-d9cb-469f-a165-70867728950e", name="key")
    Seat.objects.create(row=12, seat="C", holder="Ada")
    Ledger.objects.create(id=2**53 + 1, name="big")


def described(value):
    if isinstance(value, models.Model):
        fields = {field.name: str(getattr(value, field.name)) for field in value._meta.local_concrete_fields}
        return {"label": value._meta.label, **fields}
    if isinstance(value, list):
        return [described(each) for each in value]
    if isinstance(value, dict):
        return {key: described(each) for key, each in value.items()}
    return value


def decode(request):
    with CaptureQueriesContext(connection) as decoding:
        args, kwargs, _ = loads(request["body"], "application/json", "utf-8", accept={"application/json"})
        again = dumps([args, kwargs, {}], "json")[2]
    with CaptureQueriesContext(connection) as using:
        values = described([args, kwargs])
    return {"values": values, "again": again, "decoding": len(decoding), "using": len(using)}


def encode(_):
    token, seat = Token.objects.get(), Seat.objects.get()
    body = dumps([[Order.objects.get(), {"seats": [seat], "token": token}], {}, {}], "json")
    return {"contentType": body[0], "contentEncoding": body[1], "body": body[2]}


def lose(_):
    """A task whose row is deleted while the message waits."""
    from celery import Celery
    from celery.contrib.testing.worker import start_worker

    logging.disable(logging.CRITICAL)
    app = Celery("shop", broker="memory://", backend="cache+memory://", set_as_current=True)
    attempts = []

    @app.task(bind=True, autoretry_for=(Exception,), max_retries=2, default_retry_delay=0)
    def ship(self, order):
        attempts.append(self.request.retries)
        return order.reference

    @app.task
    def mark():
        return "reached"

    order = Order.objects.create(reference="gone")
    result = ship.delay(order)
    order.delete()
    marker = mark.delay()
    with start_worker(app, pool="solo", perform_ping_check=False, shutdown_timeout=20):
        marker.get(timeout=20)
        if recipe == "lazy":
            result.get(timeout=20, propagate=False)
    error = type(result.result).__name__ if isinstance(result.result, Exception) else None
    return {"state": result.state, "attempts": attempts, "error": error}


if command == "create":
    create()
else:
    print(json.dumps({"decode": decode, "encode": encode, "lose": lose}[command](json.load(sys.stdin))))
