# mypy: ignore-errors
# Django has no types.

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = (("shop", "0006_wider_numbers"),)
    operations = (migrations.RenameField("Author", "email", "contact"),)
