# mypy: ignore-errors
# Django has no types.

from django.db import migrations, models


def number_titles(apps, schema_editor):
    book = apps.get_model("shop", "Book")
    for found in book.objects.order_by("id"):
        book.objects.filter(id=found.id).update(title=f"{found.title} {found.id}")


class Migration(migrations.Migration):
    dependencies = (("shop", "0009_indexes"),)
    atomic = False
    operations = (
        migrations.RunPython(number_titles, migrations.RunPython.noop),
        migrations.AddConstraint(
            "Book", models.UniqueConstraint(fields=["author", "title"], name="one_title_per_author")
        ),
        migrations.AddConstraint(
            "Book", models.CheckConstraint(condition=models.Q(copies__gte=0), name="copies_exist")
        ),
    )
