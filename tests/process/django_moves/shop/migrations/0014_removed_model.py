# mypy: ignore-errors
# Django has no types.

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = (("shop", "0013_removed_field"),)
    operations = (migrations.DeleteModel("Draft"),)
