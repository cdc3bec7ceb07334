# mypy: ignore-errors
# Django has no types.

from django.db import migrations, models


def fill(apps, schema_editor):
    apps.get_model("shop", "Book").objects.update(subtitle="filled")


class Migration(migrations.Migration):
    dependencies = (("shop", "0011_new_models"),)
    atomic = False
    operations = (
        migrations.RunPython(fill, migrations.RunPython.noop),
        migrations.AlterField("Book", "subtitle", models.CharField(max_length=50, default="")),
    )
