# mypy: ignore-errors
# Django has no types.

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = (("shop", "0015_own_sql"),)
    operations = (migrations.RunSQL("update shop_book set grade = 'best' where id % 3 = 0"),)
