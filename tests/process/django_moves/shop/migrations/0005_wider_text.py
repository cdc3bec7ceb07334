# mypy: ignore-errors
# Django has no types.

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = (("shop", "0004_field_with_database_default"),)
    operations = (
        migrations.AlterField("Book", "title", models.CharField(max_length=300, db_index=True)),
        migrations.AlterField("Author", "name", models.TextField()),
        migrations.AlterField("Book", "price", models.DecimalField(max_digits=12, decimal_places=2)),
    )
