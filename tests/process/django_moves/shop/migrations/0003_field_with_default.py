# mypy: ignore-errors
# Django has no types.

from django.db import migrations, models
from django.utils import timezone


class Migration(migrations.Migration):
    dependencies = (("shop", "0002_nullable_field"),)
    operations = (
        migrations.AddField("Book", "copies", models.IntegerField(default=7)),
        migrations.AddField("Author", "joined", models.DateTimeField(auto_now_add=True, default=timezone.now)),
    )
