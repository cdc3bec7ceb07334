# mypy: ignore-errors
# Django has no types.

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = (("shop", "0005_wider_text"),)
    operations = (
        migrations.AlterField("Book", "pages", models.BigIntegerField(default=1)),
        migrations.AlterField("Book", "id", models.BigAutoField(primary_key=True)),
    )
