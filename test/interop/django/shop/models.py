from django.db import models


class Order(models.Model):
    reference = models.CharField(max_length=50)
    model = models.CharField(max_length=50, default="a field of that name")
    version = models.IntegerField(default=1)

    class Meta:
        app_label = "shop"


class Token(models.Model):
    id = models.UUIDField(primary_key=True)
    name = models.CharField(max_length=50)

    class Meta:
        app_label = "shop"


class Seat(models.Model):
    pk = models.CompositePrimaryKey("row", "seat")
    row = models.IntegerField()
    seat = models.CharField(max_length=5)
    holder = models.CharField(max_length=50)

    class Meta:
        app_label = "shop"


class Ledger(models.Model):
    id = models.BigIntegerField(primary_key=True)
    name = models.CharField(max_length=50)

    class Meta:
        app_label = "shop"
