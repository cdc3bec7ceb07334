# mypy: ignore-errors
# Django has no types.

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = (("shop", "0016_new_label_used"),)
    operations = (migrations.AlterField("Author", "id", models.BigAutoField(primary_key=True)),)
