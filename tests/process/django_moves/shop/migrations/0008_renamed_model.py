# mypy: ignore-errors
# Django has no types.

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = (("shop", "0007_renamed_field"),)
    operations = (migrations.RenameModel("Tag", "Label"),)
