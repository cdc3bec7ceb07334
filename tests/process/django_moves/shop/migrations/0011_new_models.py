# mypy: ignore-errors
# Django has no types.

from django.db import migrations, models


def first_reviews(apps, schema_editor):
    book, review = apps.get_model("shop", "Book"), apps.get_model("shop", "Review")
    for found in book.objects.order_by("id")[:40]:
        review.objects.create(book=found, stars=found.id % 5)
        found.editors.add(found.author)


class Migration(migrations.Migration):
    dependencies = (("shop", "0010_constraints"),)
    operations = (
        migrations.CreateModel(
            "Review",
            [
                ("id", models.BigAutoField(primary_key=True)),
                ("book", models.ForeignKey("shop.Book", models.CASCADE, related_name="reviews")),
                ("stars", models.PositiveSmallIntegerField()),
            ],
            options={"unique_together": {("book", "stars")}},
        ),
        migrations.AddField("Book", "editors", models.ManyToManyField("shop.Author", related_name="edited")),
        migrations.RunPython(first_reviews, migrations.RunPython.noop),
    )
