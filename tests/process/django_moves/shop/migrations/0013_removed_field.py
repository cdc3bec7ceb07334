# mypy: ignore-errors
# Django has no types.

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = (("shop", "0012_filled_and_required"),)
    operations = (migrations.RemoveField("Book", "state"),)
