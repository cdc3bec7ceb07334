# mypy: ignore-errors
# Django has no types.

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = (("shop", "0003_field_with_default"),)
    operations = (
        migrations.AddField("Book", "rating", models.SmallIntegerField(db_default=3)),
        migrations.AddField("Book", "seen_at", models.DateTimeField(db_default=models.functions.Now())),
        migrations.AddField("Book", "token", models.UUIDField(db_default=models.Func(function="gen_random_uuid"))),
    )
