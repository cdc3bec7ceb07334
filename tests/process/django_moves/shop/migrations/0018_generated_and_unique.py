# mypy: ignore-errors
# Django has no types.

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = (("shop", "0017_wider_key"),)
    operations = (
        migrations.AddField(
            "Book",
            "loud",
            models.GeneratedField(
                expression=models.functions.Upper("title"), output_field=models.TextField(), db_persist=True
            ),
        ),
        migrations.AlterField("Label", "word", models.CharField(max_length=30, unique=True)),
        migrations.AlterModelTable("Visit", "shop_visits"),
        migrations.AlterModelTableComment("Book", "what is sold"),
    )
